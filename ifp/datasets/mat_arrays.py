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


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, NotImplementedError, MemoryError,
            zlib.error, struct.error, scipy.io.matlab.MatReadError) as error:  # fmt: skip
        raise DataError(f"need a whole MATLAB file, {path} cannot be read: {error}") from error


def declared(path: Path, name: str) -> Declared:
    """Shape and type of a variable, as the file says; DataError where it is damaged, or no MATLAB file."""
    with _whole(path):
        found = {each: Declared(shape, kind) for each, shape, kind in scipy.io.whosmat(path)}
    return found.get(name, Declared())


def read_variable(path: Path, name: str) -> NDArray[np.generic]:
    """A variable that is there; DataError where the file is damaged, or the variable is no full array."""
    with _whole(path):
        value = scipy.io.loadmat(path, variable_names=[name])[name]
    if not isinstance(value, np.ndarray):
        raise DataError(f"need {name} as a full array in {path}, got {type(value).__name__}")
    return value
