"""Distributions of freezing points: summaries, and two factors compared on ln beta over shared contexts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annealing.errors import IFPError
from annealing.intervals import median_interval

_OUTSIDE = 1e100  # stands for a pressure that is known only to lie beyond the others
_ROUNDING = 1e-9  # of ln beta; pressures as near as that are equal
_FEW = 13  # differences up to which ties among them leave scipy's test exact


@dataclass(frozen=True)
class Summary:
    """Pressures of a factor's cases in nats; None if it cannot be known.

    Attributes:
        n: cases with a pressure.
        below, above: cases known only to lie below or above the swept range. They have their place at that end of
            the order, so every quantile counts them; a quantile that falls among them is None.
        median, q25, q75, q05, q95: quantiles.
        low, high: interval that covers the median with a probability of 95% or more
            (:func:`annealing.intervals.median_interval`);
            None with fewer than six cases, or if an end falls among the cases beyond the range.
    """

    n: int
    below: int
    above: int
    median: float | None
    low: float | None
    high: float | None
    q25: float | None
    q75: float | None
    q05: float | None
    q95: float | None


def summarise(beta: ArrayLike, *, below: int = 0, above: int = 0) -> Summary:
    """Quantiles of the finite values in ``beta``, with so many further cases below and above all of them."""
    values = np.asarray(beta, np.float64)
    values = values[np.isfinite(values)]
    placed = np.concatenate([np.full(below, -_OUTSIDE), values, np.full(above, _OUTSIDE)])
    if not len(placed):
        return Summary(0, 0, 0, *[None] * 7)
    shares = (0.5, 0.25, 0.75, 0.05, 0.95)
    median, q25, q75, q05, q95 = (_inside(float(np.quantile(placed, share))) for share in shares)
    low, high = (_inside(end) for end in median_interval(placed))
    return Summary(len(values), below, above, median, low, high, q25, q75, q05, q95)


def median(values: ArrayLike) -> float | None:
    """Median of the finite values; None if there is none.

    >>> median([3.0, float("nan"), 1.0]), median([])
    (2.0, None)
    """
    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    return float(np.median(found)) if len(found) else None


def _inside(value: float) -> float | None:
    return value if abs(value) < 1e-3 * _OUTSIDE else None  # NaN: none


def overlap(first: ArrayLike, second: ArrayLike) -> float:
    r"""Shared area of the two kernel densities on ln beta, :math:`\int \min(f, g)`: 1 for equal, 0 for apart.

    Kernel: Gaussian, Scott's rule. A distribution without spread (but for rounding) is a point: the overlap is 1
    where both are the same point and 0 otherwise.
    """
    from scipy import stats  # which takes half a second to import

    a, b = _logs(first), _logs(second)
    if min(np.ptp(a), np.ptp(b)) <= _ROUNDING:
        return float(np.ptp(np.concatenate([a, b])) <= _ROUNDING)
    f, g = stats.gaussian_kde(a), stats.gaussian_kde(b)
    both = np.concatenate([a, b])
    margin = 4 * max(np.sqrt(f.covariance.item()), np.sqrt(g.covariance.item()))
    grid = np.linspace(both.min() - margin, both.max() + margin, 2001)
    return float(np.trapezoid(np.minimum(f(grid), g(grid)), grid))


@dataclass(frozen=True)
class Comparison:
    """A comparison of two factors' pressures, on ln beta.

    Attributes:
        paired: whether over the same contexts.
        n, m: pairs (twice the same), or cases of the first and of the second.
        superiority: share of the pairs (paired), or of all combinations of a case of each, in which the first freezes
            at the higher pressure; ties count half.
        ratio: median of first / second over the pairs, or median of the first over median of the second.
        effect: matched-pairs rank-biserial correlation, the difference between the sums of favourable and unfavourable
            ranks over their total (Kerby 2014, doi:10.2466/11.IT.3.1); or Cliff's delta, 2 superiority - 1. In -1..1.
        p_value: two-sided; Wilcoxon's signed-rank test, or Mann and Whitney's.
    """

    paired: bool
    n: int
    m: int
    superiority: float
    ratio: float
    effect: float
    p_value: float


def log_differences(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    r""":math:`\ln a - \ln b` of pressures above 0 in the same contexts; 0 where they differ by rounding alone."""
    difference = np.log(first) - np.log(second)
    difference[np.abs(difference) < _ROUNDING] = 0.0
    return difference


def compare_paired(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Compare two factors' pressures in the same contexts, in one order; pairs with a missing value are left out.

    Raises:
        IFPError: different lengths, or no complete pair.
    """
    from scipy import stats  # which takes half a second to import

    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise IFPError(f"need two rows of one length to compare in pairs, got shapes {a.shape} and {b.shape}")
    complete = np.isfinite(a) & np.isfinite(b)
    if not complete.any():
        raise IFPError("need at least one context in which both factors have a freezing point, got none")
    difference = log_differences(a[complete], b[complete])
    ranks = stats.rankdata(np.abs(difference))
    p_value = _signed_rank_p(difference, ranks)
    superiority = float(np.mean(difference > 0) + np.mean(difference == 0) / 2)
    effect = float((np.sign(difference) * ranks).sum() / ranks.sum())
    n = int(complete.sum())
    return Comparison(True, n, n, superiority, float(np.exp(np.median(difference))), effect, p_value)


def _signed_rank_p(difference: NDArray[np.float64], ranks: NDArray[np.float64]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; differences of 0 split their rank.

    Of few differences with ties scipy ranks anew under each of the 2^n choices of signs, in Python; the sums over the
    positive ones are built here at once, and give the same p to the last bit.
    """
    from scipy import stats  # which takes half a second to import

    moved = difference != 0
    if not moved.any():
        return 1.0
    if len(difference) > _FEW or (moved.all() and len(np.unique(ranks)) == len(ranks)):
        return float(stats.wilcoxon(difference, zero_method="zsplit").pvalue)
    sums = np.zeros(1)
    for rank in ranks[moved]:
        sums = np.concatenate([sums, sums + rank])
    found = ranks[difference > 0].sum()
    return float(min(1.0, 2 * min(np.mean(sums <= found), np.mean(sums >= found))))


def compare_unpaired(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Compare two factors' pressures where their contexts are not the same; missing values are left out.

    Raises:
        IFPError: one of them has no value.
    """
    from scipy import stats  # which takes half a second to import

    a, b = (np.log(values[np.isfinite(values)]) for values in (np.asarray(first, float), np.asarray(second, float)))
    if not len(a) or not len(b):
        raise IFPError(f"need a freezing point or more of either factor, got {len(a)} and {len(b)}")
    ordered = np.sort(b)  # not all differences: of some thousand cases each they would fill the memory
    below, up_to = np.searchsorted(ordered, a - _ROUNDING, "left"), np.searchsorted(ordered, a + _ROUNDING, "right")
    superiority = float((below + up_to).mean() / (2 * len(b)))
    ratio = float(np.exp(np.median(a) - np.median(b)))
    p_value = float(stats.mannwhitneyu(a, b).pvalue)
    return Comparison(False, len(a), len(b), superiority, ratio, 2 * superiority - 1, p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number by Holm's step-down method, in the order given.

    >>> [round(p, 10) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable").tolist()):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _logs(beta: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(beta, np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2 or (values <= 0).any():
        raise IFPError(f"need two or more pressures above 0 for a density, got {len(values)}")
    return np.log(values)
