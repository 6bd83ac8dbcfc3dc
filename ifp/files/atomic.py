"""Files and folders that appear whole or not at all: made beside their place, then renamed into it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from annealing.errors import RunError

PARTIAL = ".partial-"  # prefix of files being written


def require_writable(folder: Path) -> None:
    """RunError where a folder, or the nearest one above it that is there, cannot be written to."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise RunError(f"need a writable folder, got {there}, which is none")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of ``path`` once it is whole: fsync, rename, fsync of the folder.

    Raises:
        OSError: no room, or no right to write; ``path`` is as it was.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL, suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would keep others from a shared folder
        os.replace(temporary, path)
        _settle(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which is ``path`` once it is whole; what else stands there stays.

    Raises:
        OSError: no room, no right to write, or something stands there (FileExistsError).
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=PARTIAL) as room:
        folder = Path(room, path.name)
        folder.mkdir()
        yield folder
        try:
            folder.rename(path)
        except OSError as error:
            if path.exists():  # the system says that it is not empty, or no folder
                raise FileExistsError(f"{path} is there") from error
            raise


def write_atomically(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, and durably: see :func:`replacing`; RunError where it cannot be written."""
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise RunError(f"need to write {path}, got: {error}") from error


def write_into_folder(path: Path, data: bytes) -> None:
    """:func:`write_atomically`, in a folder that is made where it is not there yet."""
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"need to write {path}, got: {error}") from error
    write_atomically(path, data)


def _settle(folder: Path) -> None:
    """Have the names in a folder on disk: a rename alone may be forgotten when the power fails."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
