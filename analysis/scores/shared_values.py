"""Rows that share one factor's value: the groups of FactorVAE, the pairs of BetaVAE."""

import numpy as np
from numpy.typing import NDArray

from analysis.scores.codes import LabelledCodes


def draw_groups(
    data: LabelledCodes, count: int, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Groups of rows that share one factor's value: each group's factor (count,) and rows (count, size).

    The factor is uniform among those that vary (and numbered among them), the value that of a row drawn among those
    that have a label of it.
    """
    factor = rng.integers(len(data.sizes), size=count)
    value = data.classes[_labelled_rows(data, factor, rng), factor]
    return factor, _rows_with(data, factor[:, None], np.repeat(value[:, None], size, axis=1), rng)


def draw_pairs(
    data: LabelledCodes, count: int, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Groups of pairs: each group's factor (count,), and the rows of both ends of its pairs (count, size).

    Both ends of a pair share the value of the group's factor; the pairs of a group are independent.
    """
    factor = rng.integers(len(data.sizes), size=count)
    first = _labelled_rows(data, np.repeat(factor, size), rng).reshape(count, size)
    return factor, first, _rows_with(data, factor[:, None], data.classes[first, factor[:, None]], rng)


def _labelled_rows(data: LabelledCodes, factor: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each factor a row that has a label of it."""
    order, start = data.by_value
    if not start[:, 0].any():  # all labels are known: rows of the same random numbers as ever
        return data.draw(len(factor), rng)
    first = start[factor, 0]
    return order[factor, first + rng.integers(len(data.codes) - first)]


def _rows_with(
    data: LabelledCodes, factor: NDArray[np.int64], value: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """For each factor and value a row that has it."""
    order, start = data.by_value
    first = start[factor, value]
    return order[factor, first + rng.integers(start[factor, value + 1] - first)]
