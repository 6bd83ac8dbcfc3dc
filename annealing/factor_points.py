r"""Freezing points of labelled rows: what a code of one factor is worth by itself, others known, and the order.

As :mod:`annealing.conditional` has it of images, of any likelihood: with the decoder told the factors S and the code
one of factor k alone,

- the *marginal* value: S empty;
- the *conditional* value: S all other factors, the same code in every context;
- the *action* value: one context alone, all other factors fixed; a distribution over contexts;
- the *order*: the factor with the largest value freezes, joins S, and the rest are computed again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annealing.conditions import SilentConditions, seen_value
from annealing.errors import DataError
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.rows import Rows

Labels = NDArray[np.integer]


@dataclass(frozen=True)
class FactorPoints:
    """Freezing points of one factor, in nats; 0 where nothing varies with it.

    Attributes:
        factor: its name.
        marginal: nothing else known.
        conditional: all other factors known.
        action: median over contexts that show two classes or more; NaN where none does.
        contexts: how many these are.
    """

    factor: str
    marginal: float
    conditional: float
    action: float
    contexts: int


@dataclass(frozen=True)
class OrderedFactor:
    """One step of the freezing order: the factor that freezes, at what value, given which before it."""

    factor: str
    value: float
    given: tuple[str, ...]


def factor_points(
    rows: Rows, likelihood: RowLikelihood, labels: Labels, names: Sequence[str] | None = None
) -> tuple[FactorPoints, ...]:
    """The values of every factor of rows.

    Args:
        rows: N rows; a condition of their own is no part of this.
        likelihood: of :func:`annealing.likelihoods.row_likelihood`, or one's own.
        labels: classes of the factors, integers (N, K).
        names: of the factors; f0, f1, ... where none are given.

    Raises:
        DataError: labels or names that do not fit, or rows that the likelihood cannot draw.
    """
    known = _checked(labels, len(rows))
    called = _names(names, known.shape[1])
    points = []
    for factor, name in enumerate(called):
        rest = np.delete(known, factor, axis=1)
        contexts = list(_contexts(rows, likelihood, rest, known[:, factor]))
        actions = [seen_value(*_alone(silent, known[:, factor])) for silent in contexts]
        action = float(np.median(actions)) if actions else np.nan
        marginal = _value(rows, likelihood, known[:, :0], known[:, factor])
        conditional = _value(rows, likelihood, rest, known[:, factor])
        points.append(FactorPoints(name, marginal, conditional, action, len(actions)))
    return tuple(points)


def score_order(
    rows: Rows, likelihood: RowLikelihood, labels: Labels, names: Sequence[str] | None = None
) -> tuple[OrderedFactor, ...]:
    """The order in which factors freeze where each latent holds one of them; as of :func:`factor_points` otherwise."""
    known = _checked(labels, len(rows))
    called = _names(names, known.shape[1])
    order: list[OrderedFactor] = []
    frozen: list[int] = []
    while len(frozen) < len(called):
        left = [factor for factor in range(len(called)) if factor not in frozen]
        values = {factor: _value(rows, likelihood, known[:, frozen], known[:, factor]) for factor in left}
        first = max(left, key=lambda factor: values[factor])
        order.append(OrderedFactor(called[first], values[first], tuple(called[factor] for factor in frozen)))
        frozen.append(first)
    return tuple(order)


def _value(rows: Rows, likelihood: RowLikelihood, told: Labels, classes: Labels) -> float:
    """Of a code of these classes alone, the decoder told the factors given."""
    contexts = list(_contexts(rows, likelihood, told, classes))
    if not contexts:
        return 0.0
    index = tuple(own for silent in contexts for own in silent.index)
    silences = tuple(silence for silent in contexts for silence in silent.silences)
    numbers = np.unique(classes, return_inverse=True)[1].reshape(-1)
    return seen_value(SilentConditions(np.arange(len(index)), index, silences), numbers)


def _contexts(rows: Rows, likelihood: RowLikelihood, told: Labels, classes: Labels) -> Iterator[SilentConditions]:
    """The silent decoder of every context that shows two classes: no other one tells of them."""
    context = np.unique(told, axis=0, return_inverse=True)[1].reshape(-1) if told.shape[1] else np.zeros(len(rows), int)
    order = np.argsort(context, kind="stable")
    index = [own for own in np.split(order, np.cumsum(np.bincount(context))[:-1]) if len(np.unique(classes[own])) > 1]
    if index:
        parts = [rows.part(own).without_condition() for own in index]
        for own, silence in zip(index, likelihood.silences(parts), strict=True):
            yield SilentConditions(np.zeros(1, np.int64), (own,), (silence,))


def _alone(silent: SilentConditions, classes: Labels) -> tuple[SilentConditions, Labels]:
    """One context, its rows and their classes numbered from 0."""
    (own,) = silent.index
    numbers = np.unique(classes[own], return_inverse=True)[1].reshape(-1)
    return SilentConditions(silent.categories, (np.arange(len(own)),), silent.silences), numbers


def _checked(labels: Labels, rows: int) -> Labels:
    known = np.asarray(labels)
    if known.ndim != 2 or len(known) != rows or not known.shape[1] or known.dtype.kind not in "biu":
        raise DataError(f"need integer labels (N, factors) of {rows} rows, got {known.dtype} of shape {known.shape}")
    return known


def _names(names: Sequence[str] | None, factors: int) -> tuple[str, ...]:
    called = tuple(f"f{number}" for number in range(factors)) if names is None else tuple(names)
    if len(set(called)) != factors or len(called) != factors:
        raise DataError(f"need a name for each of {factors} factors, all different, got {', '.join(called) or 'none'}")
    return called
