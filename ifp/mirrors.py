"""One public file, brought by pooch from the first of its mirrors that gives it: whole, its checksum right, or not."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from annealing.errors import DataError
from ifp.datasets.family import PublicFile

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
    pooch.get_logger().setLevel(logging.WARNING)  # what it says, the caller does
    refusals = []
    for url in file.urls:
        bar = _Followed(file.name, report)
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=_BLOCK, timeout=_TIMEOUT, headers=_AS_STORED)
        try:
            pooch.retrieve(url, file.checksum, fname=target.name, path=target.parent, downloader=downloader)
            target.chmod(0o644)  # a temporary file's 0600 would keep others from a shared folder
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
