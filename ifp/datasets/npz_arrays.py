"""Arrays of an npz read row by row, checked, and never unpickled."""

import io
import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError

_CHUNK = 16 * 2**20  # bytes of rows that are read at a time
_HEADER = 2**14  # bytes in which an array's header ends: numpy takes 10,000
_MOST_AXES = 32
_SHOWN = 300  # characters of the names of arrays in an error
# what numpy writes; the other methods unpack a whole block at once, however large it turns out to be
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class ArrayHeader:
    """What an array of an npz says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int  # bytes before the values

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


@contextmanager
def open_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; any damage found while it is open is a DataError that names the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            for each in archive.infolist():
                if each.compress_type not in _METHODS:
                    method = f"packing method {each.compress_type} is not supported"
                    raise DataError(f"need a whole npz file, {path} is truncated or damaged: {method}")
            yield archive
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError) as error:
        # zipfile raises RuntimeError (NotImplementedError) where a damaged entry claims encryption or a method unknown,
        # ValueError where its name is no text
        raise DataError(f"need a whole npz file, {path} is truncated or damaged: {error}") from error


def has_array(archive: zipfile.ZipFile, name: str) -> bool:
    """Whether the npz holds an array of that name."""
    return f"{name}.npy" in archive.namelist()


def read_header(archive: zipfile.ZipFile, name: str, path: Path) -> ArrayHeader:
    """Shape and type of an array, as it says itself.

    Raises:
        DataError: no such array, a damaged header, Python objects, or Fortran order.
    """
    if not has_array(archive, name):
        there = ", ".join(sorted(each.removesuffix(".npy") for each in archive.namelist()))
        raise DataError(f"need an array {name} in {path}, got {there[:_SHOWN] or 'none'}")
    with archive.open(f"{name}.npy") as stream:
        return _header(stream, name, path)


def require_complete(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """DataError where an array does not have the bytes that its shape needs: no huge shape is believed."""
    header = read_header(archive, name, path)
    held = archive.getinfo(f"{name}.npy").file_size - header.start
    if header.size != held:
        raise DataError(f"need {header.size} bytes for {name} of shape {header.shape} in {path}, it holds {held}")


def _header(stream: IO[bytes], name: str, path: Path) -> ArrayHeader:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    start = io.BytesIO(stream.read(_HEADER))  # no more, whatever length the header claims
    try:
        shape, fortran, dtype = readers[np.lib.format.read_magic(start)](start)
    except Exception as error:  # numpy reads it as a literal of Python: nearly anything may be raised
        raise DataError(f"need a numpy array {name} in {path}, its header is damaged: {str(error)[:_SHOWN]}") from error
    nothing = math.prod(max(size, 1) for size in shape) * max(dtype.itemsize, 1)  # numpy's own bound, beside a 0 too
    if len(shape) > _MOST_AXES or any(size < 0 for size in shape) or nothing >= 2**62:
        claimed = str(shape) if len(str(shape)) < _SHOWN else f"of {len(shape)} axes"
        raise DataError(f"need a numpy array {name} in {path}, its header claims the shape {claimed}")
    if dtype.hasobject:
        raise DataError(f"need numbers or text in {name} of {path}, got Python objects, which are never unpickled")
    if fortran and len(shape) > 1:
        raise DataError(f"need {name} in {path} in C order, it is in Fortran order (np.ascontiguousarray mends that)")
    return ArrayHeader(shape, dtype, start.tell())


def holds_characters(array: NDArray[Any]) -> bool:
    """Whether the numbers behind an array of text are characters: of others numpy makes texts that break Python."""
    data = array.tobytes()
    points = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(array.dtype.byteorder)) if data else np.empty(0)
    return bool((points <= sys.maxunicode).all())


def read_rows(archive: zipfile.ZipFile, name: str, path: Path) -> Iterator[NDArray[Any]]:
    """The array some rows at a time, (rows, ...)."""
    header = read_header(archive, name, path)
    row = max(math.prod(header.shape[1:]) * header.dtype.itemsize, 1)
    together = max(_CHUNK // row, 1)
    with archive.open(f"{name}.npy") as stream:
        stream.read(header.start)
        for start in range(0, header.shape[0], together):
            rows = min(together, header.shape[0] - start)
            data = stream.read(rows * row)
            if len(data) < rows * row:
                raise EOFError(f"{name} ends after {start} of {header.shape[0]} rows")
            yield np.frombuffer(data, header.dtype).reshape(rows, *header.shape[1:])


def read_whole(archive: zipfile.ZipFile, name: str, path: Path, largest: int = 2**30) -> NDArray[Any]:
    """A small array at once; DataError where it has more than ``largest`` bytes."""
    header = read_header(archive, name, path)
    require_complete(archive, name, path)
    if header.size > largest:
        raise DataError(f"need {name} in {path} of at most {largest} bytes, got {header.size}")
    if header.size == 0:
        return np.empty(header.shape, header.dtype)
    if not header.shape:
        raise DataError(f"need an array {name} in {path}, got a single value")
    return np.concatenate(list(read_rows(archive, name, path)))
