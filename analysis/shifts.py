r"""How far one sample of freezing points lies from another, on ln beta: in pairs, or as two samples.

A pressure of -inf or inf belongs to a case known only to lie below or above the swept range. The difference of two
cases beyond the same end is unknown, so it is placed conservatively: lowest for the lower end of an interval, highest
for the upper end, and an estimate is the middle of the values that the two places give.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri  # scipy.stats takes half a second to import

from analysis.distributions import Summary
from annealing.errors import IFPError
from annealing.intervals import median_interval

_FAR = 1e3  # of ln beta: more than any two pressures that are read lie apart
_HALVINGS = 70  # of that range, to a difference's last digits
_EXACT = 100_000  # differences up to which the distribution of U is counted out


@dataclass(frozen=True)
class Shift:
    """Median of ln(second / first), with an interval of 95% coverage or more; None if not known.

    Attributes:
        paired: whether over pairs: the median of their differences, between two of them by order statistics. Else the
            median of all differences of a case of each (Hodges and Lehmann's estimate), with the interval of shifts
            that Mann and Whitney's test does not reject: the two distributions are taken to differ by the shift alone.
        n, m: pairs (twice the same), or cases of the first and of the second.
        shift, low, high: of ln beta. An interval takes six pairs, or four cases of each (three and five).
    """

    paired: bool
    n: int
    m: int
    shift: float | None
    low: float | None
    high: float | None

    @property
    def ratio(self) -> float | None:
        """Of the pressures: exp(shift)."""
        return None if self.shift is None else float(np.exp(self.shift))


@dataclass(frozen=True)
class FactorShift:
    """A factor's freezing points in two runs; pressures in nats.

    Attributes:
        shift: of ln beta, second over first, as measured.
        closed_form: the same of the closed form of the same cases.
        first, second: summaries of the cases that are compared. One that never froze, or never melted, counts as below
            or above all others.
        first_beta, second_beta: their pressures, of pairs in one order; infinite where beyond the sweep (null in JSON).
        first_spectral, second_spectral: closed forms of the same cases.
        shared: contexts that both runs have the factor in.
        left_out: cases of the first and of the second run that are not compared: diverged, or without a partner.
        superiority: share of the pairs, or of all combinations of a case of each, in which the second run's freezes at
            the higher pressure; ties count half. None, as the p-values, where no case has a freezing point.
        p_value: two-sided, of Wilcoxon's signed-rank test, or Mann and Whitney's. A case beyond the sweep is tied with
            the lowest, or highest, pressure of either run.
        p_holm: adjusted for the number of factors.
    """

    factor: str
    shift: Shift
    closed_form: Shift
    first: Summary
    second: Summary
    first_beta: tuple[float, ...]
    second_beta: tuple[float, ...]
    first_spectral: tuple[float, ...]
    second_spectral: tuple[float, ...]
    shared: int
    left_out: tuple[int, int]
    superiority: float | None
    p_value: float | None
    p_holm: float | None


def paired_shift(first: ArrayLike, second: ArrayLike) -> Shift:
    """Shift over pairs, given in the same order; pairs in which one has no pressure are left out.

    Args:
        first, second: pressures (pairs,), above 0, -inf or inf where censored, NaN where there is none.

    Raises:
        IFPError: different lengths.

    >>> found = paired_shift([1.0, 2, 3, 4, 5, 6], [2.0, 4, 6, 8, 10, 12])
    >>> [round(float(np.exp(value)), 3) for value in (found.shift, found.low, found.high)]
    [2.0, 2.0, 2.0]
    """
    a, b = _logarithms(first), _logarithms(second)
    if a.shape != b.shape or a.ndim != 1:
        raise IFPError(f"need two rows of one length to compare in pairs, got shapes {a.shape} and {b.shape}")
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    unknown = np.isinf(a) & (a == b)
    difference = np.subtract(b, a, out=np.zeros_like(a), where=~unknown)
    lowest, highest = (np.sort(np.where(unknown, end, difference)) for end in (-np.inf, np.inf))
    low, high = median_interval(lowest)[0], median_interval(highest)[1]
    n = len(difference)
    middle = (lowest[(n - 1) // 2], highest[n // 2]) if n else (np.nan, np.nan)
    return Shift(True, n, n, _between(*middle), _finite(low), _finite(high))


def unpaired_shift(first: ArrayLike, second: ArrayLike) -> Shift:
    """Shift between two samples of independent cases; those without a pressure are left out.

    Args:
        first: pressures (n,), above 0, -inf or inf where censored, NaN where there is none.
        second: (m,).
    """
    a, b = (np.sort(values[~np.isnan(values)]) for values in (_logarithms(first), _logarithms(second)))
    n, m = len(a), len(b)
    if not n or not m:
        return Shift(False, n, m, None, None, None)
    middle = (n * m + 1) // 2
    place = _outermost(n, m)
    ends = (_difference(a, b, place), -_difference(b, a, place)) if place else (np.nan, np.nan)
    shift = _between(_difference(a, b, middle), -_difference(b, a, middle))
    return Shift(False, n, m, shift, *map(_finite, ends))


def _logarithms(values: ArrayLike) -> NDArray[np.float64]:
    """Of pressures; the infinite ones as they are."""
    pressures = np.asarray(values, np.float64)
    return np.where(np.isinf(pressures), pressures, np.log(np.where(np.isinf(pressures), 1.0, pressures)))


def _difference(a: NDArray[np.float64], b: NDArray[np.float64], place: int) -> float:
    """The ``place``-th lowest b - a of all pairs, unknown ones lowest, without all of them in memory at once."""

    def up_to(shift: float) -> int:
        return int(np.searchsorted(b, a + shift, "right").sum())  # counts inf - inf, too

    low, high = -_FAR, _FAR
    if up_to(low) >= place:
        return -np.inf
    if up_to(high) < place:
        return np.inf
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if up_to(middle) >= place else (middle, high)
    return high


def _outermost(n: int, m: int, level: float = 0.95) -> int:
    """Place from either end of the ordered differences that bounds the interval; 0 where there is none.

    The largest k with 2 P(U < k) <= 1 - level, U Mann and Whitney's statistic without a shift: counted out or, of
    large samples, by its normal limit with the correction for continuity.
    """
    if n * m > _EXACT:
        tail = ndtri((1 + level) / 2) * np.sqrt(n * m * (n + m + 1) / 12)
        return int(max(n * m / 2 - tail + 0.5, 0))
    return int(np.searchsorted(2 * np.cumsum(_mann_whitney(n, m)), 1 - level, "right"))


def _mann_whitney(n: int, m: int) -> NDArray[np.float64]:
    """P(U = u), u from 0 to nm, without ties: coefficients of the Gaussian binomial over how many there are."""
    share = np.zeros(n * m + 1)
    share[0] = 1.0
    for i in range(1, min(n, m) + 1):  # times (1 - q^(max + i)) / (1 - q^i), and i / (max + i) to stay in range
        step = max(n, m) + i
        share[step:] = share[step:] - share[:-step]
        for start in range(i):
            share[start::i] = np.cumsum(share[start::i])
        share *= i / step
    return share


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _between(low: float, high: float) -> float | None:
    return float((low + high) / 2) if np.isfinite(low) and np.isfinite(high) else None
