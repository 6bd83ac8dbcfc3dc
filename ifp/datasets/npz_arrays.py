"""Arrays of an npz read row by row, checked, and never unpickled."""

import lzma
import math
import tokenize
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


@dataclass(frozen=True)
class ArrayHeader:
    """What an array of an npz says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@contextmanager
def open_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; any damage found while it is open is a DataError that names the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        # zipfile raises RuntimeError (NotImplementedError) where a damaged entry claims encryption or a method unknown
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
        raise DataError(f"need an array {name} in {path}, got {there or 'none'}")
    with archive.open(f"{name}.npy") as stream:
        return _header(stream, name, path)


def require_complete(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """DataError where an array does not have the bytes that its shape needs: no huge shape is believed."""
    with archive.open(f"{name}.npy") as stream:
        header = _header(stream, name, path)
        held = archive.getinfo(f"{name}.npy").file_size - stream.tell()
    needed = math.prod(header.shape) * header.dtype.itemsize
    if needed != held:
        raise DataError(f"need {needed} bytes for {name} of shape {header.shape} in {path}, it holds {held}")


def _header(stream: IO[bytes], name: str, path: Path) -> ArrayHeader:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, fortran, dtype = readers[np.lib.format.read_magic(stream)](stream)
    except (ValueError, KeyError, TypeError, tokenize.TokenError) as error:
        raise DataError(f"need a numpy array {name} in {path}, its header is damaged: {error}") from error
    if any(size < 0 for size in shape):
        raise DataError(f"need a numpy array {name} in {path}, its header claims the shape {shape}")
    if dtype.hasobject:
        raise DataError(f"need numbers or text in {name} of {path}, got Python objects, which are never unpickled")
    if fortran and len(shape) > 1:
        raise DataError(f"need {name} in {path} in C order, it is in Fortran order (np.ascontiguousarray mends that)")
    return ArrayHeader(shape, dtype)


def read_rows(archive: zipfile.ZipFile, name: str, path: Path) -> Iterator[NDArray[Any]]:
    """The array some rows at a time, (rows, ...)."""
    header = read_header(archive, name, path)
    row = max(math.prod(header.shape[1:]) * header.dtype.itemsize, 1)
    together = max(_CHUNK // row, 1)
    with archive.open(f"{name}.npy") as stream:
        _header(stream, name, path)
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
    size = math.prod(header.shape) * header.dtype.itemsize
    if size > largest:
        raise DataError(f"need {name} in {path} of at most {largest} bytes, got {size}")
    if size == 0:
        return np.empty(header.shape, header.dtype)
    if not header.shape:
        raise DataError(f"need an array {name} in {path}, got a single value")
    return np.concatenate(list(read_rows(archive, name, path)))
