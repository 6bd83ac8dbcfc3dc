"""Files of arrays, whichever the format: an npz, an npy or an HDF5 file, its arrays looked at before they are read."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.files.npz import open_npz, read_header, read_rows, read_whole, require_complete

_CHUNK = 16 * 2**20  # bytes of rows that are read at a time
_LARGEST = 2**30  # bytes of an array that is read at once


@dataclass(frozen=True)
class Held:
    """What an array says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ArrayFile(Protocol):
    """Arrays by name in a file; whatever is damaged is a DataError that names the file."""

    path: Path

    def names(self) -> list[str]:
        """Of the arrays, in order."""
        ...

    def held(self, name: str) -> Held:
        """Shape and type; DataError where there is none of that name."""
        ...

    def rows(self, name: str) -> Iterator[NDArray[Any]]:
        """The array some rows at a time, (rows, ...)."""
        ...

    def whole(self, name: str) -> NDArray[Any]:
        """A small array at once."""
        ...


def array_file(path: Path) -> ArrayFile:
    """The file at a path, by its suffix."""
    if path.suffix.lower() == ".npz":
        return _Npz(path)
    return _Npy(path) if path.suffix.lower() == ".npy" else _HDF5(path)


class _Npz:
    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        with open_npz(self.path) as archive:
            return [each.removesuffix(".npy") for each in archive.namelist() if each.endswith(".npy")]

    def held(self, name: str) -> Held:
        with open_npz(self.path) as archive:
            header = read_header(archive, name, self.path)
            require_complete(archive, name, self.path)
            return Held(header.shape, header.dtype)

    def rows(self, name: str) -> Iterator[NDArray[Any]]:
        with open_npz(self.path) as archive:
            yield from read_rows(archive, name, self.path)

    def whole(self, name: str) -> NDArray[Any]:
        with open_npz(self.path) as archive:
            return read_whole(archive, name, self.path, _LARGEST)


class _Npy:
    """One array, called images."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _mapped(self) -> NDArray[Any]:
        try:
            found: NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
            if not isinstance(found, np.ndarray):
                raise ValueError("it holds no array")
            return found
        except Exception as error:  # numpy reads the header as a literal of Python: nearly anything may be raised
            raise DataError(
                f"need a whole npy file of numbers, {self.path} is damaged or none: {str(error)[:200]}"
            ) from error

    def names(self) -> list[str]:
        return ["images"]

    def held(self, name: str) -> Held:
        if name != "images":
            raise DataError(f"need an array {name} in {self.path}, an npy has one, taken as images: save an npz")
        array = self._mapped()
        return Held(array.shape, array.dtype)

    def rows(self, name: str) -> Iterator[NDArray[Any]]:
        array = self._mapped()
        together = _together(self.held(name))
        for start in range(0, len(array), together):
            yield np.ascontiguousarray(array[start : start + together])

    def whole(self, name: str) -> NDArray[Any]:
        self.held(name)
        return np.array(self._mapped())


class _HDF5:
    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _opened(self) -> Iterator[h5py.File]:
        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except DataError:
            raise
        except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise DataError(
                f"need a whole HDF5 file, {self.path} is damaged or not to be read: {str(error)[:200]}"
            ) from error

    def names(self) -> list[str]:
        found: list[str] = []
        with self._opened() as file:  # links to other places and files are not followed
            file.visititems(lambda name, each: found.append(name) if isinstance(each, h5py.Dataset) else None)
        return [name for name in found if isinstance(name, str)]  # those that are no text come as bytes

    def _array(self, file: h5py.File, name: str) -> Any:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
            there = ", ".join(self.names())[:300]
            raise DataError(f"need an array {name} in {self.path}, got {there or 'none'}")
        if file[name].external or file[name].is_virtual:
            raise DataError(f"need {name} in {self.path} itself, it lies in other files")
        return file[name]

    def held(self, name: str) -> Held:
        with self._opened() as file:
            array = self._array(file, name)
            shape = array.shape
            if shape is None:
                raise DataError(f"need an array {name} in {self.path}, got an empty one")
            text = h5py.check_string_dtype(array.dtype) is not None
            return Held(tuple(map(int, shape)), np.dtype("U") if text else array.dtype)

    def rows(self, name: str) -> Iterator[NDArray[Any]]:
        together = _together(self.held(name))
        with self._opened() as file:
            array = self._array(file, name)
            for start in range(0, len(array), together):
                yield array[start : start + together]

    def whole(self, name: str) -> NDArray[Any]:
        held = self.held(name)
        if math.prod(held.shape) * max(held.dtype.itemsize, 8) > _LARGEST:
            raise DataError(f"need {name} in {self.path} of at most {_LARGEST:,} bytes, got {held.shape}")
        with self._opened() as file:
            array = self._array(file, name)
            return np.asarray(array.asstr(errors="replace")[()] if held.dtype.kind == "U" else array[()])


def hdf5_attributes(path: Path, name: str, wanted: Sequence[str]) -> dict[str, Any]:
    """What a group or an array of an HDF5 file says of itself, of what is wanted and there; no other is read.

    Nothing of one that is not in the file itself.
    """
    file = _HDF5(path)
    with file._opened() as opened:
        if not isinstance(opened.get(name, getlink=True), h5py.HardLink):
            return {}
        told = opened[name].attrs
        return {key: told[key] for key in wanted if key in told}


def _together(held: Held) -> int:
    return max(_CHUNK // max(math.prod(held.shape[1:]) * held.dtype.itemsize, 1), 1)
