"""Arrays of MATLAB files (version 7.2 and before), looked at before they are read."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray

from annealing.errors import DataError


@dataclass(frozen=True)
class Declared:
    """What a variable of a MATLAB file says of itself; nothing where there is none of its name."""

    shape: tuple[int, ...] = ()
    kind: str = "none"  # MATLAB's name of its type: double, uint8, char, struct, ...


_LARGEST = 2**28  # bytes of one packed variable: COIL-20 has 12 million, a car 5 million
# MATLAB's numbers: of the types of elements, and of the classes of arrays
_ARRAY, _PACKED, _FLAGS = 14, 15, 6
_PLAIN = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})  # whole numbers and floats
_SPARSE, _FULL = 5, range(6, 16)
_COMPLEX = 0x800
_READ = (
    "double",
    "single",
    "sparse",
    "logical",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # scipy has one of its own, and lets through those of all that it calls
        raise DataError(f"need a whole MATLAB file, {path} cannot be read: {error}") from error


def _require_sound(path: Path) -> None:
    """DataError where scipy would believe too much: how far a variable unpacks, and which types its elements have.

    A type that MATLAB has not is looked up outside scipy's table, which ends the process.
    """
    with path.open("rb") as file:
        header = file.read(128)
        if 0 in header[:4]:  # version 4 has no header, no packing and no types of its own
            return
        order = "<" if header[126:] == b"IM" else ">"
        while len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(f"{order}II", tag)
            data = file.read(size)
            if kind == _PACKED:
                data = zlib.decompressobj().decompress(data, _LARGEST + 1)
                if len(data) > _LARGEST:
                    raise DataError(f"need variables of at most {_LARGEST:,} bytes in {path}, one unpacks to more")
                data = data[8:]
            if kind in (_ARRAY, _PACKED) and data:
                _require_plain(data, order, path)


def _require_plain(data: bytes, order: str, path: Path) -> None:
    """DataError where an array of numbers has not all its elements, or one of an unknown type."""
    kinds: list[int] = []
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        following = place + 8 + size + -size % 8
        if kind >> 16:  # a short one, its bytes in the tag itself
            kind, size, following = kind & 0xFFFF, kind >> 16, place + 8
        if not kinds and (kind, size) != (_FLAGS, 8):
            raise DataError(f"need a whole MATLAB file, {path} cannot be read: an array begins without its flags")
        kinds.append(kind)
        place = following
    (flags,) = struct.unpack_from(f"{order}I", data, 8) if len(data) >= 12 else (0,)
    made_of = {_SPARSE: 6}.get(flags & 0xFF, 4 if flags & 0xFF in _FULL else 0)  # others are never read
    needed = made_of + bool(flags & _COMPLEX)
    if made_of and (len(kinds) < needed or not _PLAIN.issuperset(kinds[:needed])):
        raise DataError(f"need a whole MATLAB file, {path} cannot be read: an array lacks elements that are numbers")


def declared(path: Path, name: str) -> Declared:
    """Shape and type of a variable, as the file says; DataError where it is damaged, or no MATLAB file."""
    with _whole(path):
        _require_sound(path)
        found = {each: Declared(shape, kind) for each, shape, kind in scipy.io.whosmat(path)}
    return found.get(name, Declared())


def read_variable(path: Path, name: str) -> NDArray[np.generic]:
    """A variable of numbers; DataError where the file is damaged, or the variable is no full array."""
    kind = declared(path, name).kind
    if kind not in _READ:
        raise DataError(f"need {name} as a full array in {path}, got {kind}")
    with _whole(path):
        value = scipy.io.loadmat(path, variable_names=[name])[name]
    if not isinstance(value, np.ndarray):
        raise DataError(f"need {name} as a full array in {path}, got {type(value).__name__}")
    return value
