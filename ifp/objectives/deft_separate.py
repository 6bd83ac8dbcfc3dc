"""DEFT as the authors' code of 2022 and 2023 has it: separate encoders, of which the earlier ones stay fixed."""

from dataclasses import dataclass
from typing import ClassVar

from ifp.objectives.objective import Control
from ifp.objectives.staged import Staged


@dataclass(kw_only=True)
class DeftSeparate(Staged):
    r"""In stage s the encoders before s are fixed; each of their latents has a learnable scale of mean and of variance.

    :math:`\mu' = e^a \mu`, :math:`\log \sigma'^2 = \log \sigma^2 + b`, with a and b from 0 on; later groups are closed.
    Its network is the authors': 8 feature maps in the first layer of each sub-encoder, a hidden layer of 64.
    """

    name: ClassVar[str] = "deft-separate"
    network: ClassVar[str] = "conv-8"
    rescaled: ClassVar[bool] = True

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each stage."""
        return tuple(stage.latents for stage in self.plan.stages)

    def at(self, step: int) -> Control:
        """Pressure, open groups and fixed ones."""
        stage = self.stage(step)
        scales = (0.0,) * stage + (1.0,) + (0.0,) * (len(self.plan.stages) - stage - 1)
        return Control(stage, self.pressure(step), stage + 1, scales, fixed_groups=stage)


OBJECTIVE = DeftSeparate
