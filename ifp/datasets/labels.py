"""Factor classes of labels as people have them: numbers of any sign and spacing, true and false, text, with gaps.

One rule for every door: a factor's classes are its distinct values in order, numbered from 0; values that are equal
within rounding are one. Only a continuous factor, of more distinct values than ``bins``, is cut, into ``bins`` classes
of equal width over its range: one of numbers that are not all whole, or of more than 256 whole ones. Of a data set a
row that lacks a label is left out; for scores it counts for the factors that it has a label of.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.names import in_one_line, is_name
from analysis.plain_json import shown
from annealing.errors import DataError
from ifp.datasets.dataset import Factors
from ifp.datasets.label_values import label_values

MOST_FACTORS = 256
_MOST_CLASSES = 2**20  # of a factor: a sequence of images has as many
_MOST_VALUES = 256  # distinct ones: of more a factor is continuous, be they whole numbers
_FEW_VALUES = 32  # are classes however few rows there are
_SAID = 200  # characters of what is said of the factors
_DOUBLE, _SINGLE = 16 * np.finfo(np.float64).eps, 4 * float(np.finfo(np.float32).eps)  # what rounding may differ by


@dataclass(frozen=True, eq=False)
class Labels:
    """What was made of labels.

    Attributes:
        classes: (rows kept, factors), from 0.
        factors: their names and sizes.
        kept: which rows have all their labels, (rows,).
        said: what was understood of factors that are no whole numbers 0, 1, 2, ...; empty where all are.
    """

    classes: NDArray[np.int64]
    factors: Factors
    kept: NDArray[np.bool_]
    said: str

    @property
    def left_out(self) -> int:
        """How many rows lack a label."""
        return int((~self.kept).sum())


def label_columns(labels: Any, rows: int, where: str) -> list[NDArray[Any]]:
    """The columns of labels (rows,) or (rows, factors); DataError, which says where, for another shape."""
    values = np.asarray(labels)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != rows or not values.shape[1]:
        raise DataError(f"need {where}, one row per image, got {np.shape(labels)}")
    if values.shape[1] > MOST_FACTORS:
        raise DataError(f"need {where} of at most {MOST_FACTORS} columns, got {values.shape}")
    return list(values.T)


def factor_classes(
    columns: Sequence[NDArray[Any]],
    names: Sequence[str] | None = None,
    *,
    bins: int | None = None,
    missing: str | None = None,
    where: str = "factors",
) -> Labels:
    """Classes of labels, by the rule at the head of this module.

    >>> found = factor_classes([np.array([0.3, 0.1 * 3, -1.5]), np.array(["red", "blue", "red"])])
    >>> found.classes.tolist(), found.factors.sizes, found.said
    ([[1, 1], [1, 0], [0, 1]], (2, 2), 'factor0 2 values -1.5..0.3, factor1 2 values blue, red')

    Args:
        columns: labels (rows,) of each factor: numbers, true and false, or text; text that is numbers throughout is
            numbers.
        names: of the factors. Default: factor0, factor1, ...
        bins: classes that a continuous factor is cut into, where it has more values. A value on an edge is of the upper
            class.
        missing: a label that means there is none, beside NaN and empty text.
        where: what the labels are called in a message.

    Raises:
        DataError: labels of another kind, infinite ones, none that are complete, a continuous factor without bins,
            too many classes, or names that are none.
    """
    known = _numbered(len(columns)) if names is None else tuple(map(str, names))
    _require_names(known, where)
    read = [label_values(column, missing, f"{where}, {name}") for column, name in zip(columns, known, strict=True)]
    kept = ~np.any([absent for _, absent in read], axis=0)
    if not kept.any():
        raise DataError(f"need a row of {where} without missing labels, all {len(kept)} lack one")
    classes, said = [], []
    for (values, _), name in zip(read, known, strict=True):
        found, words = _classes(values[kept], name, bins, where, several=len(columns) > 1)
        classes.append(found)
        said.append(words)
    sizes = _sizes(classes, where)
    told = in_one_line(", ".join(words for words in said if words))
    told = told if len(told) <= _SAID else f"{told[:_SAID]}..."
    return Labels(np.stack(classes, axis=1), Factors(known, sizes), kept, told)


def partial_labels(
    columns: Sequence[NDArray[Any]],
    *,
    bins: int | None = None,
    missing: str | None = None,
    where: str = "factors",
    else_bins: int | None = None,
    way_on: str = "",
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Classes, -1 where there is no label, and labels as numbers, NaN there and throughout text: (rows, factors) both.

    >>> classes, values = partial_labels([np.array([0.5, np.nan, -1.5]), np.array(["red", "blue", ""])])
    >>> classes.tolist(), values[:, 0].tolist()
    ([[1, 1], [-1, 0], [0, -1]], [0.5, nan, -1.5])

    Args:
        columns, bins, missing, where: as :func:`factor_classes` has them.
        else_bins: classes of a continuous factor where ``bins`` is None; None refuses one.
        way_on: what that refusal says at its end.

    Raises:
        DataError: labels of another kind, infinite ones, a continuous factor, or too many classes.
    """
    classes = np.full((len(columns[0]), len(columns)), -1, np.int64)
    values = np.full(classes.shape, np.nan)
    how: dict[str, Any] = {"several": len(columns) > 1, "else_bins": else_bins, "way_on": way_on}
    for k, (name, column) in enumerate(zip(_numbered(len(columns)), columns, strict=True)):
        read, absent = label_values(column, missing, f"{where}, {name}")
        if absent.all():
            continue
        classes[~absent, k], _ = _classes(read[~absent], name, bins, where, **how)
        if read.dtype.kind != "U":
            values[~absent, k] = read[~absent]
    _sizes(list(classes.T), where)
    return classes, values


def _numbered(factors: int) -> tuple[str, ...]:
    return tuple(f"factor{k}" for k in range(factors))


def _sizes(classes: Sequence[NDArray[np.int64]], where: str) -> tuple[int, ...]:
    """Number of classes of each factor."""
    sizes = tuple(int(each.max()) + 1 for each in classes)
    if math.prod(max(size, 1) for size in sizes) >= 2**62:
        raise DataError(f"need {where} of fewer than 2^62 combinations, got sizes {sizes}")
    return sizes


def _require_names(names: tuple[str, ...], where: str) -> None:
    if len(set(names)) < len(names) or not all(map(is_name, names)):
        raise DataError(f"need different, printable factor_names for {where}, got {', '.join(map(shown, names))}")
    if any("," in each or ":" in each for each in names):
        raise DataError(f"need factor_names without commas and colons for {where}, got {', '.join(map(shown, names))}")


def _classes(
    values: NDArray[Any],
    name: str,
    bins: int | None,
    where: str,
    *,
    several: bool,
    else_bins: int | None = None,
    way_on: str = "",
) -> tuple[NDArray[np.int64], str]:
    """Classes (rows,) of one factor, none of whose labels is missing, and what was understood; "" if nothing was."""
    distinct, place = np.unique(values, return_inverse=True)
    whole = distinct.dtype.kind in "iu" or (distinct.dtype.kind == "f" and bool((distinct == np.rint(distinct)).all()))
    cut = bins is not None and len(distinct) > max(bins, _MOST_VALUES)  # whole numbers, too
    if distinct.dtype.kind != "U" and (cut or not whole):
        distinct = distinct.astype(np.float64)
        same = np.arange(len(distinct)) if whole else _equal_within_rounding(distinct)
        count = int(same[-1]) + 1
        limit = _MOST_VALUES if not several else min(_MOST_VALUES, max(_FEW_VALUES, len(values) // 2))
        if bins is None and count > limit:
            if else_bins is None:
                raise DataError(
                    f"need classes in {where}, {name} has {count:,} values within {distinct[0]:g}..{distinct[-1]:g}: "
                    f"--bins N cuts the range of a continuous factor into N classes (from Python bins=N){way_on}"
                )
            bins = else_bins
        if bins is not None and count > bins:
            said = f"{name} cut into {bins} classes of {distinct[0]:g}..{distinct[-1]:g}"
            return _cut(distinct, bins)[place], said
        return same[place], f"{_counted(name, count)} {distinct[0]:g}..{distinct[-1]:g}"
    if len(distinct) > _MOST_CLASSES:
        raise DataError(f"need {where} of at most {_MOST_CLASSES:,} classes, {name} has {len(distinct):,}")
    classes = place.astype(np.int64)
    if distinct.dtype.kind == "U":
        return classes, f"{_counted(name, len(distinct))} {', '.join(distinct[:6].tolist())}"
    if int(distinct[0]) == 0 and int(distinct[-1]) == len(distinct) - 1:
        return classes, ""
    return classes, f"{_counted(name, len(distinct))} {distinct[0]:g}..{distinct[-1]:g}"


def _counted(name: str, values: int) -> str:
    return f"{name} {values} value{'' if values == 1 else 's'}"


def _equal_within_rounding(distinct: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which class each of the rising values is of: neighbours that only rounding tells apart are of one.

    Computed in float64, 0.1 * 3 is not 0.3; a value that went through float32 is 6e-8 of itself away from its equal
    that did not. Where values follow each other so closely everywhere that whole stretches would be one, none are.
    """
    below, above = distinct[:-1], distinct[1:]
    with np.errstate(over="ignore"):
        single = distinct.astype(np.float32) == distinct
        gap, size = above - below, np.maximum(np.abs(below), np.abs(above))
        near = gap <= _DOUBLE * size
        near |= (gap <= _SINGLE * size) & (single[:-1] | single[1:])
        # about 0 nothing is near by its own size: -1 + 5 * 0.2 is not 0
        near |= (below <= 0) & (above >= 0) & (gap <= (_SINGLE if single.all() else _DOUBLE) * np.abs(distinct).max())
    place = np.concatenate([[0], np.cumsum(~near)])
    first = np.flatnonzero(np.concatenate([[True], ~near]))
    last = np.append(first[1:], len(distinct)) - 1
    with np.errstate(over="ignore"):
        chained = distinct[last] - distinct[first] > 2 * _SINGLE * np.abs(distinct).max()
    return np.arange(len(distinct)) if chained.any() else place


def _cut(distinct: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Which of equal bins over their range each value is in; one on an edge, within rounding, in the upper."""
    low, high = distinct[0], distinct[-1]
    with np.errstate(over="ignore"):
        at = (distinct / 2 - low / 2) / (high / 2 - low / 2) * bins  # halves: of the largest floats no range overflows
    edge = np.rint(at)
    at = np.where(np.abs(at - edge) <= _SINGLE * bins, edge, at)
    return np.clip(np.floor(at), 0, bins - 1).astype(np.int64)
