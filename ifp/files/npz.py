"""Arrays of an npz read row by row, checked, and never unpickled."""

import io
import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from analysis.names import is_name
from analysis.plain_json import shown
from annealing.errors import DataError, RunError
from ifp.machine.memory import require_memory

_CHUNK = 16 * 2**20  # bytes of rows that are read at a time
_HEADER = 2**14  # bytes in which an array's header ends: numpy takes 10,000
_MOST_AXES = 32
_SHOWN = 300  # characters of the names of arrays in an error
# what numpy writes; the other methods unpack a whole block at once, however large it turns out to be
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_KINDS = {"numbers": "fiu", "floats": "f", "whole numbers": "iu", "names": "U"}
_MAY_BE_EMPTY = "factors"  # of unlabelled data
_LARGEST_ARRAYS = 2**30  # bytes of all arrays of a file together, unpacked


@dataclass(frozen=True)
class ArrayHeader:
    """What an array of an npz says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int  # bytes before the values
    fortran: bool = False  # the first index runs fastest, so that rows do not lie one after the other

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


@contextmanager
def open_npz(path: Path, file: IO[bytes] | None = None) -> Iterator[zipfile.ZipFile]:
    """The archive, of ``file`` where it is open already; damage found meanwhile is a DataError that names the path."""
    try:
        with zipfile.ZipFile(file or path) as archive:
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
        DataError: no such array, a damaged header, or Python objects.
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


def require_c_order(header: ArrayHeader, name: str, path: Path) -> None:
    """DataError where an array too large to be held whole does not have its rows one after the other."""
    if header.fortran:
        raise DataError(f"need {name} in {path} in C order, it is in Fortran order (np.ascontiguousarray mends that)")


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
    return ArrayHeader(shape, dtype, start.tell(), bool(fortran) and len(shape) > 1)


def holds_characters(array: NDArray[Any]) -> bool:
    """Whether the numbers behind an array of text are characters: of others numpy makes texts that break Python."""
    data = array.tobytes()
    points = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(array.dtype.byteorder)) if data else np.empty(0)
    return bool((points <= sys.maxunicode).all())


def read_rows(archive: zipfile.ZipFile, name: str, path: Path) -> Iterator[NDArray[Any]]:
    """The array some rows at a time, (rows, ...); one in Fortran order is held whole meanwhile.

    Raises:
        IFPError: an array in Fortran order that memory cannot hold.
    """
    header = read_header(archive, name, path)
    row = max(math.prod(header.shape[1:]) * header.dtype.itemsize, 1)
    together = max(_CHUNK // row, 1)
    if header.fortran:
        require_memory(header.size, f"{name} in Fortran order in {path}")
    with archive.open(f"{name}.npy") as stream:
        stream.read(header.start)
        if header.fortran:
            data = stream.read(header.size)
            if len(data) < header.size:
                raise EOFError(f"{name} ends after {len(data)} of {header.size} bytes")
            whole = np.frombuffer(data, header.dtype).reshape(header.shape, order="F")
            for start in range(0, header.shape[0], together):
                yield np.ascontiguousarray(whole[start : start + together])
            return
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
    found = np.concatenate(list(read_rows(archive, name, path)))
    if found.dtype.kind == "U" and not holds_characters(found):
        raise DataError(f"need text as {name} in {path}, got numbers that are no characters")
    return found


def load_arrays(path: Path, wanted: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """All arrays of an npz, those ``wanted`` as their ``KIND: AXES`` say; the others as they are.

    Raises:
        RunError: the file is damaged, or an array is missing, of another kind or of other axes.
    """
    arrays = load_npz(path)
    lengths: dict[str, int] = {}
    for name, said in wanted.items():
        kind, _, axes = said.partition(": ")
        if name not in arrays:
            raise RunError(f"need an array {name} in {path}, it is missing")
        array, names = arrays[name], axes.split()
        fits = array.dtype.kind in _KINDS[kind] and (kind == "names" or array.dtype.itemsize <= 8)
        if not fits or array.ndim != len(names):
            raise RunError(f"need {name} in {path} as {kind} ({axes}), got {array.dtype} of shape {array.shape}")
        for axis, length in zip(names, array.shape, strict=True):
            known = lengths.setdefault(axis, int(axis) if axis.isdigit() else length)
            if length != known or (length == 0 and axis != _MAY_BE_EMPTY):
                raise RunError(f"need {known or 'one or more'} {axis} in {name} of {path}, got {length}")
        if kind == "names":
            _require_names(array, name, path)
    return arrays


def _require_names(array: NDArray[np.str_], name: str, path: Path) -> None:
    if not all(is_name(each) for each in np.unique(array).tolist()):
        raise RunError(f"need names in one line as {name} in {path}, got others")


def npz_bytes(arrays: Mapping[str, NDArray[Any]], *, packed: bool = True) -> bytes:
    """Arrays as an npz that holds no time stamp and no pickle: the same arrays give the same bytes.

    Args:
        arrays: by name.
        packed: smaller; not worth the time for large arrays of noise.
    """
    buffer = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an npz, read without pickle; RunError where it is damaged, or larger than a run's ever are."""
    try:
        if not path.is_file():
            raise RunError(f"need a whole npz {path}, got: there is no such file")
        with path.open("rb") as file:
            with open_npz(path, file) as archive:
                held = sum(each.file_size for each in archive.infolist())
            if held > _LARGEST_ARRAYS:
                raise RunError(f"need a whole npz {path} of at most {_LARGEST_ARRAYS:,} bytes of arrays, got {held:,}")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
    except RunError:
        raise
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise RunError(f"need a whole npz {path}, got: {str(error)[:300]}") from error
    for name, array in found.items():
        if not isinstance(array, np.ndarray):
            raise RunError(f"need arrays alone in the npz {path}, got {shown(name)}")
        if array.dtype.kind == "U" and not holds_characters(array):
            raise RunError(f"need text as {shown(name)} in the npz {path}, got numbers that are no characters")
    return found
