"""The public files of a data set: whether and where they are, and how they get there; nothing is ever overwritten."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pooch

from annealing.errors import DataError
from ifp.datasets.cache import cache_directory
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import find_file
from ifp.mirrors import Report, download, mismatch


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A public file that is there now."""

    path: Path
    already: bool  # it was there before
    checksum: str | None = None  # what it was found to have; None where none is known of the public file
    sha256: str | None = None  # its own, where none is known of the public file


def files_at(name: str, family: Family, data_dir: Path | None = None) -> list[Path] | None:
    """Where each of the family's public files is; None where one is missing, or it has none."""
    found = [find_file(file.names, name, data_dir) for file in family.files]
    there = [path for path in found if path is not None]
    return there if there and len(there) == len(found) else None


def fetch_files(
    name: str, family: Family, data_dir: Path | None = None, report: Report = lambda received: None
) -> Iterator[Fetched]:
    """Bring the family's public files, one after the other; those that are there are only checked.

    Args:
        name: of the data set.
        family: to which it belongs.
        data_dir: where the files go; without it the folder ``name`` in IFP_DATA_DIR, or in the user's cache.
        report: is told how far each download has come.

    Raises:
        DataError: a file cannot be had from any of its mirrors, or only by hand; one that is there is not the public
            one; there is no room, or no right to write. Files that came before it stay, and are not fetched again.
    """
    folder = folder_of(name, data_dir)
    for file in sorted(family.files, key=lambda each: not each.urls):  # those to be had by hand last
        there = find_file(file.names, name, data_dir)
        if there is not None:
            yield _checked(name, file, there)
        elif file.urls:
            download(file, folder / file.name, report)
            yield _described(file, folder / file.name, already=False)
        else:
            raise DataError(_by_hand(name, family, folder))


def folder_of(name: str, data_dir: Path | None) -> Path:
    """Where the public files of a data set go."""
    if data_dir is not None:
        return data_dir.expanduser()
    shared = os.environ.get("IFP_DATA_DIR")
    return (Path(shared).expanduser() if shared else cache_directory() / "data") / name


def _by_hand(name: str, family: Family, folder: Path) -> str:
    wanted = " and ".join(file.name for file in family.files if not file.urls)
    without = f"; without it {name} is made here" if family.made_here else ""
    where = family.homepage or "its authors'"
    return f"need {wanted} brought by hand, no address of it is known: get it at {where}, put it into {folder}{without}"


def _checked(name: str, file: PublicFile, path: Path) -> Fetched:
    """The file that is there already; DataError where it is another than the public one."""
    if path.name != file.name or path.is_dir():  # unpacked, while checksums are of what is packed
        return Fetched(path=path, already=True)
    try:
        wrong = mismatch(file, path)
    except OSError as error:
        raise DataError(f"need to read {path}, got: {error}") from error
    if wrong:
        raise DataError(f"need the public {file.name} for {name}, {path} is another ({wrong}): move it away first")
    return _described(file, path, already=True)


def _described(file: PublicFile, path: Path, already: bool) -> Fetched:
    sha256 = None if file.checksum else pooch.file_hash(str(path), "sha256")
    return Fetched(path=path, already=already, checksum=file.checksum, sha256=sha256)
