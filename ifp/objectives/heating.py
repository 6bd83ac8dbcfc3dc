"""One encoder that learns at low pressure, is heated until all latents are silent, and cools: whole-data annealing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from annealing.pressure import geometric
from annealing.thresholds import SILENT
from ifp.objectives.objective import Control, Objective

STAGES = ("learn", "heat", "cool")
_BEYOND_MELTING = 1.1  # times the last pressure at which a latent was not silent: from there on it is cooled


@dataclass(kw_only=True)
class Heating(Objective):
    """beta stays at ``learn`` until the network has learnt, rises from ``low`` to ``high`` in equal ratios, then falls.

    A network that has learnt follows a rising pressure closely: nothing has to be found, only given up. It turns as
    soon as all latents are silent, a little above the last pressure at which one was not, and the steps of heating
    that are left go to cooling. Where no latent ever said anything it is heated to the top.

    Attributes:
        turned: step at which cooling began before the top; infinite where it did not.
        last_active: highest pressure of the heating at which a latent was not silent; NaN until one was.
    """

    name: ClassVar[str] = "heating"
    learn: float
    low: float
    high: float
    learn_steps: int
    heat_steps: int
    turned: float = field(default=math.inf, init=False)
    last_active: float = field(default=math.nan, init=False)

    def at(self, step: int) -> Control:
        """The pressure of a step; stage 0 learns, stage 1 heats, stage 2 cools (see ``STAGES``)."""
        heated, turn = step - self.learn_steps, int(min(self.turned, self.learn_steps + self.heat_steps))
        if heated < 0:
            return Control(0, self.learn)
        if step < turn:
            return Control(1, self._risen(heated))
        top, cooling = self._risen(turn - 1 - self.learn_steps), self.setup.steps - turn
        return Control(2, geometric(min(step - turn, cooling - 1), cooling, top, self.low))

    def _risen(self, heated: int) -> float:
        return geometric(heated, self.heat_steps, self.low, self.high)

    def observe(self, step: int, kl: Tensor) -> None:
        """Turn where every latent is silent, well above where one was not."""
        control = self.at(step - 1)
        if control.stage != 1:
            return
        if float(kl.max()) >= SILENT:
            self.last_active = control.pressure
        elif control.pressure >= _BEYOND_MELTING * self.last_active:
            self.turned = min(self.turned, step)

    def state(self) -> dict[str, Tensor]:
        """Where it turned, and what that was judged by."""
        return {"turned": torch.tensor([self.turned, self.last_active], dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As it was."""
        self.turned, self.last_active = state["turned"].tolist()
