"""What lies in a run's directory: plain files and folders of its own, and no link to anything else.

A run may come from somebody else. A link in it would have a command read a file of the reader's as if it were the
run's, into a page that is then shared, or clear a folder that lies elsewhere. No command follows one.
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from annealing.errors import RunError


def entries(path: Path, apart: Collection[str] = ()) -> Iterator[os.DirEntry[str]]:
    """All that lies in a directory and in the folders below it, by name; no link is followed.

    Args:
        path: the directory.
        apart: folders directly in it that are given, but not gone into.

    Raises:
        RunError: a folder cannot be read.
    """
    try:
        with os.scandir(path) as found:
            here = sorted(found, key=lambda each: each.name)
    except OSError as error:
        raise RunError(f"need to read {path}, got: {error}") from error
    for entry in here:
        yield entry
        if entry.is_dir(follow_symlinks=False) and entry.name not in apart:
            yield from entries(Path(entry.path))


def require_own(path: Path) -> None:
    """RunError where anything in a run's directory is a link, wherever it leads."""
    for entry in entries(path):
        if entry.is_symlink():
            raise RunError(
                f"need a run of its own files, {entry.path} is a link and not followed: put there what it leads to"
            )
