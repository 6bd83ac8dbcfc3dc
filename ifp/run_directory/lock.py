"""One writer at a time: the lock of a run directory, and how a stale one is told from one that is held."""

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annealing.errors import RunError

LOCK_FILE = ".lock"
GLANCE = 0.3  # seconds that a writer waits at least
_BEAT = 5.0  # seconds between signs of life
_PATIENCE = 3 * _BEAT  # how long a lock of another machine is watched for one
_POLL = 0.1


@contextmanager
def locked(path: Path, *, wait: float = GLANCE) -> Iterator[None]:
    """Hold the lock of a run directory; only its holder writes there.

    The lock is the system's own (``flock`` on ``.lock``), so that it ends with the process, however that ends; the
    file says which process holds it. Some shared file systems do not carry such locks from machine to machine. A file
    that names another machine therefore counts only as stale once it has shown no sign of life for some seconds, by
    the clock of the one who watches; the holder gives one every few.

    Args:
        wait: seconds to wait for another writer. Who only looks (:func:`is_held`) shares the lock for a moment, and
            is waited for however long that takes.

    Raises:
        RunError: another process holds it, or the directory cannot be written to.
    """
    handle = _acquire(path, wait)
    done = threading.Event()
    beats = threading.Thread(target=_beat, args=(path / LOCK_FILE, done), daemon=True)
    beats.start()
    try:
        yield
    finally:
        done.set()
        beats.join()
        with contextlib.suppress(OSError):  # gone with its directory, or read-only by now: the lock ends all the same
            (path / LOCK_FILE).unlink(missing_ok=True)
        os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a process of this machine, or of one whose locks the file system carries here, writes to a run now."""
    try:
        handle = os.open(path / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def require_free(path: Path) -> None:
    """RunError where another process writes to a run now; nothing is changed, and no writer is kept out."""
    if is_held(path):
        raise _taken(path)


def _acquire(path: Path, wait: float) -> int:
    until, lock = time.monotonic() + wait, path / LOCK_FILE
    while True:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RunError(f"need to write to {path}, got: {error}") from error
        try:
            alone = _flocked(handle)
            if alone and _same(handle, lock) and not _alive_elsewhere(lock):
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
                return handle
            writes = alone or not _only_looked_at(handle)  # of another machine, or of this one
            if time.monotonic() >= until and _same(handle, lock) and writes:
                raise _taken(path)
        except BaseException as error:
            os.close(handle)
            if isinstance(error, OSError):
                raise RunError(f"need to write to {path}, got: {error}") from error
            raise
        os.close(handle)
        time.sleep(_POLL)


def _taken(path: Path) -> RunError:
    holder = _holder(path / LOCK_FILE)
    if _read(path / LOCK_FILE).get("pid") == os.getpid():
        holder = "this process itself"
    return RunError(f"need {path} for this process alone, {holder} is writing to it: wait, or take another --out")


def _only_looked_at(handle: int) -> bool:
    """Whether those who have the lock share it, as :func:`is_held` does, so that none of them writes."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return True


def _flocked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same(handle: int, lock: Path) -> bool:
    """Whether the file locked is still the one in the directory: the last holder takes its own away."""
    try:
        found = lock.stat()
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (os.fstat(handle).st_dev, os.fstat(handle).st_ino)


def _read(lock: Path) -> dict[str, object]:
    try:
        found = json.loads(lock.read_text(encoding="utf-8")[:1000])
    except (OSError, ValueError, RecursionError):  # just made, or not written by us
        return {}
    return found if isinstance(found, dict) else {}


def _holder(lock: Path) -> str:
    found = _read(lock)
    return f"process {found['pid']} on {found['host']}" if found.keys() >= {"pid", "host"} else "another process"


def _alive_elsewhere(lock: Path) -> bool:
    """Whether a lock of another machine, which this one's system does not see, gives a sign of life."""
    if _read(lock).get("host", socket.gethostname()) == socket.gethostname():
        return False  # of this machine: the system would not have given it to us
    before, until = _sign(lock), time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        time.sleep(_POLL)
        if _sign(lock) != before:
            return True
    return False


def _sign(lock: Path) -> tuple[int, int] | None:
    try:
        with lock.open("rb") as file:  # opened: a network file system may know the times of a closed one of long ago
            found = os.fstat(file.fileno())
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _beat(lock: Path, done: threading.Event) -> None:
    while not done.wait(_BEAT):
        with contextlib.suppress(OSError):
            os.utime(lock)
