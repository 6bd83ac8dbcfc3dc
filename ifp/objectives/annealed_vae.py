"""AnnealedVAE: the KL is held at a capacity that grows."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ifp.objectives.objective import Codes, Control, Objective, require


@dataclass(kw_only=True)
class AnnealedVAE(Objective):
    r"""Loss = reconstruction + gamma * ``|KL - C|``, the capacity C rising linearly to ``c_max``.

    :math:`C_t = c_{max} \min(1, t / (\text{growth} \cdot T))`, with the KL meant over the batch and summed over
    latents. Burgess et al. 2018, arXiv:1804.03599.

    Attributes:
        c_max: nats; the standard study sweeps 5, 10, 25, 50, 75, 100.
        gamma: weight, which is the pressure on every nat away from C; 1000 in that study.
        growth: share of the steps over which C rises; that study has 100,000 of 300,000 steps.
    """

    name: ClassVar[str] = "annealed-vae"
    louder: ClassVar[str] = "raise c_max"
    c_max: float = 25.0
    gamma: float = 1000.0
    growth: float = 1 / 3

    def __post_init__(self) -> None:
        require("a capacity c_max of 0 or more", self.c_max, 0 <= self.c_max < math.inf)
        require("a gamma above 0", self.gamma, 0 < self.gamma < math.inf)
        require("a growth above 0 and at most 1", self.growth, 0 < self.growth <= 1)

    def at(self, step: int) -> Control:
        """gamma; the capacity of the step stands in :meth:`capacity`."""
        return Control(0, self.gamma, target=self.capacity(step))

    def capacity(self, step: int) -> float:
        """C at a step, nats."""
        return self.c_max * min(1.0, step / (self.growth * self.setup.steps))

    def terms(self, codes: Codes, control: Control) -> dict[str, Tensor]:
        """The distance of the KL from C, weighted; above or below is told by the whole batch's KL."""
        side = 1.0 if codes.total() >= control.target else -1.0
        return {"capacity": control.pressure * side * (codes.kl.sum() - control.target)}


OBJECTIVE = AnnealedVAE
