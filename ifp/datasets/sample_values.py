"""What a reader of samples found, and the check that they are finite numbers, a few rows at a time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analysis.names import in_one_line
from annealing.errors import DataError

UNNAMED = "your data"  # what has no name of its own
_CHUNK = 2**21  # values that are looked at together


@dataclass(frozen=True, eq=False)
class Found:
    """Samples as they were read, not yet checked.

    Attributes:
        values: (N, D), numpy's or scipy's.
        name: of the data.
        source: where they come from, in words.
        names: of the features.
        columns: values of each row (N,) that were asked for by name and are no features.
        said: what was done with them beyond reading.
        pictures: whether they are pixels in 0..1.
    """

    values: Any
    name: str
    source: str
    names: Sequence[str] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    said: Sequence[str] = ()
    pictures: bool = False


def require_numbers(found: Found) -> Any:
    """The values as an array (N, D), or as csr where they are sparse; an array that is mapped stays so.

    Raises:
        DataError: another type than whole numbers, floats or booleans; no row, one row or no feature; NaN or infinity,
            told with its row and feature.
    """
    values = found.values
    if values.dtype.kind not in "biuf":
        raise DataError(f"need numbers in {found.source}, got {values.dtype}")
    if values.ndim != 2 or 0 in values.shape:
        raise DataError(f"need rows of one feature or more in {found.source}, got shape {tuple(values.shape)}")
    if values.shape[0] < 2:
        raise DataError(f"need at least 2 rows in {found.source}, got {values.shape[0]}")
    if sparse.issparse(values):
        rows = sparse.csr_array(values)
        wrong = np.nonzero(~np.isfinite(rows.data))[0]
        if len(wrong):
            row = int(np.searchsorted(rows.indptr, wrong[0], side="right")) - 1
            raise _not_finite(found, row, int(rows.indices[wrong[0]]), rows.data[wrong[0]])
        return rows
    if values.dtype.kind == "f":
        together = max(_CHUNK // values.shape[1], 1)
        for start in range(0, len(values), together):
            part = values[start : start + together]
            if not math.isfinite(part.sum(dtype=np.float64)) and not np.isfinite(part).all():
                row, column = np.argwhere(~np.isfinite(part))[0].tolist()
                raise _not_finite(found, start + row, column, part[row, column])
    return values


def _not_finite(found: Found, row: int, column: int, value: Any) -> DataError:
    feature = f"feature {column}" if found.names is None else in_one_line(found.names[column])
    return DataError(
        f"need a finite number everywhere in {found.source}, got {value} in row {row}, {feature}: leave the row out, "
        "or fill it"
    )
