"""One encoder under a pressure that falls exponentially."""

import math
from dataclasses import dataclass
from typing import ClassVar

from annealing.pressure import geometric
from ifp.objectives.objective import Control, Objective, require

_START, _END = 150.0, 1.0  # nats, where there is no plan


@dataclass(kw_only=True)
class AnnealedBeta(Objective):
    """beta falls from ``start`` to ``end`` in equal ratios over the steps, all latents open throughout.

    Attributes:
        start: nats; 0: the plan's first pressure, or 150 without a plan.
        end: nats; 0: the plan's last pressure, or 1 without a plan.
    """

    name: ClassVar[str] = "annealed-beta"
    louder: ClassVar[str] = "lower its end"
    start: float = 0.0
    end: float = 0.0

    def __post_init__(self) -> None:
        for which, value in (("start", self.start), ("end", self.end)):
            require(f"a pressure of 0 or more for {which}", value, 0 <= value < math.inf)
        stages = self.setup.plan.stages if self.setup.plan is not None else ()
        self.start = self.start or (stages[0].pressure if stages else _START)
        self.end = self.end or (stages[-1].pressure if stages else _END)

    def at(self, step: int) -> Control:
        """The pressure of a step; one stage."""
        last = self.setup.steps - 1
        return Control(0, geometric(min(step, last), self.setup.steps, self.start, self.end))


OBJECTIVE = AnnealedBeta
