"""What several networks of one case say together, with those that never froze or never melted in their place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.separability import ABOVE, BELOW
from annealing.choices import Status
from annealing.freezing import FreezingPoint
from annealing.intervals import median_interval
from annealing.knee import Knee


@dataclass(frozen=True, eq=False)
class Reading:
    """One network of a case, read at one threshold for one latent; pressures in nats."""

    point: FreezingPoint
    knee: Knee
    balance: float
    steps: int


@dataclass(frozen=True)
class Joined:
    """Medians over the networks of a case; NaN where they say nothing.

    Attributes:
        status: ok where the point's median is a pressure, else that of the networks it falls among.
        freezing, melting: crossings.
        point: of the knee, ``by_knee``, or of the crossings.
        low, high: from the lowest to the highest of crossings, knee and the knee's interval.
        knee, knee_low, knee_high, slope: of the networks' own curves.
        counts: networks by status.
    """

    status: Status
    freezing: float
    melting: float
    point: float
    by_knee: bool
    low: float
    high: float
    knee: float
    knee_low: float
    knee_high: float
    slope: float
    counts: Counter[Status]


def joined(readings: Sequence[Reading], *, lawful: bool, both_ways: bool) -> Joined:
    """The readings together, in whatever order they come.

    Medians count a network that never froze below all others, and one that stayed active above them. Diverged ones say
    nothing. The point is the knee where all networks with a point have one, else the middle of freezing and melting.

    Args:
        lawful: whether KL = g ln(beta_c / beta) holds, and with it the knee.
        both_ways: whether the sweeps cool and heat; where they only cool, the point is where they froze.
    """
    counts = Counter(reading.point.status for reading in readings)
    told = [reading for reading in readings if reading.point.status != "diverged"]
    ok = [reading.point.status == "ok" for reading in told]
    knees = [reading.knee.beta if lawful and own else _beyond(reading) for reading, own in zip(told, ok, strict=True)]
    crossed = [reading.point.middle if both_ways else reading.point.freezing for reading in told]
    by_knee = any(ok) and int(np.isfinite(knees).sum()) == sum(ok)  # of some alone the censored would weigh too much
    read = [value if own else _beyond(reading) for value, reading, own in zip(crossed, told, ok, strict=True)]
    point = _median(knees if by_knee else read)
    status = _status(point, counts)
    freezing = _median([_placed(reading.point.freezing, reading) for reading in told])
    melted = [np.nan if reading.point.status == "never_melted" else reading.point.melting for reading in told]
    melting = _median([_placed(value, reading) for value, reading in zip(melted, told, strict=True)])
    knee = point if by_knee else np.nan
    knee_low, knee_high = median_interval(knees) if by_knee else (np.nan, np.nan)
    ends = [end for end in (freezing, melting, knee, knee_low, knee_high) if np.isfinite(end)]
    bracketed = status == "ok" and both_ways and bool(ends)
    slopes = [reading.knee.slope for reading, value in zip(told, knees, strict=True) if np.isfinite(value)]
    return Joined(
        status=status,
        freezing=_finite(freezing),
        melting=_finite(melting),
        point=_finite(point),
        by_knee=by_knee,
        low=min(ends) if bracketed else np.nan,
        high=max(ends) if bracketed else np.nan,
        knee=_finite(knee),
        knee_low=_finite(knee_low),
        knee_high=_finite(knee_high),
        slope=float(np.median(slopes)) if by_knee else np.nan,
        counts=counts,
    )


def _beyond(reading: Reading) -> float:
    """Where a network without a point lies: below all, above all, or NaN."""
    status = reading.point.status
    return -np.inf if status in BELOW else np.inf if status in ABOVE else np.nan


def _placed(value: float, reading: Reading) -> float:
    return value if np.isfinite(value) else _beyond(reading)


def _median(values: Sequence[float]) -> float:
    """Of pressures that may be infinite, NaN left out; halfway to an infinite one is as far as that is known."""
    placed = np.sort(np.asarray(values, np.float64))
    placed = placed[~np.isnan(placed)]
    if not len(placed):
        return np.nan
    lower, upper = float(placed[(len(placed) - 1) // 2]), float(placed[len(placed) // 2])
    if np.isinf(lower) or np.isinf(upper):
        return lower if np.isinf(lower) else upper
    return (lower + upper) / 2


def _status(point: float, counts: Counter[Status]) -> Status:
    """Of a case with this median: the most frequent of those that it falls among; without a median, of all."""
    if np.isfinite(point):
        return "ok"
    among: Sequence[Status] = BELOW if point == -np.inf else ABOVE if point == np.inf else sorted(counts)
    return max(among, key=lambda status: counts[status])


def _finite(value: float) -> float:
    return value if np.isfinite(value) else np.nan
