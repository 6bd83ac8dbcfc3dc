"""What lies in a folder of pictures: the pictures by path, what tells that one has changed, and what is passed over."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.names import in_one_line
from annealing.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_COMPANIONS = ("thumbs.db", "ehthumbs.db", "desktop.ini")  # of file managers; most begin with a dot
_NAMED = 5  # kinds that are told one by one


@dataclass(frozen=True)
class FolderListing:
    """What a folder and all below it hold; hidden files and file managers' companions are as if they were not there.

    Attributes:
        pictures: by path.
        identity: another one where a picture comes, goes or is written to.
        left_out: how many files of each kind are no pictures.
    """

    pictures: list[Path]
    identity: str
    left_out: Counter[str]

    def told_left_out(self, read: Counter[str]) -> str:
        """What was passed over but for these that were read, in words: 3 .txt, 1 .csv; empty where nothing was."""
        kinds = sorted((self.left_out - read).items(), key=lambda each: (-each[1], each[0]))
        named = [f"{count:,} {kind}" for kind, count in kinds[:_NAMED]]
        others = sum(count for _, count in kinds[_NAMED:])
        return ", ".join([*named, *([f"{others:,} of {len(kinds) - _NAMED} other kinds"] if others else [])])


def list_folder(folder: Path) -> FolderListing:
    """Pictures in the folder and below it; links that lead out of the folder are left out.

    Raises:
        DataError: there is none, or the folder cannot be read.
    """
    found: list[tuple[list[str], str]] = []  # parts of the path below the folder, and what tells a change
    left_out: Counter[str] = Counter()
    inside, start = os.path.join(os.path.realpath(folder), ""), len(os.path.join(folder, ""))
    try:
        for entry in _files(folder):
            kind = os.path.splitext(entry.name)[1].lower()
            if entry.is_symlink() and not (os.path.isfile(entry) and os.path.realpath(entry).startswith(inside)):
                left_out["links that lead out or to no file"] += 1
            elif not entry.is_file():  # a pipe would be waited for
                left_out["pipes or devices"] += 1
            elif kind not in SUFFIXES:
                left_out[in_one_line(kind) or "without suffix"] += 1
            else:
                about, name = entry.stat(), entry.path[start:]
                found.append((name.split(os.sep), f"|{name}|{about.st_size}|{about.st_mtime_ns}"))
    except OSError as error:
        raise DataError(f"need a folder of pictures, got: {error}") from error
    if not found:
        raise DataError(f"need pictures ({', '.join(SUFFIXES)}) in the folder {folder}, it holds none")
    found.sort()
    told = inside + "".join(told for _, told in found)
    identity = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    return FolderListing([folder.joinpath(*parts) for parts, _ in found], identity, left_out)


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Files and links in a folder and below it, in no order."""
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower() in _COMPANIONS:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry
