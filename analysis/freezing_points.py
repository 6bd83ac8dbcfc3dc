"""Freezing points of latents from anyone's records: step, pressure beta, and KL of each latent."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.printed import printed
from annealing.choices import Status
from annealing.errors import IFPError
from annealing.freezing import STATUS_OF_BRANCH, Crossing, crossing
from annealing.knee import fit_knee
from annealing.thresholds import ACTIVE

if TYPE_CHECKING:
    from matplotlib.figure import Figure
from annealing.freezing import branches


@dataclass(frozen=True)
class LatentPoint:
    """One latent; pressures in nats, NaN where there is none.

    Attributes:
        freezing: where its KL passed the threshold on the last cooling.
        melting: ... on the last heating.
        ifp: the freezing point: the knee of the last heating, where one could be fitted, else sqrt(freezing * melting),
            else whichever of the two there is.
        low, high: from the lowest to the highest of freezing, melting and knee; NaN unless both branches gave a point:
            a cooling that lags gives a lower bound only, a heating alone an upper one.
        slope: g of KL = g ln(beta_c / beta) at the knee.
        status: ok, never_froze, never_melted, above_range (active at every pressure) or diverged.
        kl_peak, kl_end: the most nats it held, and those of the last record.
    """

    latent: int
    freezing: float
    melting: float
    ifp: float
    low: float
    high: float
    slope: float
    status: Status
    kl_peak: float
    kl_end: float


@dataclass(frozen=True, eq=False, repr=False)
class FreezingPoints:
    """Where each latent froze and melted, and the records that say so.

    Attributes:
        points: one per latent.
        threshold: nats of KL from which a latent is active.
        step: of each record (records,).
        beta: its pressure (records,), nats.
        kl: nats (records, latents).
    """

    points: tuple[LatentPoint, ...]
    threshold: float
    step: NDArray[np.float64]
    beta: NDArray[np.float64]
    kl: NDArray[np.float64]

    def to_frame(self) -> pd.DataFrame:
        """A row per latent, with the columns of :class:`LatentPoint`."""
        return pd.DataFrame(list(self.points))

    def plot(self) -> "Figure":
        """KL of each latent against pressure: :func:`analysis.figures.records.draw_records`."""
        from analysis.figures.records import draw_records

        brackets = np.array([[each.ifp, each.low, each.high] for each in self.points])
        return draw_records(self.beta, self.kl, brackets, self.threshold)

    def __repr__(self) -> str:
        return printed(
            f"FreezingPoints of {len(self.points)} latents at {self.threshold:g} nat of KL; pressures in nats, on the "
            "scale of the beta given",
            self.to_frame(),
        )


def find_freezing_points(
    step: NDArray[np.floating], beta: NDArray[np.floating], kl: NDArray[np.floating], threshold: float = ACTIVE
) -> FreezingPoints:
    """Freezing on the last branch of falling pressure, melting and knee on the last of rising pressure.

    Of records that follow one another at one pressure the last counts: it is nearest to equilibrium.

    Args:
        step: of each record (records,), rising.
        beta: pressures above 0 (records,), in nats (of another loss :func:`annealing.loss_forms.beta_in_nats`).
        kl: nats (records, latents).
        threshold: nats from which a latent is active.

    Raises:
        IFPError: shapes that do not fit, steps that do not rise, pressures that are not above 0 or never change, or a
            threshold that is not above 0.

    >>> falling = np.geomspace(100, 10, 200)
    >>> nats = np.maximum(np.log(40 / falling), 0)[:, None]
    >>> round(find_freezing_points(np.arange(200), falling, nats).points[0].freezing, 1)  # 40 exp(-0.1)
    36.2
    """
    step, beta, kl = (np.asarray(each, np.float64) for each in (step, beta, kl))
    if kl.ndim != 2 or not kl.shape[1] or beta.shape != kl.shape[:1] or step.shape != beta.shape:
        raise IFPError(
            f"need step (records,), beta (records,) and kl (records, latents), got shapes {step.shape}, {beta.shape} "
            f"and {kl.shape}"
        )
    if not (np.diff(step) > 0).all():
        raise IFPError("need steps that rise from record to record: sort the table by step, and keep one sweep of it")
    if not (np.isfinite(beta) & (beta > 0)).all():
        raise IFPError("need pressures beta above 0 in every record, got others")
    if not threshold > 0:
        raise IFPError(f"need a threshold above 0 nats, got {threshold:g}")
    last = dict(branches(beta))  # of either way
    if not last:
        raise IFPError("need records at two pressures or more: with one beta throughout nothing freezes or melts")
    points = tuple(_point(latent, beta, kl[:, latent], last, threshold) for latent in range(kl.shape[1]))
    return FreezingPoints(points, threshold, step, beta, kl)


def _point(
    latent: int, beta: NDArray[np.float64], kl: NDArray[np.float64], last: dict[str, NDArray[np.int64]], nats: float
) -> LatentPoint:
    read = {way: crossing(beta[on], kl[on], nats) for way, on in last.items()}
    freezing, melting = (read[way].beta if way in read else np.nan for way in ("cool", "heat"))
    knee, slope = np.nan, np.nan
    if np.isfinite(melting):
        fitted = fit_knee(beta[last["heat"]], kl[last["heat"]])
        knee, slope = fitted.beta, fitted.slope
    known = [value for value in (freezing, melting) if np.isfinite(value)]
    ends = [*known, *([knee] if np.isfinite(knee) else [])] if len(known) == 2 else []
    middle = float(np.exp(np.mean(np.log(known)))) if known else np.nan
    return LatentPoint(
        latent=latent,
        freezing=freezing,
        melting=melting,
        ifp=knee if np.isfinite(knee) else middle,
        low=min(ends, default=np.nan),
        high=max(ends, default=np.nan),
        slope=slope,
        status=_status(read),
        kl_peak=float(kl.max()),
        kl_end=float(kl[-1]),
    )


def _status(read: dict[str, Crossing]) -> Status:
    statuses = {way: each.status for way, each in read.items()}
    if "diverged" in statuses.values():
        return "diverged"
    if "cool" in statuses:
        if statuses["cool"] == "ok" and statuses.get("heat") == "always_active":
            return "never_melted"
        return STATUS_OF_BRANCH[statuses["cool"]]
    return STATUS_OF_BRANCH[statuses["heat"]]
