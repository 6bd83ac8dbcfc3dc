"""ControlVAE: a PI controller sets the pressure so that the KL follows a rising target."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from ifp.objectives.objective import Codes, Control, logistic
from ifp.objectives.set_point import Steered


@dataclass(kw_only=True)
class ControlVAE(Steered):
    r"""Loss = reconstruction + beta_t * KL, where with the error :math:`e_t = C_t - \mathrm{KL}_t`

    .. math:: \beta_t = \max\left(\beta_{min},\; \frac{K_p}{1 + e^{e_t}} + I_t + \beta_{min}\right), \qquad
        I_t = I_{t-1} - K_i e_t

    and the sum I stands still while beta is below beta_min and would fall further. (In the authors' code it does so
    either way, so that one large error can leave beta at its least for good.) KL_t is that of the batch itself.
    Shao et al., ICML 2020, arXiv:2004.05988; the defaults are those of the authors' dSprites runs, whose target
    rises over about 0.4 of the steps.
    """

    name: ClassVar[str] = "control-vae"
    target: float = 18.0
    ki: float = 0.001
    beta_min: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._sum, self._unbounded = 0.0, self.beta_min

    def at(self, step: int) -> Control:
        """The set point of the step; the pressure follows from the batch: see :meth:`informed`."""
        return Control(0, max(self._unbounded, self.beta_min), target=self.set_point(step))

    def informed(self, control: Control, codes: Codes) -> Control:
        """The pressure that the controller answers to the batch's KL with."""
        error = control.target - codes.total()
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
