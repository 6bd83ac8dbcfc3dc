"""Intervals of a median that keep their level at any number of cases."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr  # scipy.stats takes half a second to import

from annealing.errors import IFPError


def median_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    r"""Interval of the median of what the values are drawn from, (low, high), that covers it in ``level`` or more.

    The k-th lowest to the k-th highest of n values hold the median with probability
    :math:`1 - 2 P(X < k), X \sim B(n, 1/2)`, whatever the distribution, if it is continuous; k is the largest that
    reaches the level. Six values are the fewest for 95% (lowest to highest: 96.9%); with fewer both ends are NaN. A
    bootstrap of the median has 75% with three values, 86% with four. Infinite values, of cases known only to lie
    beyond all others, keep their place. David & Nagaraja 2003, Order Statistics, section 7.1.

    Args:
        values: any order, NaN left out.

    Raises:
        IFPError: a level outside 0..1.

    >>> median_interval([3.0, 1.0, 2.0, 5.0, 4.0, 6.0]), median_interval(range(1, 6))
    ((1.0, 6.0), (nan, nan))
    """
    if not 0 < level < 1:
        raise IFPError(f"need a level between 0 and 1, got {level}")
    ordered = np.sort(np.asarray(values, np.float64))
    ordered = ordered[~np.isnan(ordered)]
    n = len(ordered)
    places = np.arange(1, n // 2 + 1)
    enough = places[1 - 2 * bdtr(places - 1, n, 0.5) >= level]
    if not len(enough):
        return np.nan, np.nan
    return float(ordered[enough[-1] - 1]), float(ordered[-enough[-1]])
