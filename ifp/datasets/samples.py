"""Samples as rows, (N, D), whatever they came as: arrays, tables, sparse matrices, annotated counts, files of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from analysis.names import in_one_line
from analysis.plain_json import shown
from annealing.errors import DataError, IFPError
from ifp.datasets.annotated_counts import is_annotated, read_annotated, read_h5ad
from ifp.datasets.dataset import Dataset
from ifp.datasets.sample_arrays import array_of, read_arrays, rows_of_images
from ifp.datasets.sample_columns import is_frame, read_frame, read_text
from ifp.datasets.sample_values import UNNAMED, Found, require_numbers
from ifp.files.arrays import in_memory, labels_in_memory

TOTAL, NO_EXPOSURE = "total", "none"
_ROW_SUM = "the row's sum"
_TABLES, _ARRAYS = (".csv", ".tsv"), (".npy", ".npz", ".h5", ".hdf5")

Samples: TypeAlias = Dataset | str | Path | ArrayLike
PerRow: TypeAlias = str | ArrayLike


@dataclass(frozen=True, eq=False)
class SampleRows:
    """Rows of so many features, what is known of each row, and what they are called.

    Attributes:
        values: (N, D), an array, or csr where they are sparse.
        name: of the data, for titles.
        source: where they come from and what was done with them, in words.
        names: of the D features; None where they have none.
        exposure: what each row's rates are multiplied by (N,); None where all are exposed alike.
        exposed: what that is, in words.
        condition: category of each row (N,), of those in ``categories``; None where there is none.
        categories: what they are called.
        pictures: whether they are pixels in 0..1.
        labels: columns that were asked for and are no features, (N,) or (N, K), by name.
    """

    values: Any
    name: str
    source: str
    names: Sequence[str] | None = None
    exposure: NDArray[np.float64] | None = None
    exposed: str = ""
    condition: NDArray[np.int64] | None = None
    categories: Sequence[str] = ()
    pictures: bool = False
    labels: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def features(self) -> int:
        """D, those that never vary among them."""
        return int(self.values.shape[1])

    def largest(self, shares: NDArray[np.float64], count: int = 3) -> tuple[tuple[str, float], ...]:
        """The features of the largest shares (D,), by name, each with its share."""
        first = np.argsort(-shares, kind="stable")[:count].tolist()
        names = self.names or [f"feature {number}" for number in range(self.features)]
        return tuple((names[number], float(shares[number])) for number in first)

    def with_total(self) -> "SampleRows":
        """The same rows, each exposed by its sum; DataError where one sums to nothing."""
        return replace(self, exposure=_totals(self.values), exposed=_ROW_SUM)


def sample_rows(
    data: Samples,
    *,
    exposure: PerRow | None = None,
    condition: PerRow | None = None,
    labels: Sequence[str] = (),
    layer: str | None = None,
    seed: int = 0,
) -> SampleRows:
    """What a person brought, as rows.

    Args:
        data: an array, torch's or numpy's, mapped or not, (N, ...), whose axes after the first are one row; a scipy
            sparse matrix; a table with columns (pandas, polars); annotated counts (AnnData); a data set of images; or
            the path of a npy, npz, HDF5, CSV, TSV or h5ad file, or what names a data set of images.
        exposure: what each row's rates are multiplied by: (N,), the name of a column, ``total`` for the row's sum, or
            ``none``. A column that is called total goes before the sum.
        condition: the category of each row that the decoder is told, numbers or text (N,), or the name of a column.
        labels: columns of a table that are no features.
        layer: of annotated counts, which are taken instead of X.
        seed: of the rows drawn from a data set of images too large to be held.

    Raises:
        DataError: no numbers, NaN or infinity, a column that is not there, fewer than two rows, or a file that is
            damaged.
        IFPError: columns asked of data that have none.
    """
    asked = [each for each in (exposure, condition) if isinstance(each, str)]
    columns = [each for each in dict.fromkeys([*asked, *labels]) if each != NO_EXPOSURE]
    found = _read(data, columns, layer, seed)
    missing = [each for each in columns if each not in found.columns and not (each == TOTAL and each == exposure)]
    if missing:
        raise IFPError(
            f"need {missing[0]!r} beside the samples, {found.source} holds no other column: keep it in an npz, a table "
            "or an h5ad file, or give an array (N,) from Python"
        )
    values = require_numbers(found)
    row_exposure, exposed = _exposure(exposure, found, values)
    classes, categories = _condition(condition, found, values.shape[0])
    return SampleRows(
        values=values,
        name=found.name,
        source="; ".join([found.source, *found.said]),
        names=None if found.names is None else tuple(found.names),
        exposure=row_exposure,
        exposed=exposed,
        condition=classes,
        categories=categories,
        pictures=found.pictures,
        labels={name: found.columns[name] for name in labels},
    )


def _read(data: Samples, columns: Sequence[str], layer: str | None, seed: int) -> Found:
    path = _path(data)
    if layer is not None and not is_annotated(data) and not (path is not None and path.suffix.lower() == ".h5ad"):
        raise IFPError(f"need annotated counts (AnnData, or an h5ad file) for the layer {layer!r}, got others")
    if path is not None:
        suffix = path.suffix.lower()
        if suffix in _TABLES:
            return read_text(path, columns)
        if suffix == ".h5ad":
            return read_h5ad(path, columns, layer)
        if suffix in _ARRAYS:
            return read_arrays(path, columns, seed)
        return rows_of_images(str(data), seed)
    if hasattr(data, "fingerprint"):
        return rows_of_images(data, seed)  # type: ignore[arg-type]  # a data set that is open
    if is_annotated(data):
        return read_annotated(data, columns, layer)
    if is_frame(data):
        return read_frame(data, columns)
    if sparse.issparse(data):
        return Found(data, UNNAMED, f"a sparse matrix {data.shape}")  # type: ignore[union-attr]
    return array_of(in_memory(data), UNNAMED, "the array given")  # type: ignore[arg-type]


def _path(data: object) -> Path | None:
    if not isinstance(data, (str, Path)):
        return None
    try:
        return Path(data).expanduser()
    except RuntimeError as error:  # no such user
        raise DataError(f"need a path, got {shown(str(data))}: {error}") from error


def _exposure(given: PerRow | None, found: Found, values: Any) -> tuple[NDArray[np.float64] | None, str]:
    if given is None or (isinstance(given, str) and given == NO_EXPOSURE):
        return None, ""
    if isinstance(given, str) and given == TOTAL and given not in found.columns:
        return _totals(values), _ROW_SUM
    column, said = (found.columns[given], given) if isinstance(given, str) else (given, "as given")
    exposure = in_memory(column).astype(np.float64)
    _require_row_each("an exposure", exposure, values.shape[0])
    return exposure, said


def _totals(values: Any) -> NDArray[np.float64]:
    total = np.asarray(values.sum(axis=1, dtype=np.float64)).ravel()
    without = np.nonzero(~(total > 0))[0]
    if len(without):
        raise DataError(
            f"need rows that sum to more than 0 for the exposure {TOTAL}, row {without[0]} sums to "
            f"{total[without[0]]:g}: leave it out, or take the exposure {NO_EXPOSURE}"
        )
    return total


def _condition(given: PerRow | None, found: Found, rows: int) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    if given is None:
        return None, ()
    labels = labels_in_memory(found.columns[given] if isinstance(given, str) else given)
    _require_row_each("a condition", labels, rows)
    absent = labels == "" if labels.dtype.kind == "U" else ~np.isfinite(labels)
    if absent.any():
        raise DataError("need a condition of every row, some have none: leave those rows out, or name what they are")
    names, categories, count = np.unique(labels, return_inverse=True, return_counts=True)
    if count.min() < 2:
        lone = in_one_line(str(names[count.argmin()]))
        raise DataError(
            f"need two rows or more of each condition, {lone} has one: cut numbers that run on into a few classes"
        )
    return categories.astype(np.int64), tuple(str(each) for each in names.tolist())


def _require_row_each(what: str, column: NDArray[Any], rows: int) -> None:
    if column.shape != (rows,):
        raise DataError(f"need {what} for each of {rows} rows, got shape {column.shape}")
