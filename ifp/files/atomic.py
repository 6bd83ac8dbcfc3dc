"""Files and folders that appear whole or not at all: made beside their place, then renamed into it."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
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
def replacing(path: Path, *, durably: bool = True) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of ``path`` once it is whole: fsync, rename, fsync of the folder.

    It has the mode that the user's umask gives to new files. Without ``durably`` nothing is waited for: a kill still
    leaves it whole or as it was, a power cut may not.

    Raises:
        OSError: no room, or no right to write; ``path`` is as it was.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    temporary, handle = _held(path, lambda place: os.open(place, flags, 0o666))
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if durably:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        if durably:
            _settle(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A new folder in another, removed in the end with all that is still in it; OSError where none can be made."""
    room, handle = _held(folder / "room", _made_folder)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        os.close(handle)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which is ``path`` once it is whole; what else stands there stays.

    Raises:
        OSError: no room, no right to write, or something stands there (FileExistsError).
    """
    with workplace(path.parent) as room:
        folder = room / path.name
        folder.mkdir()
        yield folder
        try:
            folder.rename(path)
        except OSError as error:
            if path.exists():  # the system says that it is not empty, or no folder
                raise FileExistsError(f"{path} is there") from error
            raise


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left in a folder; what is being written, by any process, stays.

    Whoever writes holds the system's lock of the unfinished file or folder, which ends with its process. Where the
    file system has no such locks everything stays.
    """
    for partial in folder.glob(f"{PARTIAL}*"):
        try:
            handle = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # gone by now, a link, or another user's
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)
        except OSError:  # held, or not ours to remove
            continue
        finally:
            os.close(handle)


def _held(path: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """A new place beside ``path``, and the handle of what was made there, locked for as long as it is open."""
    while True:
        place = path.parent / f"{PARTIAL}{secrets.token_hex(6)}{path.suffix}"
        try:
            handle = make(place)
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise
            continue  # swept away as soon as it was made
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if place.exists():  # else it was swept away before it was locked
            return place, handle
        os.close(handle)


def _made_folder(place: Path) -> int:
    place.mkdir()
    return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def write_atomically(path: Path, data: bytes, *, durably: bool = True) -> None:
    """Write the file whole or not at all, and durably: see :func:`replacing`; RunError where it cannot be written."""
    try:
        with replacing(path, durably=durably) as file:
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
