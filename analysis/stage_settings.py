"""Settings of the planner."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from annealing.choices import require_count
from annealing.errors import IFPError

HALF = 0.5
# A code that all contexts share is worth less than one for each: on dSprites 0.9 (positions), 0.74 (scale), 0.47
# (shape) and 0.64 (orientation) of the median over contexts, so that 0.35 of this is about half of that.
HALF_ALONE = 0.35
_MOST_SETTLING = 0.25  # of a stage, for one pressure


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """Settings with which a plan is made.

    Attributes:
        depth: a stage's pressure as a share of its group's lowest freezing point; below 1, so that it holds something.
            None: ``HALF`` of points of all images, as the network meets them; ``HALF_ALONE`` of those of factors alone
            in their contexts.
        final_pressure: beta of the last stage, in nats.
        group_size: latents of a group that has room; None: as many as its factors have modes, which is the least.
        gamma: scale of the steps of groups that opened earlier.
        stages: number of stages, including one for nuisances (:mod:`analysis.nuisance_stage`); None: as many as can be
            told apart.
        settle: share of a stage for each pressure at which the groups before it settle before it opens, where the fall
            to its pressure would not be safe at once (:func:`analysis.safe_fall.safe_falls`); 0 for none.
        pressures: of every stage, falling, in place of depth and final pressure; None to choose them.
    """

    depth: float | None = None
    final_pressure: float = 1.0
    group_size: int | None = None
    gamma: float = 1.0
    stages: int | None = None
    settle: float = 0.0
    pressures: tuple[float, ...] | None = None

    @property
    def share(self) -> float:
        """The depth; ``HALF`` if none is given."""
        return HALF if self.depth is None else self.depth

    def __post_init__(self) -> None:
        if self.depth is not None and not 0 < self.depth <= 1:
            raise IFPError(f"need a depth above 0 and at most 1, got {self.depth:g}")
        if not 0 < self.final_pressure < math.inf:
            raise IFPError(f"need a final pressure above 0, got {self.final_pressure:g}")
        if self.group_size is not None:
            require_count("group_size", self.group_size)
        if self.stages is not None and self.stages > 0:  # fewer than one is told with the number of the factors
            require_count("stages", self.stages)
        if not 0 <= self.settle <= _MOST_SETTLING:
            raise IFPError(f"need a settle of 0 or more and at most {_MOST_SETTLING:g}, got {self.settle:g}")
        if not 0 <= self.gamma <= 1:
            raise IFPError(f"need gamma in 0..1, got {self.gamma:g}")
        if self.pressures is None:
            return
        falling = all(after < pressure for pressure, after in itertools.pairwise(self.pressures))
        if not self.pressures or not falling or not 0 < self.pressures[-1] <= self.pressures[0] < math.inf:
            raise IFPError(f"need pressures above 0 that fall from stage to stage, got {_listed(self.pressures)}")
        if self.stages is not None and self.stages != len(self.pressures):
            raise IFPError(f"need one pressure per stage, got {len(self.pressures)} for {self.stages} stages")


def _listed(pressures: Sequence[float]) -> str:
    return ", ".join(f"{each:g}" for each in pressures) or "none"
