"""Data sets of plain arrays, numpy or torch: kept in the cache as an npz, so that a run can open them again."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.names import is_name
from analysis.plain_json import shown
from annealing.errors import DataError, IFPError
from ifp.datasets import dataset_reference, load_dataset, recorded_options
from ifp.datasets.dataset import Dataset, DataWarning
from ifp.datasets.items import is_items, is_pictures, read_items, read_pictures
from ifp.datasets.kept_arrays import opened_from_cache
from ifp.files.arrays import in_memory, labels_in_memory
from ifp.files.names import file_name

_OF_PICTURES = ("background", "background_color", "resize", "correlate", "factors_from", "images_from")
_OF_NAMED = (*_OF_PICTURES, "exposure", "labels", "layer")  # options

Data: TypeAlias = Dataset | str | Path | ArrayLike | tuple[ArrayLike, ...]


def given_dataset(data: Data, data_dir: Path | None = None, *, rows: bool = False, **options: Any) -> Dataset:
    """The data set that a function was given.

    Args:
        data: a data set, its name, the path of the user's own, or arrays as :func:`from_arrays` takes them: images
            alone, or (images, factors) or (images, factors, names) of labelled ones; or a data set of items as
            :func:`from_dataset` takes it.
        data_dir, options: how one that is named is opened; ``bins`` and ``missing`` are of arrays, too.
        rows: whether rows of any data are taken, too, as :func:`ifp.from_rows` has them.

    Raises:
        DataError: the name is unknown, what was given is no data, or rows where images are wanted.
        IFPError: options that arrays do not have.
    """
    if rows and (found := _given_rows(data, options)) is not None:
        return found
    if isinstance(data, (str, Path)):
        return load_dataset(data, data_dir, **options)
    if hasattr(data, "fingerprint"):
        opened: Any = data
        if not rows and getattr(opened, "row_description", None) is not None:
            raise DataError(
                f"need images (N, H, W) for this, {opened.name} holds rows: `ifp suggest` says where rows freeze, "
                "`ifp train` trains on them, `ifp anneal --mode full` anneals them"
            )
        return opened
    for option in _OF_NAMED:
        if options.get(option):
            raise IFPError(
                f"need data by name or path for {option}, got arrays (ifp.from_arrays(...).reference is the path that "
                "they are kept at)"
            )
    own = {name: options[name] for name in ("bins", "missing") if name in options}
    if not isinstance(data, tuple):
        return from_arrays(data, **own)
    if len(data) not in (2, 3):
        raise DataError(f"need (images, factors) or (images, factors, names), got a tuple of {len(data)}")
    return from_arrays(*data, **own)


def _given_rows(data: Data, options: Mapping[str, Any]) -> Dataset | None:
    """The rows that were given, in memory or by their path; None of images, of names, and of what is open."""
    # here, as it takes scipy: reading a plan has none
    from ifp.datasets.user_rows import given_rows, holds_rows, is_given_rows, load_rows

    if isinstance(data, (str, Path)):
        path, recorded = Path(dataset_reference(str(data))), recorded_options(options)
        return load_rows(path, recorded) if path.is_file() and holds_rows(path, recorded) else None
    return given_rows(data, recorded_options(options)) if is_given_rows(data) else None


def from_arrays(
    images: Any,
    factors: Any = None,
    factor_names: Sequence[str] | None = None,
    *,
    name: str = "arrays",
    bins: int | None = None,
    missing: str | int | float | None = None,
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
        images: (N, H, W) or (N, H, W, C): whole numbers in 0..255 (none above 1: binary, which is warned of), floats in
            0..1 or booleans; or a list of pictures or tensors.
        factors: labels (N, K) or (N,): numbers or text, whose distinct values are the classes
            (:func:`ifp.datasets.labels.factor_classes`). Images with NaN, None or empty text are left out, which is
            warned of. None: unlabelled.
        factor_names: K different names. Default: the columns' own, or factor0, factor1, ...
        name: of the data set, as runs and figures show it.
        bins: classes that the range of each continuous factor is cut into.
        missing: a label that means there is none.

    Raises:
        DataError: arrays of other shapes or types, pixels outside 0..1, factors that are no classes, a name that is
            none, or a cache directory that cannot be written to.
    """
    if is_items(images):
        if factors is not None:
            raise DataError("need images as an array beside factors, got items: from_dataset(data, factors=[...])")
        return from_dataset(images, factor_names=factor_names, name=name, bins=bins, missing=missing)
    if not is_name(name) or file_name(name) != name:
        raise DataError(f"need a name of one line that a file can have for the data set, got {shown(name)}")
    arrays = {"images": _images(images)}
    if factors is not None:
        arrays["factors"] = labels_in_memory(factors)
        if factor_names is None and hasattr(factors, "columns"):  # a table of pandas
            factor_names = [str(each) for each in factors.columns]
    if factor_names is not None:
        if factors is None:
            raise DataError("need factors with factor_names, got names alone")
        arrays["factor_names"] = np.array(list(factor_names), dtype=np.str_)
    return opened_from_cache(arrays, name, lambda path: load_dataset(str(path), bins=bins, missing=missing))


def from_dataset(
    data: Any,
    *,
    images: str | None = None,
    factors: str | Sequence[str] | None = None,
    factor_names: Sequence[str] | None = None,
    name: str = "arrays",
    bins: int | None = None,
    missing: str | int | float | None = None,
) -> Dataset:
    """A data set of the items of another library's, read once: torch's, Hugging Face's, or anything with items.

    >>> import ifp, torch
    >>> pairs = torch.utils.data.TensorDataset(torch.eye(16).reshape(16, 1, 4, 4), torch.arange(16))
    >>> ds = ifp.from_dataset(pairs, factor_names=["place"])
    >>> len(ds), ds.image_shape, ds.factors.sizes
    (16, (4, 4, 1), (16,))

    Args:
        data: has a length and items by number: (image, label, ...), an image alone, or a mapping of columns. An image
            is a picture of Pillow's, a tensor (C, H, W), or an array (H, W[, C]); a label a number, a text, or several
            in a tuple or a vector.
        images: the column of the images. Default: the only one with a picture.
        factors: the columns of the labels. Default: none, which is warned of where there are other columns.
        factor_names: of the labels. Default: the columns' names, or factor0, factor1, ...
        name, bins, missing: as :func:`from_arrays` has them.

    Raises:
        DataError: a stream without items by number, several splits at once, no such column, images of several sizes,
            or as :func:`from_arrays` has it.
    """
    found = read_items(data, images, factors)
    if found.others:
        listed = ", ".join(found.others)
        warnings.warn(
            f"no factors, but columns {listed}: factors=[...] takes them as labels", DataWarning, stacklevel=2
        )
    names = found.names if factor_names is None else factor_names
    return from_arrays(found.images, found.labels, names, name=name, bins=bins, missing=missing)


def _images(values: Any) -> NDArray[Any]:
    images = read_pictures(values) if is_pictures(values) else in_memory(values)
    return images.astype(np.float32) if images.dtype == np.float64 else images
