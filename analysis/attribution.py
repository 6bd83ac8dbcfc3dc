"""Many latents under one falling or rising pressure: where each freezes or melts, and which factor it is about."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annealing.choices import Status
from annealing.errors import IFPError
from annealing.freezing import STATUS_OF_BRANCH, crossing
from annealing.thresholds import ATTRIBUTED_AT, TOLD


@dataclass(frozen=True, eq=False)
class LatentBranch:
    """Records of one network ordered from high pressure to low, in whichever direction it was swept.

    Attributes:
        beta: strictly falling pressures (records,), nats.
        kl: nats (records, latents).
        above: information above chance, nats (records, latents, factors), 0 or more: of sampled codes, as
            :func:`analysis.information.adjusted_information` gives it. No factors where the data have no labels.
        names: of the factors.

    Raises:
        IFPError: shapes that do not fit, fewer than two records, or pressures that do not fall.
    """

    beta: NDArray[np.floating]
    kl: NDArray[np.floating]
    above: NDArray[np.floating]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        records = len(self.beta)
        if self.kl.ndim != 2 or len(self.kl) != records or self.above.shape != (*self.kl.shape, len(self.names)):
            raise IFPError(
                f"need KL (records, latents) and information (records, latents, factors) of {records} records and "
                f"{len(self.names)} factors, got shapes {self.kl.shape} and {self.above.shape}"
            )
        if records < 2 or not (np.diff(self.beta) < 0).all():
            raise IFPError(f"need two or more records at falling pressures, got {records} or others")


@dataclass(frozen=True)
class Holding:
    """The factor that a latent holds most of, and its share of all that the latent holds; None if nothing is known."""

    factor: str | None = None
    share: float | None = None


@dataclass(frozen=True)
class LatentFreezing:
    """One latent along a branch of falling pressure.

    Attributes:
        freezing: pressure at each threshold; NaN unless the status there is ok.
        statuses: ok, never_froze, above_range (active at the top) or diverged, at each threshold.
        frozen: what it was about when its KL first reached ``ATTRIBUTED_AT`` (else at the end); nothing where it
            did not freeze at the first threshold.
        nats: information about each factor at that record; 0 where it did not freeze.
        holds: what it is about at the end.
        kl_peak, kl_end: nats; a latent that melted again has a peak and no end.
    """

    latent: int
    freezing: tuple[float, ...]
    statuses: tuple[Status, ...]
    frozen: Holding
    nats: tuple[float, ...]
    holds: Holding
    kl_peak: float
    kl_end: float


def holding(nats: NDArray[np.floating], names: Sequence[str]) -> Holding:
    """The factor that a latent is about, from its nats about each factor (factors,).

    >>> holding(np.array([0.75, -0.01, 0.25]), ("posX", "posY", "scale"))
    Holding(factor='posX', share=0.75)
    """
    held = np.maximum(nats, 0.0)
    if not held.size or held.max() < TOLD:
        return Holding()
    return Holding(names[int(held.argmax())], float(held.max() / held.sum()))


def latent_freezing(branch: LatentBranch, thresholds: Sequence[float]) -> tuple[LatentFreezing, ...]:
    """Every latent's freezing points, and what it is about.

    At the end, a latent would be named after what diffused into it; at the threshold, after noise. So it is named as
    soon as it holds ``ATTRIBUTED_AT`` nats.

    Args:
        thresholds: nats of KL from which a latent is active; the first is the main one.
    """
    found = []
    for latent, kl in enumerate(branch.kl.T):
        crossings = [crossing(branch.beta, kl, threshold) for threshold in thresholds]
        statuses = tuple(STATUS_OF_BRANCH[each.status] for each in crossings)
        nats = np.zeros(len(branch.names))
        if statuses[0] in ("ok", "above_range"):
            top = crossings[0].beta if statuses[0] == "ok" else np.inf
            sure = np.flatnonzero((branch.beta <= top) & (kl >= ATTRIBUTED_AT))
            nats = branch.above[sure[0] if len(sure) else -1, latent]
        found.append(
            LatentFreezing(
                latent=latent,
                freezing=tuple(each.beta for each in crossings),
                statuses=statuses,
                frozen=holding(nats, branch.names),
                nats=tuple(nats.tolist()),
                holds=holding(branch.above[-1, latent], branch.names),
                kl_peak=float(kl.max()),
                kl_end=float(kl[-1]),
            )
        )
    return tuple(found)
