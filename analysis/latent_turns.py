"""When latents freeze and fall silent during any training, read from their KL at successive records."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annealing.thresholds import ACTIVE, SILENT

TurnKind = Literal["froze", "silent"]


@dataclass(frozen=True)
class LatentTurn:
    """A latent that began to carry information, or stopped.

    Attributes:
        kind: ``froze``: its KL rose to 0.1 nat or more; ``silent``: it fell below 0.01 nat after that. Between the two
            it counts as what it was, so the noise of a batch does not turn it.
        step: of the record at which it is observed.
        pressure: at which the KL passed the threshold, nats: between that record and the one before where beta moved.
        nats: its KL at the record.
    """

    kind: TurnKind
    latent: int
    step: int
    pressure: float
    nats: float


def is_active(kl: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which latents carry information at a first record (latents,)."""
    return kl >= ACTIVE


def next_turns(
    active: NDArray[np.bool_],
    step: int,
    pressure: tuple[float, float],
    kl: tuple[NDArray[np.floating], NDArray[np.floating]],
) -> list[LatentTurn]:
    """The turns that one more record brings.

    Args:
        active: which latents carried information before (latents,); changed to what they do now.
        step: of the record.
        pressure: at the record before and at this one, nats.
        kl: at the two, nats (latents,).
    """
    before, now = kl
    found = []
    for latent in np.flatnonzero(np.where(active, now < SILENT, now >= ACTIVE)).tolist():
        level = SILENT if active[latent] else ACTIVE
        passed = crossed(pressure, (float(before[latent]), float(now[latent])), level)
        kind: TurnKind = "silent" if active[latent] else "froze"
        found.append(LatentTurn(kind, latent, step, passed, float(now[latent])))
        active[latent] = not active[latent]
    return found


def crossed(pressure: tuple[float, float], kl: tuple[float, float], level: float) -> float:
    r"""The pressure at which a KL that is linear in :math:`\ln \beta` between two records passes a level, nats.

    The later record's pressure if the level does not lie between the two, or if a pressure has no logarithm.

    >>> round(crossed((100.0, 25.0), (0.0, 0.2), 0.1), 6)
    50.0
    """
    first, last = pressure
    if not (first > 0 and last > 0 and min(kl) <= level <= max(kl) and kl[0] != kl[1]):
        return last
    share = (level - kl[0]) / (kl[1] - kl[0])
    return float(first * (last / first) ** share)


def latent_turns(
    step: NDArray[np.integer], pressure: NDArray[np.floating], kl: NDArray[np.floating]
) -> Iterator[LatentTurn]:
    """All turns of a training, by record, from its steps and pressures (records,) and KL (records, latents).

    >>> kl = np.array([[0.0], [0.2], [0.05], [0.0]])
    >>> [(turn.kind, turn.step) for turn in latent_turns(np.arange(4), np.ones(4), kl)]
    [('froze', 1), ('silent', 3)]
    """
    active: NDArray[np.bool_] = is_active(kl[0])
    for record in range(1, len(step)):
        ends = slice(record - 1, record + 1)
        first, last = pressure[ends].tolist()
        yield from next_turns(active, int(step[record]), (first, last), (kl[record - 1], kl[record]))
