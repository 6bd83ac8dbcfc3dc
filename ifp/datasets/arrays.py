"""Data sets of plain arrays, numpy or torch: kept in the cache as an npz, so that a run can open them again."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.names import is_name
from analysis.plain_json import shown
from annealing.errors import DataError
from ifp.datasets import load_dataset
from ifp.datasets.cache import cache_directory
from ifp.datasets.dataset import Dataset
from ifp.files.arrays import in_memory
from ifp.files.atomic import replacing, sweep
from ifp.files.names import file_name

_GIVEN = "the arrays given"

Data: TypeAlias = Dataset | str | Path | ArrayLike | tuple[ArrayLike, ...]


def given_dataset(data: Data, data_dir: Path | None = None, **options: Any) -> Dataset:
    """The data set that a function was given.

    Args:
        data: a data set, its name, the path of the user's own, or arrays as :func:`from_arrays` takes them: images
            alone, or (images, factors) or (images, factors, names) of labelled ones.
        data_dir, options: how one that is named is opened.

    Raises:
        DataError: the name is unknown, or what was given is no data.
    """
    if isinstance(data, (str, Path)):
        return load_dataset(data, data_dir, **options)
    if hasattr(data, "fingerprint"):
        return data  # type: ignore[return-value]  # open
    if not isinstance(data, tuple):
        return from_arrays(data)
    if len(data) not in (2, 3):
        raise DataError(f"need (images, factors) or (images, factors, names), got a tuple of {len(data)}")
    return from_arrays(*data)


def from_arrays(
    images: ArrayLike,
    factors: ArrayLike | None = None,
    factor_names: Sequence[str] | None = None,
    *,
    name: str = "arrays",
    bins: int | None = None,
) -> Dataset:
    """A data set of arrays, numpy or torch, that every function of ifp takes.

    The arrays are written once to ``arrays/`` in the cache directory (IFP_CACHE_DIR sets another), under a name made
    of their content, so that a run on them can be resumed, scored and encoded later; the same arrays are the same data
    set.

    >>> import ifp
    >>> bars = np.zeros((4, 8, 8), np.float32)
    >>> for place in range(4):
    ...     bars[place, :, 2 * place] = 1
    >>> ds = ifp.from_arrays(bars, [[0], [1], [2], [3]], ["place"], name="bars")
    >>> ds.name, len(ds), ds.image_shape, ds.factors.names
    ('bars', 4, (8, 8, 1), ('place',))

    Args:
        images: (N, H, W) or (N, H, W, C) with C of 1 or 3: uint8 of 0..255, or floats in 0..1.
        factors: classes from 0, whole numbers (N, K); continuous ones with ``bins``. None: unlabelled.
        factor_names: K different names. Default: factor0, factor1, ...
        name: of the data set, as runs and figures show it.
        bins: classes that the range of each continuous factor is cut into.

    Raises:
        DataError: arrays of other shapes or types, pixels outside 0..1, factors that are no classes, a name that is
            none, or a cache directory that cannot be written to.
    """
    if not is_name(name) or file_name(name) != name:
        raise DataError(f"need a name of one line that a file can have for the data set, got {shown(name)}")
    arrays = {"images": _images(images)}
    if factors is not None:
        arrays["factors"] = in_memory(factors)
    if factor_names is not None:
        if factors is None:
            raise DataError("need factors with factor_names, got names alone")
        arrays["factor_names"] = np.array(list(factor_names), dtype=np.str_)
    path = _kept(arrays, name)
    try:
        return load_dataset(str(path), bins=bins)
    except DataError as error:
        path.unlink(missing_ok=True)
        raise DataError(str(error).replace(str(path), _GIVEN)) from error


def _images(values: ArrayLike) -> NDArray[Any]:
    images = in_memory(values)
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        raise DataError(f"need images (N, H, W, C), got {images.shape}: channels go last, images.permute(0, 2, 3, 1)")
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(255)
    return images.astype(np.float32) if images.dtype == np.float64 else images


def _kept(arrays: dict[str, NDArray[Any]], name: str) -> Path:
    """Path of an npz of these arrays in the cache, written where it is not there yet."""
    content = hashlib.sha256()
    for key, array in arrays.items():
        content.update(f"{key} {array.dtype} {array.shape} ".encode())
        content.update(np.ascontiguousarray(array).data)
    path = cache_directory() / "arrays" / content.hexdigest()[:16] / f"{name}.npz"
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
        sweep(path.parent)
    except OSError as error:
        raise DataError(f"need a writable cache directory (IFP_CACHE_DIR sets another), got: {error}") from error
    return path
