"""The user's own rows: a file of them as a data set, and rows in memory, which are kept in the cache as one."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analysis.names import is_name
from analysis.plain_json import shown
from annealing.errors import DataError, IFPError
from ifp.datasets import dataset_reference, recorded_options
from ifp.datasets.array_files import array_file
from ifp.datasets.dataset import DataOptions, DataWarning
from ifp.datasets.kept_arrays import opened_from_cache
from ifp.datasets.labels import Labels, factor_classes, label_columns
from ifp.datasets.row_dataset import RowDataset
from ifp.datasets.sample_arrays import SAMPLES, is_sparse
from ifp.datasets.samples import TOTAL, PerRow, SampleRows, Samples, sample_rows
from ifp.files.arrays import labels_in_memory
from ifp.files.names import file_name

_TABLES = (".csv", ".tsv", ".h5ad")
_OF_PICTURES = ("images", "imgs")
_LABELS = ("factors", "latents_classes", "latents_values")
_OF_PICTURES_ALONE = ("background", "background_color", "resize", "correlate")  # options


def holds_rows(path: Path, options: DataOptions) -> bool:
    """Whether a file holds rows: a table, annotated counts, a sparse matrix, or arrays none of which are images."""
    if path.suffix.lower() in _TABLES:
        return True
    if options.images_from is not None:
        return False
    file = array_file(path)
    there = file.names()
    if path.suffix.lower() == ".npy":  # its one array is called images, whatever it holds
        return len(file.held(there[0]).shape) == 2
    if any(name in there for name in _OF_PICTURES):  # the names alone are read
        return False
    if is_sparse(file):
        return True
    axes = {name: len(file.held(name).shape) for name in there if file.held(name).dtype.kind in "biuf"}
    if any(count in (3, 4) for count in axes.values()):
        return False
    labels = (*_LABELS, *(options.factors_from or "").split(","))
    return any(count == 2 and (name in SAMPLES or name not in labels) for name, count in axes.items())


def load_rows(path: Path, options: DataOptions) -> RowDataset:
    """The rows in a file: see :func:`ifp.datasets.samples.sample_rows`.

    ``factors_from`` names columns or arrays (N,) or (N, K) of labels, by default the array ``factors`` of a file of
    arrays; ``labels`` others that are no features either; ``exposure`` and ``layer`` are as there.

    Raises:
        IFPError: an option of pictures.
        DataError: the file is damaged, or a column is not there or does not fit.
    """
    for name in _OF_PICTURES_ALONE:
        if getattr(options, name):
            raise IFPError(f"need pictures for {name}, {path} holds rows")
    of_arrays = path.suffix.lower() not in (*_TABLES, ".npy") and options.factors_from is None
    there = array_file(path).names() if of_arrays else ()
    asked = _listed(options.factors_from) or [name for name in there if name == "factors"]
    apart = [*asked, *(name for name in _listed(options.labels) if name not in asked)]
    found = sample_rows(path, exposure=options.exposure, labels=apart, layer=options.layer)
    labels = None
    if asked:
        columns, names = [], []
        for name in asked:
            parts = label_columns(found.labels[name], len(found), f"labels {name} in {path}")
            columns += parts
            names += [f"{name}{k}" if len(parts) > 1 else name for k in range(len(parts))]
        if "factor_names" in there and not options.factors_from:
            names = [str(name) for name in array_file(path).whole("factor_names").tolist()]
        where = f"{', '.join(asked)} in {path}"
        labels = factor_classes(columns, names, bins=options.bins, missing=options.missing, where=where)
        if labels.left_out:
            warnings.warn(
                f"{path.name}: {labels.left_out:,} of {len(labels.kept):,} rows lack a label and are left out",
                DataWarning,
                stacklevel=2,
            )
    return RowDataset(_told(found, labels), labels, reference=str(path.resolve()), options=options)


def _told(found: SampleRows, labels: Labels | None) -> SampleRows:
    return found if labels is None or not labels.said else replace(found, source=f"{found.source}; {labels.said}")


def _listed(names: str | None) -> list[str]:
    return [name for name in (names or "").split(",") if name]


def from_rows(
    data: Samples,
    factors: Any = None,
    factor_names: Sequence[str] | None = None,
    *,
    exposure: PerRow | None = None,
    labels: Sequence[str] = (),
    layer: str | None = None,
    name: str = "rows",
    bins: int | None = None,
    missing: str | int | float | None = None,
) -> RowDataset:
    """A data set of rows of any data, which ``ifp.train`` takes with a likelihood of theirs.

    As of :func:`ifp.from_arrays`, what was given is written once to ``arrays/`` in the cache directory, under a name
    made of its content, so that a run on it can be resumed and scored later.

    >>> import ifp
    >>> ds = ifp.from_rows(np.eye(4), [0, 0, 1, 1], ["half"], name="corners")
    >>> len(ds), ds.rows.features, ds.factors.sizes
    (4, 4, (2,))

    Args:
        data: rows (N, D), an array, a sparse matrix, a table or annotated counts, as ``ifp.suggest`` takes them.
        factors: labels (N, K) or (N,) as :func:`ifp.from_arrays` takes them; or names of columns of the table.
        factor_names: K different names.
        exposure: what each row's rates are multiplied by: (N,), the name of a column, or ``total`` for the row's sum.
        labels: further columns of a table that are no features.
        layer: of annotated counts, which are taken instead of X.
        name: of the data set, as runs and figures show it.
        bins, missing: as :func:`ifp.from_arrays` has them.

    Raises:
        DataError: no numbers, NaN or infinity among them, labels or an exposure that do not fit, or a name that is
            none.
    """
    if not is_name(name) or file_name(name) != name:
        raise DataError(f"need a name of one line that a file can have for the data set, got {shown(name)}")
    columns = _column_names(data, factors)
    found = sample_rows(data, exposure=exposure, labels=[*(columns or ()), *labels], layer=layer)
    arrays: dict[str, NDArray[Any]] = _parts(found.values)
    if columns is not None:
        told = [labels_in_memory(found.labels[column]).astype(str) for column in columns]
        arrays["factors"], factor_names = np.stack(told, axis=1), factor_names or columns
    elif factors is not None:
        arrays["factors"] = labels_in_memory(factors)
    if factor_names is not None:
        if factors is None:
            raise DataError("need factors with factor_names, got names alone")
        arrays["factor_names"] = np.array(list(factor_names), dtype=np.str_)
    if found.names is not None:
        arrays["feature_names"] = np.array(found.names, dtype=np.str_)
    own = None
    if isinstance(exposure, str) and found.exposure is not None and found.exposed != exposure:
        own = TOTAL
    elif found.exposure is not None:
        own, arrays["exposure"] = "exposure", found.exposure
    options = DataOptions(exposure=own, bins=bins, missing=None if missing is None else str(missing))
    return opened_from_cache(arrays, name, lambda path: load_rows(path, options))


def given_rows(data: Any, options: DataOptions, exposure: PerRow | None = None) -> RowDataset:
    """Rows in memory by options as a run has them: rows alone, or (rows, factors) or (rows, factors, names)."""
    parts = data if isinstance(data, tuple) else (data, _listed(options.factors_from) or None)
    if len(parts) not in (2, 3):
        raise DataError(f"need (rows, factors) or (rows, factors, names), got a tuple of {len(parts)}")
    return from_rows(
        *parts,
        exposure=options.exposure if exposure is None else exposure,
        labels=_listed(options.labels),
        layer=options.layer,
        bins=options.bins,
        missing=options.missing,
    )


def _column_names(data: Any, factors: Any) -> list[str] | None:
    """Names of columns of the data; None where the labels themselves are given, or none."""
    asked = [factors] if isinstance(factors, str) else factors
    if not isinstance(asked, (list, tuple)) or not all(isinstance(each, str) for each in asked) or not asked:
        return None
    known = [str(each) for each in getattr(data, "columns", getattr(data, "obs", ()))]
    return (
        list(asked) if isinstance(factors, str) or isinstance(data, (str, Path)) or set(asked) <= set(known) else None
    )


def _parts(values: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a file: ``samples``, or those that scipy saves of a sparse matrix."""
    if not sparse.issparse(values):
        return {"samples": np.ascontiguousarray(values)}
    return {
        "format": np.array(b"csr"), "shape": np.array(values.shape), "data": values.data, "indices": values.indices,
        "indptr": values.indptr,
    }  # fmt: skip


