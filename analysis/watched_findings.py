"""Conclusions from a watched training loop: latents, freezing points, information diffusion."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.diffusion import Diffusion
from analysis.freezing_points import LatentPoint, find_freezing_points
from analysis.latent_turns import latent_turns
from analysis.printed import Shown
from annealing.thresholds import ACTIVE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = "ifp-watched-findings/1"


@dataclass(frozen=True)
class WatchedLatent:
    """One latent of a training; pressures in nats, None where there is nothing to say.

    Attributes:
        kl_peak, kl_end: the most nats it held, and those of the last reading.
        froze_at, froze_beta: step at which its KL last rose to 0.1 nat, and the pressure there; None also of a latent
            that was active at the first reading.
        silent_at, silent_beta: step at which it last fell below 0.01 nat after that, and the pressure there.
        freezing, melting, ifp, low, high, status: as :class:`analysis.freezing_points.LatentPoint` has them, where the
            pressure moved.
    """

    latent: int
    kl_peak: float
    kl_end: float
    froze_at: int | None = None
    froze_beta: float | None = None
    silent_at: int | None = None
    silent_beta: float | None = None
    freezing: float | None = None
    melting: float | None = None
    ifp: float | None = None
    low: float | None = None
    high: float | None = None
    status: str | None = None


@dataclass(frozen=True, repr=False)
class WatchedFindings(Shown):
    """Conclusions about a watched training; pressures and information in nats.

    Attributes:
        latents: one by one.
        diffusion: of their information about factors; None without labels, or with fewer than two records.
        notes: what to know: latents that carry no information, records that were left out.
    """

    latents: tuple[WatchedLatent, ...]
    diffusion: Diffusion | None = None
    notes: tuple[str, ...] = ()
    format: str = FORMAT

    @property
    def annealed(self) -> bool:
        """Whether the pressure changed, so that latents have freezing points."""
        return any(latent.status is not None for latent in self.latents)

    def to_frame(self) -> pd.DataFrame:
        """A row per latent, with the columns of :class:`WatchedLatent`."""
        return pd.DataFrame([asdict(latent) for latent in self.latents])

    def plot(self) -> "Figure":
        """Each factor in the latent with most of it, and elsewhere; without labels where each latent froze last."""
        if self.diffusion is not None:
            return self.diffusion.plot()
        from analysis.figures.latent_points import draw_points

        points = {each.latent: each.froze_beta for each in self.latents if each.froze_beta is not None}
        return draw_points(points, dict.fromkeys(points), {}, "the loop that was watched")

    def _shown(self) -> tuple[str, pd.DataFrame]:
        told = [name for name, column in self.to_frame().items() if column.notna().any()]
        title = f"WatchedFindings of {len(self.latents)} latents at {ACTIVE:g} nat of KL; pressures in nats"
        return "".join([title, *(f"; {note}" for note in self.notes)]), self.to_frame()[told]


def conclude_watched(
    step: NDArray[np.integer],
    pressure: NDArray[np.floating],
    kl: NDArray[np.floating],
    diffusion: Diffusion | None = None,
    notes: Sequence[str] = (),
) -> WatchedFindings:
    """When each latent froze and fell silent, and where, if the pressure moved.

    Args:
        step, pressure: of each reading (readings,); steps rise, pressures in nats.
        kl: nats (readings, latents).
        diffusion: along the same training.
        notes: to be kept.
    """
    last = {(turn.latent, turn.kind): turn for turn in latent_turns(step, pressure, kl)}
    points: tuple[LatentPoint | None, ...] = (None,) * kl.shape[1]
    told = list(notes)
    if len(np.unique(pressure[pressure > 0])) > 1:
        found = find_freezing_points(step.astype(np.float64), pressure, kl)
        points = found.points
        told += found.notes
    latents = []
    for latent, point in enumerate(points):
        froze, silent = last.get((latent, "froze")), last.get((latent, "silent"))
        read = {} if point is None else {name: _known(getattr(point, name)) for name in _READ}
        latents.append(
            WatchedLatent(
                latent=latent,
                kl_peak=float(kl[:, latent].max()),
                kl_end=float(kl[-1, latent]),
                froze_at=None if froze is None else froze.step,
                froze_beta=None if froze is None else froze.pressure,
                silent_at=None if silent is None else silent.step,
                silent_beta=None if silent is None else silent.pressure,
                status=None if point is None else point.status,
                **read,
            )
        )
    return WatchedFindings(tuple(latents), diffusion, tuple(told))


_READ = ("freezing", "melting", "ifp", "low", "high")


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
