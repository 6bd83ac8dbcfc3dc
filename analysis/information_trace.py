"""What each latent holds about each factor along training, and its rises: between which records, and beyond chance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annealing.errors import IFPError
from annealing.thresholds import CHANGED, SILENT


def gated(above: NDArray[np.floating], kl: NDArray[np.floating], gate: float = SILENT) -> NDArray[np.float64]:
    """Information (records, latents, factors) with that of silent latents, of less KL than the gate, set to 0.

    What a latent holds is at most its KL; anything more in a silent one is rounding.

    Args:
        above: nats above chance.
        kl: mean over images, nats, (records, latents).
        gate: nats of KL.
    """
    return np.where(kl[:, :, None] >= gate, above, 0.0)


@dataclass(frozen=True, eq=False)
class InformationTrace:
    """What each latent holds about each factor along training.

    Attributes:
        step, pressure: of each record (records,); steps rise, pressures are in nats.
        above: information above chance, nats (records, latents, factors); not clipped at 0.
        deviation: standard deviation of chance, nats, same shape
            (:func:`analysis.information.chance_deviation`).
        names: of the factors.
        entropy: of each factor (factors,), nats.
        ends: steps at which the stages end; none where training has no stages.

    Raises:
        IFPError: shapes that do not fit, fewer than two records, values that are not finite, or no factors.
    """

    step: NDArray[np.integer]
    pressure: NDArray[np.floating]
    above: NDArray[np.floating]
    deviation: NDArray[np.floating]
    names: tuple[str, ...]
    entropy: NDArray[np.floating]
    ends: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        records, factors = len(self.step), len(self.names)
        shaped = self.above.ndim == 3 and self.above.shape == self.deviation.shape == (records, *self.above.shape[1:])
        if (
            not shaped
            or self.above.shape[2] != factors
            or len(self.pressure) != records
            or len(self.entropy) != factors
        ):
            raise IFPError(
                f"need information and deviations (records, latents, factors) of {records} records and {factors} "
                f"factors, got shapes {self.above.shape} and {self.deviation.shape}"
            )
        if records < 2 or not factors or not (np.diff(self.step) > 0).all():
            raise IFPError(f"need two records or more, in order, and a factor, got {records} and {factors}")
        if not (np.isfinite(self.above).all() and np.isfinite(self.deviation).all()):
            raise IFPError("need finite information to diagnose diffusion, got NaN or infinity")

    def until(self, step: int) -> "InformationTrace":
        """The records up to and including a step, and the stages that end by then."""
        kept = self.step <= step
        return replace(
            self,
            step=self.step[kept],
            pressure=self.pressure[kept],
            above=self.above[kept],
            deviation=self.deviation[kept],
            ends=tuple(end for end in self.ends if end <= step),
        )


@dataclass(frozen=True)
class Rise:
    """A counted gain: from record ``start``, the lowest point, sure at ``seen``, to the highest at ``end``."""

    start: int
    seen: int
    end: int
    nats: float


def boundaries(trace: InformationTrace) -> list[int]:
    """Records at which gains are taken: the first, then ends of stages or steps of 0.1 nat, and the last."""
    last = len(trace.step) - 1
    found = [0]
    if trace.ends:
        found += [int(np.searchsorted(trace.step, end)) for end in trace.ends]
    else:
        for record in range(1, last):
            if np.abs(trace.above[record] - trace.above[found[-1]]).max() >= CHANGED:
                found.append(record)
    return sorted({*(min(record, last) for record in found), last})


def rises(values: Sequence[float], noise: Sequence[float]) -> list[Rise]:
    """Rises of a series by more than the noise of each value; falls and rises within it are passed over.

    >>> rises([0.0, 0.5, 0.49, 0.8, 0.2, 0.21], [0.05] * 6)
    [Rise(start=0, seen=1, end=3, nats=0.8)]
    """
    found = []
    low = high = seen = 0
    rising = False
    for record, value in enumerate(values):
        if rising:
            if value > values[high]:
                high = record
            elif values[high] - value > noise[record]:
                found.append(Rise(low, seen, high, values[high] - values[low]))
                rising, low = False, record
        elif value - values[low] > noise[record]:
            rising, seen, high = True, record, record
        elif value <= values[low]:
            low = record
    return [*found, Rise(low, seen, high, values[high] - values[low])] if rising else found
