"""Factors with the same predicted freezing point: they freeze together as modes whose axes nothing determines.

If two eigenvalues are equal (positions on a square image), any rotation of the two factors is as good as the factors
themselves, to the order at which a latent freezes. So such factors share one freezing point.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.attribution import LatentBranch, LatentFreezing
from analysis.melting import LatentMelting
from annealing.thresholds import TOLD

DEGENERATE = 0.05  # predicted values that differ by less than this share are one mode


@dataclass(frozen=True)
class ModeFreezing:
    """One or several factors that are predicted to freeze at one pressure.

    Attributes:
        predicted: the highest of their predicted values.
        freezing: highest freezing pressure among the latents that froze about one of them; NaN where there is none.
        melting: highest point (knee or crossing) of the latents that melted about one of them; NaN also where nothing
            was heated.
        latents: those latents.
        mixing: share of what these latents held of the factors, as they froze, that was not about their main one:
            0 where each held one factor, 0.5 where two factors froze as their sum and difference. None without
            latents.
    """

    factors: tuple[str, ...]
    predicted: float
    freezing: float
    latents: tuple[int, ...]
    mixing: float | None
    melting: float = np.nan


def degenerate_modes(predicted: Mapping[str, float], tolerance: float = DEGENERATE) -> tuple[tuple[str, ...], ...]:
    """Factors by falling predicted value, those within ``tolerance`` of the group's highest together.

    >>> degenerate_modes({"scale": 151.0, "posX": 236.0, "posY": 234.0})
    (('posX', 'posY'), ('scale',))
    """
    groups: list[list[str]] = []
    for name in sorted(predicted, key=lambda each: -predicted[each]):
        if groups and predicted[name] > (1 - tolerance) * predicted[groups[-1][0]]:
            groups[-1].append(name)
        else:
            groups.append([name])
    return tuple(tuple(group) for group in groups)


def mode_freezing(
    latents: Sequence[LatentFreezing],
    names: Sequence[str],
    predicted: Mapping[str, float],
    heated: Sequence[LatentMelting] = (),
) -> tuple[ModeFreezing, ...]:
    """One freezing point per group of degenerate factors, the first predicted to freeze first; and one melting point
    where latents were ``heated``."""
    found = []
    for group in degenerate_modes(predicted):
        holders = [each for each in latents if each.frozen.factor in group]
        melted = (each.point for each in heated if each.melted.factor in group and each.statuses[0] == "ok")
        nats = np.array([[max(each.nats[names.index(name)], 0.0) for name in group] for each in holders])
        found.append(
            ModeFreezing(
                factors=group,
                predicted=predicted[group[0]],
                freezing=max((each.freezing[0] for each in holders if each.statuses[0] == "ok"), default=np.nan),
                latents=tuple(each.latent for each in holders),
                mixing=float(1 - nats.max(axis=1).sum() / nats.sum()) if holders else None,
                melting=max(melted, default=np.nan),
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class EarlyShare:
    """What had frozen by the time pressure fell to the predicted freezing point of the factors ``before``.

    Attributes:
        latents: those that froze above it.
        factors: those predicted to freeze above it.
        share: of the latents' information at that pressure, that about the factors; None where they hold none.
    """

    before: tuple[str, ...]
    pressure: float
    latents: tuple[int, ...]
    factors: tuple[str, ...]
    share: float | None


def early_shares(
    branch: LatentBranch, latents: Sequence[LatentFreezing], predicted: Mapping[str, float]
) -> tuple[EarlyShare, ...]:
    """How much of what froze above each mode's predicted value is about the modes predicted to freeze there.

    The first mode has none before it; modes predicted outside the swept range are left out.
    """
    found = []
    groups = degenerate_modes(predicted)
    for number, group in enumerate(groups):
        pressure = predicted[group[0]]
        if number == 0 or not branch.beta[-1] <= pressure < branch.beta[0]:
            continue
        early = tuple(
            each.latent
            for each in latents
            if each.statuses[0] == "above_range" or (each.statuses[0] == "ok" and each.freezing[0] > pressure)
        )
        factors = tuple(itertools.chain(*groups[:number]))
        nats = branch.above[np.flatnonzero(branch.beta <= pressure)[0]]
        share = share_about(nats, early, [branch.names.index(name) for name in factors])
        found.append(EarlyShare(group, pressure, early, factors, share))
    return tuple(found)


def share_about(nats: NDArray[np.floating], latents: Sequence[int], factors: Sequence[int]) -> float | None:
    """Share of what the latents hold, of nats (latents, factors), that is about the factors; None if that is nothing.

    >>> share_about(np.array([[3.0, 1.0], [0.0, 4.0]]), latents=[0], factors=[0])
    0.75
    """
    held = np.maximum(nats[list(latents)], 0.0)
    return float(held[:, list(factors)].sum() / held.sum()) if held.sum() >= TOLD else None
