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
_PACKED = 15  # MATLAB's number of a compressed element


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # scipy has one of its own, and lets through those of all that it calls
        raise DataError(f"need a whole MATLAB file, {path} cannot be read: {error}") from error


def _require_bounded(path: Path) -> None:
    """DataError where a packed variable unpacks to too much: scipy would believe the sizes that stand in it."""
    with path.open("rb") as file:
        order = {b"IM": "<", b"MI": ">"}.get(file.read(128)[126:])
        while order and len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(f"{order}II", tag)
            if kind != _PACKED:
                file.seek(size, 1)
                continue
            stream = zlib.decompressobj()
            stream.decompress(file.read(size), _LARGEST)
            if stream.unconsumed_tail:
                raise DataError(f"need variables of at most {_LARGEST:,} bytes in {path}, one unpacks to more")


def declared(path: Path, name: str) -> Declared:
    """Shape and type of a variable, as the file says; DataError where it is damaged, or no MATLAB file."""
    with _whole(path):
        _require_bounded(path)
        found = {each: Declared(shape, kind) for each, shape, kind in scipy.io.whosmat(path)}
    return found.get(name, Declared())


def read_variable(path: Path, name: str) -> NDArray[np.generic]:
    """A variable that is there; DataError where the file is damaged, or the variable is no full array."""
    with _whole(path):
        value = scipy.io.loadmat(path, variable_names=[name])[name]
    if not isinstance(value, np.ndarray):
        raise DataError(f"need {name} as a full array in {path}, got {type(value).__name__}")
    return value