def is_given_rows(data: object) -> bool:
    """Whether something in memory can be rows alone: a table, counts, a sparse matrix, or an array of two axes."""
    first = data[0] if isinstance(data, tuple) and data else data
    if isinstance(first, (str, Path)) or hasattr(first, "fingerprint"):
        return False
    named = hasattr(first, "columns") or all(hasattr(first, each) for each in ("X", "var_names", "obs"))
    return named or sparse.issparse(first) or len(getattr(first, "shape", ())) == 2


def are_rows(data: Any, given: Mapping[str, Any]) -> bool:
    """Whether what a function was given is rows of any data: open, in memory, or the path of a file of them.

    Args:
        data: a data set, its name or path, or arrays.
        given: settings by name, of which ``data_options`` says how a file is opened.
    """
    if isinstance(data, (str, Path)):
        path = Path(dataset_reference(str(data)))
        return path.is_file() and holds_rows(path, recorded_options(_options(given)))
    if hasattr(data, "fingerprint"):
        return getattr(data, "row_description", None) is not None
    return data is not None and is_given_rows(data)


def with_rows(data: Any, given: Mapping[str, Any], exposure: PerRow | None) -> tuple[Any, dict[str, Any]]:
    """The data and settings, rows in memory opened by the options among these; a name of a path's stays an option."""
    settings, options = dict(given), _options(given)
    if data is not None and is_given_rows(data):
        settings.pop("data_options", None)
        return given_rows(data, recorded_options(options), exposure), settings
    if exposure is None:
        return data, settings
    if not isinstance(exposure, str) or hasattr(data, "fingerprint"):
        raise IFPError("need rows in memory for an exposure (N,), got others: ifp.from_rows(rows, exposure=...)")
    return data, {**settings, "data_options": {**options, "exposure": exposure}}


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the data among settings, by name."""
    asked = given.get("data_options") or {}
    return asdict(asked) if isinstance(asked, DataOptions) else dict(asked)
