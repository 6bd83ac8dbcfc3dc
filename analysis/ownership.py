"""Many latents cooled together: where each factor freezes, and between which pressures one latent alone holds it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.attribution import LatentBranch
from annealing.choices import Status
from annealing.freezing import STATUS_OF_BRANCH, crossing
from annealing.thresholds import INFORMED

SOLE, KEPT = 0.9, 0.8  # share with which a latent becomes the one owner, and below which it no longer is


@dataclass(frozen=True)
class FactorOwnership:
    """One factor along the cooling branch.

    Attributes:
        freezing: pressure at which its information in all latents together passes ``INFORMED``; NaN unless ok.
        status: as a latent's.
        owner: the latent that held it alone, else the one that holds most of it at the end; None if it never froze.
        sole_from: pressure from which on one latent held it alone; None if none ever did.
        lost_at: pressure at which that latent no longer did; None while it lasts.
        nats, share: information about it at the end, and the owner's share of that.
    """

    factor: str
    freezing: float
    status: Status
    owner: int | None
    sole_from: float | None
    lost_at: float | None
    nats: float
    share: float | None


@dataclass(frozen=True)
class Spell:
    """Records from ``start`` up to, but not including, ``end`` during which one latent holds a factor alone."""

    owner: int
    start: int
    end: int


def spells(nats: NDArray[np.floating]) -> list[Spell]:
    """The spells of one factor with one owner, in order, from its nats in each latent (records, latents).

    A spell starts when a latent has ``SOLE`` of the factor's information and lasts until it has less than ``KEPT``,
    so that the noise of a record does not end it. A record with less than ``INFORMED`` nats in all is in no spell.

    >>> spells(np.array([[0.0, 0.0], [0.5, 0.5], [2.0, 0.1], [2.0, 0.4], [2.0, 1.0]]))
    [Spell(owner=0, start=2, end=4)]
    """
    held = np.maximum(nats, 0.0)
    total = held.sum(axis=1, keepdims=True)
    shares = np.where(total >= INFORMED, held / np.maximum(total, INFORMED), 0.0)
    found: list[Spell] = []
    owner, start = None, 0
    for record, share in enumerate(shares):
        if owner is not None and share[owner] < KEPT:
            found.append(Spell(owner, start, record))
            owner = None
        if owner is None and share.max() >= SOLE:
            owner, start = int(share.argmax()), record
    return found if owner is None else [*found, Spell(owner, start, len(held))]


def factor_ownership(branch: LatentBranch) -> tuple[FactorOwnership, ...]:
    """Where each factor froze, who owns it, and between which pressures it had one owner: the longest such spell."""
    beta, last_record = branch.beta, len(branch.beta) - 1

    def length(spell: Spell) -> float:
        return float(np.log(beta[spell.start] / beta[min(spell.end, last_record)]))

    found = []
    for nats, name in zip(np.moveaxis(branch.above, 2, 0), branch.names, strict=True):
        froze = crossing(beta, nats.sum(axis=1), INFORMED)
        frozen = froze.status in ("ok", "always_active")
        alone = max(spells(nats) if frozen else (), key=length, default=None)
        held = np.maximum(nats[-1], 0.0)
        owner = alone.owner if alone else int(held.argmax()) if frozen else None
        found.append(
            FactorOwnership(
                factor=name,
                freezing=froze.beta,
                status=STATUS_OF_BRANCH[froze.status],
                owner=owner,
                sole_from=float(beta[alone.start]) if alone else None,
                lost_at=float(beta[alone.end]) if alone and alone.end <= last_record else None,
                nats=float(nats[-1].sum()),
                share=float(held[owner] / held.sum()) if owner is not None and held.sum() else None,
            )
        )
    return tuple(found)
