"""What each latent holds about each factor along training."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annealing.errors import IFPError
from annealing.thresholds import CARRIED, SILENT

_SURE = 3.0  # standard deviations of chance above which a latent holds something
GRID = 20  # equal parts of training at whose ends runs are set side by side, whatever else they recorded


def gated(above: NDArray[np.floating], kl: NDArray[np.floating], gate: float = SILENT) -> NDArray[np.float64]:
    """Information (records, latents, factors), set to 0 for silent latents, whose KL is below the gate.

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
        above: information above chance, nats (records, latents, factors), 0 or more
            (:func:`analysis.information.adjusted_information`).
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

    @property
    def held(self) -> NDArray[np.float64]:
        """``above`` if it is clearly not chance (at least 3 deviations and 0.02 nats), else 0; same shape."""
        floor = np.maximum(_SURE * self.deviation, CARRIED)
        return np.where(self.above >= floor, self.above, 0.0)

    def at(self, records: NDArray[np.integer]) -> "InformationTrace":
        """The trace at some of its records, by rising number."""
        return replace(
            self,
            step=self.step[records],
            pressure=self.pressure[records],
            above=self.above[records],
            deviation=self.deviation[records],
        )

    def evenly(self, parts: int = GRID) -> "InformationTrace":
        """The trace at the first record and at the end of each equal part of training, or the last record before it.

        What a run recorded beside these, at ends of stages for one, depends on its objective; runs are compared
        without.
        """
        ends = self.step[0] + (self.step[-1] - self.step[0]) * np.arange(parts + 1) // parts
        return self.at(np.unique(np.searchsorted(self.step, ends, side="right") - 1))
