"""Samples in files of arrays: npy, npz, HDF5; sparse matrices as scipy saves them; images, of which a row is one."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analysis.plain_json import shown
from annealing.errors import DataError
from ifp.datasets import families, load_dataset
from ifp.datasets.array_files import ArrayFile, array_file
from ifp.datasets.dataset import Dataset
from ifp.datasets.sample_values import Found
from ifp.machine.memory import require_memory

SAMPLES = ("samples", "X", "x", "data")  # names of arrays of samples, the first that is there
_IMAGES = ("images", "imgs")
_NAMES = ("feature_names", "names")
_HELD = 2**26  # values of images that are held at once; of larger sets rows are drawn
_LONGEST_FORM = 64  # bytes of "csr"
_PER_LINE = 16  # bytes that a row or a column of a sparse matrix takes, though it hold nothing
_SHOWN = 300  # characters of the names of arrays in a message


def array_of(values: NDArray[Any], name: str, source: str) -> Found:
    """An array (N, ...), each row laid out flat; whole numbers of one byte in three axes or more are images, over 255.

    Raises:
        DataError: one axis or none.
    """
    if values.ndim < 2:
        raise DataError(f"need rows (N, D) in {source}, got shape {values.shape}: of one feature reshape(-1, 1)")
    if 0 in values.shape:
        raise DataError(f"need rows of one feature or more in {source}, got shape {values.shape}")
    said: tuple[str, ...] = ()
    pictures = values.ndim > 2 and values.dtype == np.uint8 and bool(values.max() > 1)
    if values.ndim > 2:
        if pictures:
            values, said = values.astype(np.float32) / np.float32(255), ("images, divided by 255",)
        said += (f"rows of shape {values.shape[1:]} laid out flat",)
        values = values.reshape(len(values), -1)
    return Found(values, name, source, said=said, pictures=pictures)


def rows_of_images(data: Dataset | str, seed: int) -> Found:
    """Images of a data set, each laid out flat, in 0..1; drawn with a seed where they are too many to be held."""
    if isinstance(data, str) and data not in families() and not Path(data).expanduser().is_dir():
        raise DataError(
            "need a npy, npz, HDF5, CSV, TSV or h5ad file, a folder of pictures or a data set (ifp data list), got "
            f"{shown(data)}"
        )
    dataset = load_dataset(data) if isinstance(data, str) else data
    size = math.prod(dataset.image_shape)
    count = min(len(dataset), max(_HELD // size, 2))
    index = np.arange(len(dataset))
    said: tuple[str, ...] = ()
    if count < len(dataset):
        index = np.sort(np.random.default_rng(seed).choice(len(dataset), count, replace=False))
        said = (f"{count:,} of {len(dataset):,} images, drawn with seed {seed}",)
    images = dataset.images(index)
    pixels = images.astype(np.float32) / np.float32(255) if images.dtype == np.uint8 else images
    return Found(pixels.reshape(len(pixels), -1), dataset.name, dataset.source, said=said, pictures=True)


def read_arrays(path: Path, columns: Sequence[str], seed: int) -> Found:
    """Samples (N, ...) of a file of arrays, or a sparse matrix of scipy's save_npz.

    Taken are ``samples``, ``X``, ``x`` or ``data``, else the only array of numbers with two axes or more; ``images``
    are those of a data set. Arrays (N,) beside them are columns; ``feature_names`` names the features.

    Raises:
        DataError: no such file, a damaged one, several arrays that may be meant, or no array (N,) of a name asked for.
    """
    if not path.is_file():
        raise DataError(f"need a file of samples, there is none at {path}")
    if path.suffix.lower() == ".npy":
        return array_of(_mapped(path), path.stem, f"file {path}")
    file = array_file(path)
    there = file.names()
    if is_sparse(file):
        return _with_columns(file, _read_sparse(file), columns)
    samples = next((name for name in SAMPLES if name in there), None)
    if samples is None:
        if any(name in there for name in _IMAGES) and not columns:
            return rows_of_images(load_dataset(path), seed)
        may_be = [name for name in there if name not in columns and _is_table(file, name)]
        if len(may_be) != 1:
            listed = ", ".join(sorted(there))[:_SHOWN] or "none"
            raise DataError(f"need an array samples (N, ...) in {path}, got {listed}")
        samples = may_be[0]
    return _with_columns(file, array_of(whole_array(file, samples), path.stem, f"file {path}"), columns)


def is_sparse(file: ArrayFile) -> bool:
    """Whether a file is a sparse matrix as scipy's save_npz writes it."""
    return file.path.suffix.lower() == ".npz" and {"format", "shape", "data"} <= set(file.names())


