"""ControlVAE: a PI controller sets the pressure so that the KL follows a rising target."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from ifp.objectives.objective import Codes, Control, Objective, logistic, require
from ifp.objectives.set_point import set_point, window_of


@dataclass(kw_only=True)
class ControlVAE(Objective):
    r"""Loss = reconstruction + beta_t * KL, where with the error :math:`e_t = C_t - \mathrm{KL}_t`

    .. math:: \beta_t = \max\left(\beta_{min},\; \frac{K_p}{1 + e^{e_t}} + I_t + \beta_{min}\right), \qquad
        I_t = I_{t-1} - K_i e_t

    and the sum I stands still while beta is below beta_min and would fall further. (In the authors' code it does so
    either way, so that one large error can leave beta at its least for good.) KL_t is that of the batch itself.
    Shao et al., ICML 2020, arXiv:2004.05988; the defaults are those of the authors' dSprites runs, whose target
    rises over about 0.4 of the steps.

    Attributes:
        target: nats, the last set point.
        start, increment: nats; the first set point and how much each later one is above the one before.
        growth: share of the steps over which the set point rises.
        kp, ki, beta_min: of the controller.
    """

    name: ClassVar[str] = "control-vae"
    target: float = 18.0
    start: float = 0.5
    increment: float = 0.15
    growth: float = 0.4
    kp: float = 0.01
    ki: float = 0.001
    beta_min: float = 1.0

    def __post_init__(self) -> None:
        require("set points 0 <= start <= target", self.target, 0 <= self.start <= self.target < math.inf)
        require("an increment above 0", self.increment, 0 < self.increment < math.inf)
        require("a growth above 0 and at most 1", self.growth, 0 < self.growth <= 1)
        for name in ("kp", "ki", "beta_min"):
            require(f"a {name} of 0 or more", getattr(self, name), 0 <= getattr(self, name) < math.inf)
        self._window = window_of(
            start=self.start, target=self.target, increment=self.increment, growth=self.growth, steps=self.setup.steps
        )
        self._sum, self._unbounded = 0.0, self.beta_min

    def at(self, step: int) -> Control:
        """The set point of the step; the pressure follows from the batch: see :meth:`informed`."""
        goal = set_point(step, start=self.start, target=self.target, increment=self.increment, window=self._window)
        return Control(0, max(self._unbounded, self.beta_min), target=goal)

    def informed(self, control: Control, codes: Codes) -> Control:
        """The pressure that the controller answers to the batch's KL with."""
        error = control.target - codes.total
        if self._unbounded >= self.beta_min or error < 0:
            self._sum -= self.ki * error
        self._unbounded = self.kp * logistic(-error) + self._sum + self.beta_min
        return replace(control, pressure=max(self._unbounded, self.beta_min))

    def state(self) -> dict[str, Tensor]:
        """The controller's sum and its last answer."""
        return {"controller": torch.tensor([self._sum, self._unbounded], dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As they were."""
        self._sum, self._unbounded = state["controller"].tolist()


OBJECTIVE = ControlVAE
