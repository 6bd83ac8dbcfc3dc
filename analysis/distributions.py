"""Distributions of freezing points: summaries, and two factors compared on ln beta over shared contexts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from annealing.errors import IFPError


@dataclass(frozen=True)
class Summary:
    """Of pressures in nats: how many, median, quartiles and the 5% and 95% quantiles; None where there are none."""

    n: int
    median: float | None
    q25: float | None
    q75: float | None
    q05: float | None
    q95: float | None


def summarise(beta: ArrayLike) -> Summary:
    """Quantiles of the finite values among ``beta``."""
    values = np.asarray(beta, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return Summary(0, None, None, None, None, None)
    return Summary(len(values), *(float(np.quantile(values, share)) for share in (0.5, 0.25, 0.75, 0.05, 0.95)))


def overlap(first: ArrayLike, second: ArrayLike) -> float:
    r"""Shared area of the two kernel densities on ln beta, :math:`\int \min(f, g)`: 1 for equal, 0 for apart.

    Kernel: Gaussian, Scott's rule. A distribution without spread is a point: the overlap is 1 where both are the
    same point and 0 otherwise.
    """
    a, b = _logs(first), _logs(second)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float(np.ptp(np.concatenate([a, b])) == 0)
    f, g = stats.gaussian_kde(a), stats.gaussian_kde(b)
    both = np.concatenate([a, b])
    margin = 4 * max(np.sqrt(f.covariance.item()), np.sqrt(g.covariance.item()))
    grid = np.linspace(both.min() - margin, both.max() + margin, 2001)
    return float(np.trapezoid(np.minimum(f(grid), g(grid)), grid))


@dataclass(frozen=True)
class PairedComparison:
    """Two factors over the same contexts, on ln beta.

    ``superiority`` is the share of contexts in which the first freezes at the higher pressure (ties count half),
    ``ratio`` the median of first / second, ``p_value`` the two-sided Wilcoxon signed-rank test's.
    """

    n: int
    superiority: float
    ratio: float
    p_value: float


def compare_paired(first: ArrayLike, second: ArrayLike) -> PairedComparison:
    """Compare two factors' pressures in the same contexts, in one order; pairs with a missing value are left out.

    Raises:
        IFPError: different lengths, or no complete pair.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise IFPError(f"need two rows of one length to compare in pairs, got shapes {a.shape} and {b.shape}")
    complete = np.isfinite(a) & np.isfinite(b)
    if not complete.any():
        raise IFPError("need at least one context in which both factors have a freezing point, got none")
    difference = np.log(a[complete]) - np.log(b[complete])
    difference[np.abs(difference) < 1e-9] = 0.0  # equal but for rounding
    p_value = float(stats.wilcoxon(difference, zero_method="zsplit").pvalue) if difference.any() else 1.0
    superiority = float(np.mean(difference > 0) + np.mean(difference == 0) / 2)
    return PairedComparison(int(complete.sum()), superiority, float(np.exp(np.median(difference))), p_value)


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
