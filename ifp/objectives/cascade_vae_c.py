"""CascadeVAE-C: the latents are relieved of their pressure one after another."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ifp.objectives.objective import Codes, Control, Objective, require


@dataclass(kw_only=True)
class CascadeVAEC(Objective):
    r"""Loss = reconstruction + :math:`\sum_j \beta_j \mathrm{KL}_j`.

    In stage s beta_j is ``low`` for the first s + 1 latents, ``high`` for the others. A stage lasts ``share`` of the
    steps, the last one to the end. Jeong & Song, ICML 2019, the continuous part; the defaults are those of their
    dSprites code: 20,000 of 300,000 steps a stage. There each stage begins with a new Adam, here its moments go on.

    Attributes:
        low, high: nats; the 2021 code of DEFT's authors has 1 and 10.
        share: of the steps, a stage.
    """

    name: ClassVar[str] = "cascade-vae-c"
    louder: ClassVar[str] = "lower its low"
    low: float = 0.1
    high: float = 10.0
    share: float = 1 / 15

    def __post_init__(self) -> None:
        fits = 0 < self.low <= self.high < math.inf
        require("pressures 0 < low <= high", f"{self.low:g} and {self.high:g}", fits)
        require("a share above 0 and at most 1", self.share, 0 < self.share <= 1)

    def at(self, step: int) -> Control:
        """The stage; the pressure is that on the latents still held back, or ``low`` once none is."""
        stage = min(int(step / (self.share * self.setup.steps)), self.setup.latents - 1)
        return Control(stage, self.high if stage < self.setup.latents - 1 else self.low)

    def terms(self, codes: Codes, control: Control) -> dict[str, Tensor]:
        """The KL of each latent under its own pressure."""
        relieved = torch.arange(len(codes.kl), device=codes.kl.device) <= control.stage
        return {"kl": (torch.where(relieved, self.low, self.high) * codes.kl).sum()}


OBJECTIVE = CascadeVAEC
