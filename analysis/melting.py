"""Many latents heated together: where each melts, where each factor is lost, and what latents held as they melted.

Heating lags little (:mod:`analysis.ownership` and :mod:`analysis.attribution` have the cooling, which lags much): a
network that has learnt need not find anything, only give it up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.attribution import Holding, LatentBranch, latent_freezing
from annealing.choices import Status
from annealing.freezing import STATUS_OF_BRANCH, crossing
from annealing.knee import fit_knee
from annealing.thresholds import ATTRIBUTED_AT, INFORMED

_LINEAR_GAUSSIAN = 0.5 - 1e-3  # slope g of KL = g ln(beta_c / beta) of a linear-Gaussian model, but for rounding


@dataclass(frozen=True)
class LatentMelting:
    """One latent as the pressure rose.

    Attributes:
        melting: pressure at each threshold; NaN unless the status there is ok.
        knee: where the law KL = g ln(beta_c / beta) reaches silence (:func:`annealing.knee.fit_knee`), free of any
            threshold, in nats; NaN if it could not be fitted, or if its slope g is below 1/2.
        statuses: ok, never_froze (silent from the lowest pressure on), never_melted (active at the top) or diverged,
            at each threshold.
        melted: what it was about at the highest pressure at which it held ``ATTRIBUTED_AT`` nats (else at the lowest);
            nothing if it was silent throughout.
        nats: information about each factor at that record; 0 where it was silent.
        learned: what it was about at the lowest pressure.
        kl_learned: nats, there.
    """

    latent: int
    melting: tuple[float, ...]
    knee: float
    statuses: tuple[Status, ...]
    melted: Holding
    nats: tuple[float, ...]
    learned: Holding
    kl_learned: float

    @property
    def point(self) -> float:
        """Where it melts, nats: the knee if one could be fitted, else the crossing of the main threshold."""
        return self.knee if np.isfinite(self.knee) else self.melting[0]


def latent_melting(branch: LatentBranch, thresholds: Sequence[float]) -> tuple[LatentMelting, ...]:
    """Where every latent melts, and what it was about at that point.

    Args:
        branch: of the heating.
        thresholds: nats of KL from which a latent is active; the first is the main one.
    """
    return tuple(
        LatentMelting(
            latent=each.latent,
            melting=each.freezing,
            knee=_lawful_knee(branch, each.latent) if each.statuses[0] == "ok" else np.nan,
            statuses=tuple(_heated(status) for status in each.statuses),
            melted=each.frozen,
            nats=each.nats,
            learned=each.holds,
            kl_learned=each.kl_end,
        )
        for each in latent_freezing(branch, thresholds)
    )


def _lawful_knee(branch: LatentBranch, latent: int) -> float:
    """The knee, where the curve follows the law.

    A latent that lags loses its last nats slowly, at pressures where at equilibrium none is left: such a tail is
    flatter than any linear-Gaussian model's curve, and a line through it ends far too high.
    """
    knee = fit_knee(branch.beta, branch.kl[:, latent])
    return knee.beta if knee.slope >= _LINEAR_GAUSSIAN else np.nan


def _heated(status: Status) -> Status:
    """The status of a branch that was heated: active at its top, it never melted."""
    return "never_melted" if status == "above_range" else status


@dataclass(frozen=True)
class FactorMelting:
    """One factor as the pressure rose.

    Attributes:
        melting: pressure at which its information in all latents together fell below ``INFORMED`` for good; NaN unless
            ok.
        status: as a latent's.
        knee: of its owner, free of any threshold, if the owner was about it when it melted; else NaN.
        owner: the latent that held most of it at the highest pressure at which all held ``ATTRIBUTED_AT`` nats (else
            where they held most); None if it was never learnt.
        share: the owner's share of it there.
        nats: information about it in all latents at the lowest pressure.
    """

    factor: str
    melting: float
    status: Status
    knee: float
    owner: int | None
    share: float | None
    nats: float


def factor_melting(branch: LatentBranch, latents: Sequence[LatentMelting]) -> tuple[FactorMelting, ...]:
    """Where every factor melts, and which latent held it last.

    Args:
        branch: of the heating.
        latents: where they melt (:func:`latent_melting`).
    """
    found = []
    for nats, name in zip(np.moveaxis(branch.above, 2, 0), branch.names, strict=True):
        held, total = np.maximum(nats, 0.0), nats.sum(axis=1)
        lost = crossing(branch.beta, total, INFORMED)
        owner, share = None, None
        if lost.status in ("ok", "always_active"):
            top = lost.beta if lost.status == "ok" else np.inf
            sure = np.flatnonzero((branch.beta <= top) & (total >= ATTRIBUTED_AT))
            last = held[sure[0] if len(sure) else int(total.argmax())]
            owner, share = int(last.argmax()), float(last.max() / last.sum())
        found.append(
            FactorMelting(
                factor=name,
                melting=lost.beta,
                status=_heated(STATUS_OF_BRANCH[lost.status]),
                knee=next(
                    (each.knee for each in latents if each.latent == owner and each.melted.factor == name), np.nan
                ),
                owner=owner,
                share=share,
                nats=float(total[-1]),
            )
        )
    return tuple(found)
