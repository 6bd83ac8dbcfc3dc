"""One encoder under a pressure held at its top and then lowered: whole-data annealing."""

from dataclasses import dataclass
from typing import ClassVar

from annealing.pressure import geometric
from ifp.objectives.objective import Control, Objective

STAGES = ("hold", "cool")


@dataclass(kw_only=True)
class Cooling(Objective):
    """beta stays at ``high`` for the first steps, then falls to ``low`` in equal ratios; all latents are open.

    At the top the decoder learns the mean image while every latent falls silent: a sweep that starts lower mistakes
    the first steps of an untrained network for freezing.
    """

    name: ClassVar[str] = "cooling"
    high: float
    low: float
    hold_steps: int
    cool_steps: int

    def at(self, step: int) -> Control:
        """The pressure of a step; stage 0 holds, stage 1 cools (see ``STAGES``)."""
        cooled = min(max(step - self.hold_steps, 0), self.cool_steps - 1)
        return Control(int(step >= self.hold_steps), geometric(cooled, self.cool_steps, self.high, self.low))
