"""One public file, brought from the first of its mirrors that gives it: whole, its checksum right.

The download grows as NAME.part beside its place, and takes its name at the end. What an attempt leaves in NAME.part
the next one goes on with, where the server can send the rest.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from annealing.errors import DataError
from ifp.datasets.family import PublicFile

if TYPE_CHECKING:
    import requests

_TIMEOUT = (15, 60)  # seconds: to connect; without another byte
_BLOCK = 2**18  # bytes


@dataclass(frozen=True)
class Received:
    """How far the download of a file has come."""

    file: str
    done: int  # bytes, those of earlier attempts too
    total: int | None  # None where the server does not say


Report = Callable[[Received], None]


class _Refused(Exception):
    """Why a mirror did not give the file, in words."""


def mismatch(file: PublicFile, path: Path) -> str | None:
    """How the checksum at ``path`` differs from the public file's; None where it does not, or none is known."""
    import pooch

    if file.checksum is None:
        return None
    kind, _, expected = file.checksum.partition(":")
    found = pooch.file_hash(str(path), kind)
    return None if found == expected.lower() else f"its {kind} is {found}, not {expected}"


def download(file: PublicFile, target: Path, report: Report) -> None:
    """Bring the file to ``target``, where nothing may be.

    Raises:
        DataError: no mirror gives it, another process is bringing it, there is no room, or no right to write.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part) as stream:
            _from_any(file, part, stream, report)
            os.fsync(stream.fileno())
            if target.exists():
                raise DataError(f"need no file at {target}, one came there meanwhile: move it away first")
            part.replace(target)
    except OSError as error:
        raise DataError(f"need a place to write {target}, got: {error}") from error


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """The part, open to append to; DataError where another process has it."""
    with part.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"need {part} for this process alone, another one is writing it") from None
        except OSError:
            pass  # a file system without locks
        yield stream


def _from_any(file: PublicFile, part: Path, stream: BinaryIO, report: Report) -> None:
    refusals = []
    for url in file.urls:
        try:
            return _bring(file, url, part, stream, report)
        except _Refused as refusal:
            refusals.append(f"{url}: {refusal}")
    kept = part.stat().st_size
    if not kept:
        part.unlink()
    hint = f" ({kept:,} bytes are kept in {part}, the same command goes on with them)" if kept else ""
    raise DataError(f"need {file.name}, could not fetch it from {'; '.join(refusals)}{hint}")


def _bring(file: PublicFile, url: str, part: Path, stream: BinaryIO, report: Report) -> None:
    """The whole file into the part, its checksum right; else _Refused."""
    kept = part.stat().st_size
    _receive(file, url, part, stream, report)
    wrong = mismatch(file, part)
    if wrong and kept:  # that may have been the beginning of something else
        stream.truncate(0)
        _receive(file, url, part, stream, report)
        wrong = mismatch(file, part)
    if wrong:
        stream.truncate(0)
        raise _Refused(wrong)


def _receive(file: PublicFile, url: str, part: Path, stream: BinaryIO, report: Report) -> None:
    """What the part lacks of the file; all of it where the server cannot go on within it."""
    import requests

    state = part.stat()
    headers = {"Accept-Encoding": "identity"}  # the bytes that the checksum is of
    if state.st_size:
        headers["Range"] = f"bytes={state.st_size}-"
        if file.checksum is None:  # nothing here would tell that the rest is of a newer file: the server has to
            headers["If-Range"] = formatdate(state.st_mtime, usegmt=True)
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
    except requests.Timeout:
        raise _Refused(f"no answer within {_TIMEOUT[1]} s") from None
    except requests.RequestException as error:
        raise _Refused(f"no connection ({str(error).rpartition(': ')[2].rstrip(')')})") from None
    with response:
        if response.status_code == 416 and state.st_size:  # there is nothing after what is kept
            if file.checksum is None:
                stream.truncate(0)
                return _receive(file, url, part, stream, report)
            return None
        begin = _beginning(response, state.st_size)
        if not begin:
            stream.truncate(0)
        try:
            _write(file, begin, response, stream, report)
        finally:
            stream.flush()
            _date(part, response.headers.get("Last-Modified", ""))
    return None


def _beginning(response: "requests.Response", kept: int) -> int:
    """The place in the file at which the answer begins; _Refused where the answer is not of the file."""
    if response.status_code == 206 and kept:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {kept}-"):
            raise _Refused("it sent another piece than was asked for")
        return kept
    if response.status_code != 200:
        raise _Refused(f"{response.status_code} {response.reason}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _Refused("a web page came in its place")
    return 0


def _write(file: PublicFile, done: int, response: "requests.Response", stream: BinaryIO, report: Report) -> None:
    """The answer's bytes to the end of the stream, on which ``done`` are already."""
    import urllib3

    length = response.headers.get("Content-Length", "")
    total = done + int(length) if length.isdecimal() else None
    free = shutil.disk_usage(Path(stream.name).parent).free
    if total is not None and total - done > free:
        raise DataError(f"need {total - done:,} bytes for {file.name} beside {stream.name}, {free:,} are free")
    report(Received(file.name, done, total))
    try:
        for block in response.raw.stream(_BLOCK, decode_content=False):  # a .gz stays one, whatever the server calls it
            stream.write(block)
            done += len(block)
            report(Received(file.name, done, total))
    except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError):
        whole = "an unknown number of" if total is None else f"{total:,}"
        raise _Refused(f"the connection broke after {done:,} of {whole} bytes") from None


def _date(part: Path, modified: str) -> None:
    """Give the part the date that the server gives the file: by it the server knows whether it is still the same."""
    with suppress(ValueError):
        stamp = parsedate_to_datetime(modified).timestamp()
        os.utime(part, (stamp, stamp))
