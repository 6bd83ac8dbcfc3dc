"""The public files of a data set: whether and where they are, and how they get there; nothing is ever overwritten."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from annealing.errors import DataError
from ifp.datasets.cache import cache_directory
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import find_file
from ifp.files.atomic import sweep, workplace
from ifp.machine.log import only_warnings

_TIMEOUT = (15, 60)  # seconds: to connect; without another byte
_BLOCK = 2**18  # bytes
_AS_STORED = {"Accept-Encoding": "identity"}  # the bytes that the checksum is of


@dataclass(frozen=True)
class Received:
    """How far the download of a file has come."""

    file: str
    done: int  # bytes
    total: int | None  # None where the server does not say


Report = Callable[[Received], None]


class _Followed:
    """A progress bar as pooch wants one, which reports."""

    def __init__(self, file: str, report: Report) -> None:
        self.total = 0
        self._file, self._report, self._done = file, report, 0

    def update(self, received: int) -> None:
        self._done += received
        self._report(Received(self._file, min(self._done, self.total or self._done), self.total or None))

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing is open."""


def mismatch(file: PublicFile, path: Path) -> str | None:
    """How the checksum at ``path`` differs from the public file's; None where it does not, or none is known."""
    if file.checksum is None:
        return None
    kind, _, expected = file.checksum.partition(":")
    found = pooch.file_hash(str(path), kind)
    return None if found == expected else f"its {kind} is {found}, not {expected}"


def download(file: PublicFile, target: Path, report: Report) -> None:
    """Bring the file to ``target``, where nothing is yet; after a failure nothing is there, nor beside it.

    Raises:
        DataError: no mirror gives it, there is no room, or no right to write.
    """
    refusals = []
    for url in file.urls:
        bar = _Followed(file.name, report)
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=_BLOCK, timeout=_TIMEOUT, headers=_AS_STORED)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with workplace(target.parent) as room, only_warnings("pooch"):  # what it says beside these, the caller does
                pooch.retrieve(url, file.checksum, fname=target.name, path=room, downloader=downloader)
                (room / "new").touch()
                (room / target.name).chmod((room / "new").stat().st_mode)  # the user's umask; pooch's own is 0600
                os.replace(room / target.name, target)
            sweep(target.parent)
            return
        except (requests.RequestException, ValueError) as error:  # before OSError, of which requests' are
            refusals.append(f"{url}: {_reason(error)}")
        except OSError as error:
            raise DataError(f"need a place to write {target}, got: {error}") from error
    raise DataError(f"need {file.name}, could not fetch it from {'; '.join(refusals)}")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke before the end"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error).partition(" Deleted download")[0]  # a checksum that is not the public one, in pooch's words


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
