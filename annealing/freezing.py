"""From a curve KL(beta) to freezing and melting points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annealing.errors import IFPError


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
class FreezingPoint:
    """Freezing (cooling branch) and melting (heating branch) of one latent in one case, at one threshold.

    ``ifp`` is the geometric mean of the two, ``low`` and ``high`` the bracket; NaN where a branch gave no point.
    """

    freezing: float
    melting: float
    status: str  # ok, never_froze, above_range (active at the top), never_melted, diverged

    @property
    def ifp(self) -> float:
        """The information freezing point, sqrt(freezing * melting)."""
        return float(np.sqrt(self.freezing * self.melting))

    @property
    def low(self) -> float:
        """Lower end of the bracket."""
        return min(self.freezing, self.melting) if self.status == "ok" else np.nan

    @property
    def high(self) -> float:
        """Upper end of the bracket."""
        return max(self.freezing, self.melting) if self.status == "ok" else np.nan


def freezing_point(heating: Crossing, cooling: Crossing) -> FreezingPoint:
    """Join the two branches' crossings; the status names the first thing that went wrong, in the sweep's order."""
    if "diverged" in (heating.status, cooling.status):
        status = "diverged"
    elif heating.status == "always_active":
        status = "above_range" if cooling.status == "always_active" else "never_melted"
    elif "never_active" in (heating.status, cooling.status):
        status = "never_froze"
    elif cooling.status == "always_active":
        status = "above_range"
    else:
        status = "ok"
    return FreezingPoint(cooling.beta, heating.beta, status)
