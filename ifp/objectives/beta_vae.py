"""beta-VAE: one pressure throughout."""

import math
from dataclasses import dataclass
from typing import ClassVar

from ifp.objectives.objective import Control, Objective, require


@dataclass(kw_only=True)
class BetaVAE(Objective):
    r"""Loss = reconstruction + beta * KL. Higgins et al., ICLR 2017.

    Attributes:
        beta: 1 is the VAE; the standard study sweeps 1, 2, 4, 6, 8, 16.
    """

    name: ClassVar[str] = "beta-vae"
    beta: float = 4.0

    def __post_init__(self) -> None:
        require("a beta of 0 or more", self.beta, 0 <= self.beta < math.inf)

    def at(self, step: int) -> Control:
        """The same at every step."""
        return Control(0, self.beta)


OBJECTIVE = BetaVAE
