"""From a curve KL(beta) to freezing and melting points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annealing.choices import Status
from annealing.errors import IFPError
from annealing.thresholds import SILENT

Direction = Literal["cool", "heat"]  # falling or rising pressure

# of a case by that of its one branch, see Crossing
STATUS_OF_BRANCH: Mapping[str, Status] = {
    "ok": "ok",
    "never_active": "never_froze",
    "always_active": "above_range",
    "diverged": "diverged",
}


@dataclass(frozen=True)
class Crossing:
    """Where one curve passes the threshold: beta is NaN unless ``status`` is ok."""

    beta: float
    status: str  # ok; never_active: silent at every pressure; always_active; diverged: not finite


def crossing(beta: NDArray[np.floating], kl: NDArray[np.floating], threshold: float) -> Crossing:
    """The pressure that parts a latent's silent records from its active ones (KL at or above ``threshold``, nats).

    Read from high pressure to low, whichever way the sweep went, the boundary is put where the fewest records
    lie on the wrong side (the half-level of the isotonic regression of activity); of equally good ones the one
    at the lowest pressure, so that a transient at the start of a cooling sweep is not taken for freezing. The
    crossing itself is interpolated linearly in KL against ln beta.

    Args:
        beta: pressures of the records, rising or falling along the sweep, shape (records,).
        kl: nats of one latent, shape (records,).

    Raises:
        IFPError: shapes differ, fewer than two records, or a pressure that is not above 0 and monotone.
    """
    beta, kl = np.asarray(beta, np.float64), np.asarray(kl, np.float64)
    if beta.shape != kl.shape or beta.ndim != 1 or len(beta) < 2:
        raise IFPError(f"need beta and KL of one length, 2 or more, got shapes {beta.shape} and {kl.shape}")
    if not (np.isfinite(beta) & (beta > 0)).all() or not ((np.diff(beta) > 0).all() or (np.diff(beta) < 0).all()):
        raise IFPError("need pressures above 0 that rise or fall strictly along the curve, got others")
    if not np.isfinite(kl).all():
        return Crossing(np.nan, "diverged")
    if beta[0] < beta[-1]:
        beta, kl = beta[::-1], kl[::-1]
    active = kl >= threshold
    # records on the wrong side when the first i are called silent: active before i, silent from i on
    wrong = np.concatenate([[0], np.cumsum(active)]) + np.concatenate([np.cumsum(~active[::-1])[::-1], [0]])
    boundary = len(wrong) - 1 - int(np.argmin(wrong[::-1]))
    if boundary == 0:
        return Crossing(np.nan, "always_active")
    if boundary == len(beta):
        return Crossing(np.nan, "never_active")
    above, below = boundary - 1, boundary  # silent and active by the choice of the boundary
    share = (threshold - kl[above]) / (kl[below] - kl[above])
    return Crossing(float(np.exp(np.log(beta[above]) + share * np.log(beta[below] / beta[above]))), "ok")


@dataclass(frozen=True)
class Loop:
    """Crossings of one loop; a branch that was not run is None."""

    number: int
    cooling: Crossing | None
    heating: Crossing | None

    @property
    def width(self) -> float:
        """ln(melting / freezing), NaN where either is missing."""
        if self.cooling is None or self.heating is None:
            return np.nan
        return float(np.log(self.heating.beta / self.cooling.beta))


def read_loops(
    direction: NDArray[np.str_], loop: NDArray[np.integer], beta: NDArray, kl: NDArray, threshold: float
) -> list[Loop]:
    """Every loop of one latent's curve, the survey (loop 0) included, read at ``threshold`` nats.

    Args:
        direction, loop, beta, kl: of each record, shape (records,); records of a case that is done are left out.
    """

    def branch(number: int, way: str) -> Crossing | None:
        on = (loop == number) & (direction == way)
        return crossing(beta[on], kl[on], threshold) if on.sum() > 1 else None

    swept = loop[np.isin(direction, ("heat", "cool"))]
    return [Loop(int(number), branch(number, "cool"), branch(number, "heat")) for number in np.unique(swept)]


@dataclass(frozen=True)
class FreezingPoint:
    """Freezing (cooling) and melting (heating) of one latent in one case, at one threshold, from one loop.

    NaN where a branch gave no point. ``loop`` is the one read, the last that gave both; ``gap`` says what the
    difference between the two comes from, by how it changed with the speed (see :func:`gap_between`).
    """

    freezing: float
    melting: float
    status: Status
    loop: int
    gap: str

    @property
    def middle(self) -> float:
        """sqrt(freezing * melting)."""
        return float(np.sqrt(self.freezing * self.melting))


def freezing_point(loops: Sequence[Loop], slowdown: float) -> FreezingPoint:
    """The point of the slowest loop that gave one; else the status names what is missing.

    Args:
        loops: of one curve, in the order they were run.
        slowdown: speed of each loop over that of the next.
    """
    whole = [each for each in loops if _ok(each.cooling) and _ok(each.heating)]
    statuses = {branch.status for each in loops for branch in (each.cooling, each.heating) if branch is not None}
    if "diverged" in statuses:
        return FreezingPoint(np.nan, np.nan, "diverged", -1, "")
    if whole:
        last = whole[-1]
        before = next((each.width for each in whole if each.number == last.number - 1), np.nan)
        assert last.cooling is not None  # it is whole
        assert last.heating is not None
        gap = gap_between(before, last.width, slowdown)
        return FreezingPoint(last.cooling.beta, last.heating.beta, "ok", last.number, gap)
    froze = next((each.cooling.beta for each in reversed(loops) if each.cooling and _ok(each.cooling)), np.nan)
    if not np.isnan(froze):
        only_cooled = all(each.heating is None for each in loops)  # as the published protocols do
        status: Status = "ok" if only_cooled else "never_melted"
    elif "never_active" in statuses or any(_ok(each.heating) for each in loops):
        status = "never_froze"
    else:
        status = "above_range"
    melted = next((each.heating.beta for each in reversed(loops) if each.heating and _ok(each.heating)), np.nan)
    return FreezingPoint(froze, melted, status, loops[-1].number if loops else -1, "")


def _ok(branch: Crossing | None) -> bool:
    return branch is not None and branch.status == "ok"


_NO_GAP = np.log(1.05)


def gap_between(faster: float, slower: float, slowdown: float) -> str:
    r"""What ln(melting / freezing) of two loops, the second ``slowdown`` times slower, says about its origin.

    Passing a continuous transition lags by a delay that goes as the square root of the speed (Berglund & Gentz);
    the hysteresis of a first-order transition stays. Extrapolated to no speed,

    .. math:: w_0 = (w_2 - w_1 / \sqrt{s}) / (1 - 1 / \sqrt{s})

    Returns:
        ``none`` below 5% of gap, ``lag`` where the gap extrapolates to less than 5%, else ``first_order``; empty
        with one speed only. Two loops judge roughly: where the equilibrium is known, it decides.
    """
    if np.isnan(slower) or np.isnan(faster):
        return ""
    if slower < _NO_GAP:
        return "none"
    root = 1 / np.sqrt(slowdown)
    return "lag" if (slower - faster * root) / (1 - root) < _NO_GAP else "first_order"


def balance(beta: NDArray, kl: NDArray, reconstruction: NDArray, silent: float = SILENT) -> float:
    r"""How near a branch stays to equilibrium: :math:`-\Delta\,\mathrm{rec} / \int \beta\, d\mathrm{KL}`.

    At equilibrium F = rec + beta KL is a minimum at every beta, so that -d rec / d KL = beta and the ratio is 1.
    A branch that lags pays with reconstruction that it had not yet lost, or not yet gained.

    Args:
        beta, kl, reconstruction: along one branch, KL summed over latents, shape (records,).

    Returns:
        NaN where fewer than three records carry more than ``silent`` nats.
    """
    active = np.flatnonzero(kl > silent)
    if len(active) < 3:
        return np.nan
    on = slice(active[0], active[-1] + 1)
    work = float(np.sum((beta[on][1:] + beta[on][:-1]) / 2 * np.diff(kl[on])))
    return float(-(reconstruction[on][-1] - reconstruction[on][0]) / work) if work else np.nan


def branches(beta: NDArray[np.floating]) -> list[tuple[Direction, NDArray[np.int64]]]:
    """Every stretch of falling (``cool``) or rising (``heat``) pressure, and its records; the last of each pressure.

    >>> [(way, records.tolist()) for way, records in branches(np.array([9.0, 4.0, 4.0, 1.0, 2.0]))]
    [('cool', [0, 2, 3]), ('heat', [3, 4])]
    """
    kept = np.flatnonzero(np.append(np.diff(beta) != 0, True))
    ways = np.sign(np.diff(beta[kept]))
    turns = np.flatnonzero(np.diff(ways)) + 1
    ends = zip([0, *turns], [*turns, len(ways)], strict=True)
    return [("cool" if ways[start] < 0 else "heat", kept[start : end + 1]) for start, end in ends if end > start]
