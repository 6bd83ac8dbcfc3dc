"""Annotated counts: AnnData objects by what they offer, and h5ad files without anndata.

The layout is that of anndata's documentation of its format: ``X`` an array, or a group of a csr or csc matrix; ``var``
and ``obs`` groups of columns, whose attribute ``_index`` names the names; ``layers`` like X.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annealing.errors import DataError, did_you_mean
from ifp.datasets.array_files import ArrayFile, array_file, hdf5_attributes
from ifp.datasets.sample_arrays import sparse_matrix, whole_array
from ifp.datasets.sample_values import UNNAMED, Found

_SHOWN = 200  # characters of names in a message


def is_annotated(data: object) -> bool:
    """Whether something has counts ``X``, names of their columns and columns of their rows, as AnnData has."""
    return all(hasattr(data, name) for name in ("X", "var_names", "obs"))


def read_annotated(data: Any, columns: Sequence[str], layer: str | None) -> Found:
    """X of an AnnData object, or a layer, and columns of its obs.

    Raises:
        DataError: no such layer, or no such column.
    """
    layers = getattr(data, "layers", {})
    _require_in("layers", [] if layer is None else [layer], list(layers))
    values = data.X if layer is None else layers[layer]
    if values is None:
        raise DataError(f"need counts in X, there are none: layer names one of {', '.join(layers) or 'no layer'}")
    if hasattr(values, "to_memory"):  # backed by a file
        values = values.to_memory()
    values = values if sparse.issparse(values) else np.asarray(values)
    _require_in("obs", [each for each in columns if each != "total"], [str(name) for name in data.obs])
    held = {name: np.asarray(data.obs[name]) for name in columns if name in data.obs}
    names = tuple(str(name) for name in data.var_names)
    return Found(values, UNNAMED, f"annotated counts{_of(layer)}", names, held)


def read_h5ad(path: Path, columns: Sequence[str], layer: str | None) -> Found:
    """The same of an h5ad file.

    Raises:
        DataError: no such file, or it is damaged or not in the layout of anndata 0.7 or later; no such layer, or no
            such column.
    """
    if not path.is_file():
        raise DataError(f"need an h5ad file, there is none at {path}")
    file = array_file(path)
    there = file.names()
    layers = sorted({name.split("/")[1] for name in there if name.startswith("layers/")})
    _require_in(f"layers of {path}", [] if layer is None else [layer], layers)
    where = "X" if layer is None else f"layers/{layer}"
    values = _matrix(file, there, where)
    known = sorted({name.split("/")[1] for name in there if name.startswith("obs/")} - {"_index", "__categories"})
    _require_in(f"obs of {path}", [each for each in columns if each != "total"], known)
    held = {name: _column(file, there, f"obs/{name}") for name in columns if name in known}
    return Found(values, path.stem, f"file {path}{_of(layer)}", _names(file, there, values.shape[1]), held)


def _of(layer: str | None) -> str:
    return "" if layer is None else f", layer {layer}"


def _require_in(what: str, asked: Sequence[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            listed = ", ".join(known)[:_SHOWN] or "none"
            raise DataError(f"need {name!r} among {what}, got {listed}{did_you_mean(name, known)}")


def _matrix(file: ArrayFile, there: Sequence[str], where: str) -> Any:
    if where in there:
        return whole_array(file, where)
    parts = [f"{where}/{name}" for name in ("data", "indices", "indptr")]
    if any(part not in there for part in parts):
        raise DataError(f"need counts in {where} of {file.path}, an array or a csr or csc matrix, got neither")
    told = hdf5_attributes(file.path, where, ("shape", "h5sparse_shape"))
    shape = np.ravel(told.get("shape", told.get("h5sparse_shape", ())))
    lines = [size + 1 for size in shape.tolist()] if len(shape) == 2 and shape.dtype.kind in "iu" else []
    ends = math.prod(file.held(parts[2]).shape)
    if ends not in lines:
        raise DataError(f"need a csr or csc matrix with its shape in {where} of {file.path}, got {shape.tolist()}")
    form = "csr" if lines[0] == ends else "csc"
    if lines[0] == lines[1]:  # of a square one the file has to say it
        said = hdf5_attributes(file.path, where, ("encoding-type", "h5sparse_format"))
        form = str(next(iter(said.values()), "")).removesuffix("_matrix")
        if form not in ("csr", "csc"):
            raise DataError(f"need a csr or csc matrix in {where} of {file.path}, got {form[:20]!r}")
    data, indices, indptr = (whole_array(file, part) for part in parts)
    return sparse_matrix(form, shape, data, indices, indptr, f"{where} of {file.path}")


def _names(file: ArrayFile, there: Sequence[str], features: int) -> tuple[str, ...] | None:
    """Of the features; None where the file does not have them as columns."""
    if not any(name.startswith("var/") for name in there):
        return None
    where = f"var/{hdf5_attributes(file.path, 'var', ('_index',)).get('_index', '_index')}"
    if where not in there and f"{where}/values" not in there:
        return None
    names = tuple(str(name) for name in _column(file, there, where).tolist())
    return names if len(names) == features else None


def _column(file: ArrayFile, there: Sequence[str], where: str) -> NDArray[Any]:
    """A column (N,): an array, categories with codes, or values beside a mask of those that are missing."""
    if where in there:
        return _text(file.whole(where))
    if f"{where}/codes" in there and f"{where}/categories" in {name.removesuffix("/values") for name in there}:
        codes, categories = file.whole(f"{where}/codes"), _column(file, there, f"{where}/categories")
        if not (codes.ndim == 1 and codes.dtype.kind in "iu" and codes.max(initial=-1) < len(categories)):
            raise DataError(f"need codes of {len(categories)} categories in {where} of {file.path}, got others")
        if (codes < 0).any():
            raise DataError(f"need a category in every row in {where} of {file.path}, some have none")
        return categories[codes]
    if f"{where}/values" in there:
        missing = file.whole(f"{where}/mask") if f"{where}/mask" in there else np.zeros(1, np.bool_)
        if missing.any():
            raise DataError(f"need a value in every row in {where} of {file.path}, some have none")
        return _text(file.whole(f"{where}/values"))
    raise DataError(f"need numbers, text or categories in {where} of {file.path}, got something else")


def _text(column: NDArray[Any]) -> NDArray[Any]:
    """Text that HDF5 gives as objects or bytes, as numpy's own."""
    if column.dtype.kind in "SO":
        return np.array(
            [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in column.tolist()]
        )
    return column
