"""DEFT: one sub-encoder per stage, a pressure per stage, and smaller steps for groups that opened earlier."""

from dataclasses import dataclass
from typing import ClassVar

from ifp.objectives.objective import Control
from ifp.objectives.staged import Staged


@dataclass(kw_only=True)
class Deft(Staged):
    """The paper's form: in stage s the groups before s take steps scaled by gamma, group s full ones, later none.

    Later groups are closed: their posterior is the prior. Adam divides a gradient by its own recent size, so that a
    constant scale of the gradient is lost; the scale is therefore of the step, that is of the group's learning rate.
    Wu et al., Machine Learning 111, 2022, doi 10.1007/s10994-022-06134-7.
    """

    name: ClassVar[str] = "deft"
    network: ClassVar[str] = "conv-small"

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each stage."""
        return tuple(stage.latents for stage in self.plan.stages)

    def at(self, step: int) -> Control:
        """Pressure, open groups and step scales."""
        stage = self.stage(step)
        scales = (self.plan.gamma,) * stage + (1.0,) + (0.0,) * (len(self.plan.stages) - stage - 1)
        return Control(stage, self.pressure(step), stage + 1, scales)


OBJECTIVE = Deft
