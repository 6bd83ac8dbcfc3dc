"""Arrays handed over from Python, kept in the cache as an npz, which runs open again; equal ones are one file."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.datasets.cache import cache_directory
from ifp.files.atomic import replacing, sweep

_GIVEN = "the arrays given"

T = TypeVar("T")


def opened_from_cache(arrays: Mapping[str, NDArray[Any]], name: str, opened: Callable[[Path], T]) -> T:
    """What opens a file of these arrays, called ``name``, makes of it; the file is written where it is not there.

    Raises:
        DataError: the arrays do not fit, which is told of them and leaves no file, or the cache cannot be written to.
    """
    path = _place(arrays, name)
    known = path.is_file()  # runs may need it
    if not known:
        _keep(arrays, path)
    try:
        return opened(path)
    except DataError as error:
        if not known:
            path.unlink(missing_ok=True)
        raise DataError(str(error).replace(str(path), _GIVEN)) from error


def _place(arrays: Mapping[str, NDArray[Any]], name: str) -> Path:
    """Path of an npz of these arrays in the cache."""
    content = hashlib.sha256()
    for key, array in arrays.items():
        content.update(f"{key} {array.dtype} {array.shape} ".encode())
        content.update(np.ascontiguousarray(array).data)
    return cache_directory() / "arrays" / content.hexdigest()[:16] / f"{name}.npz"


def _keep(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
        sweep(path.parent)
    except OSError as error:
        raise DataError(f"need a writable cache directory (IFP_CACHE_DIR sets another), got: {error}") from error
