"""DynamicVAE: an incremental PI controller lowers the pressure from a high one, so that the KL follows a target."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from ifp.objectives.objective import Codes, Control, logistic, require
from ifp.objectives.set_point import Steered


@dataclass(kw_only=True)
class DynamicVAE(Steered):
    r"""Loss = reconstruction + beta_t * KL, where with :math:`y_t` the mean of the last KLs and :math:`e_t = C_t - y_t`

    .. math:: \beta_t = \beta_{t-1} + K_p \left(\frac{1}{1 + e^{e_t}} - \frac{1}{1 + e^{e_{t-1}}}\right) - K_i e_t

    without the last term where beta_{t-1} is below beta_min and would fall further (in the authors' code: either way,
    so that beta can stay at its least for good); the loss has beta_min at least. Shao et al., CVPR 2022,
    arXiv:2009.06795; the defaults are those of the authors' dSprites code, where the set point rises every 6,000 of
    2,000,000 steps, spread over a sixth of them.

    Attributes:
        beta_start: the pressure to begin with.
        window: how many KLs, this one included, y is the mean of; those before the first count as 0.
    """

    name: ClassVar[str] = "dynamic-vae"
    ramp: ClassVar[float] = 1 / 6
    target: float = 20.0
    ki: float = 0.005
    beta_min: float = 0.1
    beta_start: float = 50.0
    window: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = 0 < self.beta_min <= self.beta_start < math.inf
        require("pressures 0 < beta_min <= beta_start", self.beta_start, fits)
        require("a window of 1 or more", self.window, self.window >= 1)
        self._beta, self._error, self._past = self.beta_start, 0.0, [0.0] * (self.window - 1)

    def at(self, step: int) -> Control:
        """The set point of the step; the pressure follows from the batch: see :meth:`informed`."""
        return Control(0, max(self._beta, self.beta_min), target=self.set_point(step))

    def informed(self, control: Control, codes: Codes) -> Control:
        """The pressure that the controller answers to the batch's KL with."""
        past = [*self._past, codes.total()]
        error = control.target - sum(past) / self.window
        integral = -self.ki * error if self._beta >= self.beta_min or error < 0 else 0.0
        self._beta += self.kp * (logistic(-error) - logistic(-self._error)) + integral
        self._error, self._past = error, past[1:]
        return replace(control, pressure=max(self._beta, self.beta_min))

    def state(self) -> dict[str, Tensor]:
        """The controller's pressure, its last error and the last KLs."""
        return {"controller": torch.tensor([self._beta, self._error, *self._past], dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As they were."""
        self._beta, self._error, *self._past = state["controller"].tolist()


OBJECTIVE = DynamicVAE