def _is_table(file: ArrayFile, name: str) -> bool:
    held = file.held(name)
    return len(held.shape) > 1 and held.dtype.kind in "biuf"


def _with_columns(file: ArrayFile, found: Found, columns: Sequence[str]) -> Found:
    """What was found with the names of its features and the columns asked for, (N,) or (N, K)."""
    there, (rows, features) = file.names(), found.values.shape
    name = next((name for name in _NAMES if name in there), None)
    names = None if name is None else tuple(str(each) for each in file.whole(name).tolist())
    if names is not None and len(names) != features:
        names = None  # of something else, or of axes that were laid out flat
    shapes = {name: file.held(name).shape for name in columns if name in there}
    asked = {name: file.whole(name) for name, shape in shapes.items() if len(shape) in (1, 2) and shape[0] == rows}
    return replace(found, names=names, columns=asked)


def _mapped(path: Path) -> NDArray[Any]:
    array_file(path).held("images")  # a damaged one is told there
    found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def whole_array(file: ArrayFile, name: str) -> NDArray[Any]:
    """An array of numbers, of one value at least, at once; IFPError where memory cannot hold it."""
    held = file.held(name)
    if held.dtype.kind not in "biuf":
        raise DataError(f"need numbers in {name} of {file.path}, got {held.dtype}")
    if not held.shape or 0 in held.shape:
        raise DataError(f"need rows of one feature or more in {name} of {file.path}, got shape {held.shape}")
    require_memory(2 * math.prod(held.shape) * held.dtype.itemsize, f"{name} of {file.path}")
    return np.concatenate(list(file.rows(name)))


def _read_sparse(file: ArrayFile) -> Found:
    """A matrix in csr, csc or coo form, every index checked before scipy believes it."""
    form = _form(file)
    if form not in ("csr", "csc", "coo"):
        raise DataError(f"need a sparse matrix as csr, csc or coo in {file.path}, got {shown(form)}: save X.tocsr()")
    parts = ("row", "col") if form == "coo" else ("indices", "indptr")
    shape, data, first, second = (whole_array(file, name) for name in ("shape", "data", *parts))
    return Found(
        sparse_matrix(form, shape, data, first, second, f"file {file.path}"), file.path.stem, f"file {file.path}"
    )


def _form(file: ArrayFile) -> str:
    held = file.held("format")
    if held.shape or held.dtype.kind not in "SU" or held.dtype.itemsize > _LONGEST_FORM:
        return "none"
    try:
        with np.load(file.path, allow_pickle=False) as arrays:  # a single value, which readers of rows refuse
            form = arrays["format"].item()
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise DataError(
            f"need a whole npz file, {file.path} is damaged: {' '.join(str(error).split())[:200]}"
        ) from error
    return form.decode(errors="replace") if isinstance(form, bytes) else form


def sparse_matrix(
    form: str, shape: Any, data: NDArray[Any], first: NDArray[Any], second: NDArray[Any], source: str
) -> sparse.csr_array:
    """The matrix that a file describes, as csr; DataError where an index lies outside, or the parts do not fit."""
    try:
        rows, columns = (int(each) for each in np.asarray(shape).ravel().tolist())
        require_memory(_PER_LINE * (rows + columns), f"a matrix ({rows}, {columns}) of {source}")  # a claim, so far
        if form == "coo":
            made = sparse.coo_array((data, (first, second)), shape=(rows, columns))
        else:
            kind = sparse.csr_array if form == "csr" else sparse.csc_array
            made = kind((data, first, second), shape=(rows, columns))
            made.check_format(full_check=True)
        return sparse.csr_array(made)
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        raise DataError(f"need a whole sparse matrix in {source}, its parts do not fit: {str(error)[:200]}") from error
