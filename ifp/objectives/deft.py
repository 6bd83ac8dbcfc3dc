"""DEFT: one sub-encoder per stage, a pressure per stage, and smaller steps for groups that opened earlier."""

from dataclasses import dataclass
from typing import ClassVar

from ifp.objectives.objective import Control, require
from ifp.objectives.staged import Staged

AXES = ("independent", "learned")


@dataclass(kw_only=True)
class Deft(Staged):
    """The paper's form: in stage s the groups before s take steps scaled by gamma, group s full ones, later none.

    Later groups are closed: their posterior is the prior. Adam divides a gradient by its own recent size, so that a
    constant scale of the gradient is lost; the scale is therefore of the step, that is of the group's learning rate.
    Wu et al., Machine Learning 111, 2022, doi 10.1007/s10994-022-06134-7.

    Beyond the paper: factors of one pressure freeze as a chance mixture, which pressure undoes only over thousands of
    steps. In the middle of its stage and at its end a group is therefore turned to its independent axes: see
    :func:`ifp.turning.independent_axes`.

    Attributes:
        axes: one of ``AXES``: turned to the independent ones, or as they are learned, which is the paper's form.
    """

    name: ClassVar[str] = "deft"
    network: ClassVar[str] = "conv-small"

    axes: str = "independent"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(f"axes out of {', '.join(AXES)}", repr(self.axes), self.axes in AXES)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each stage."""
        return tuple(stage.latents for stage in self.plan.stages)

    def at(self, step: int) -> Control:
        """Pressure, open groups and step scales."""
        stage = self.stage(step)
        scales = (self.plan.gamma,) * stage + (1.0,) + (0.0,) * (len(self.plan.stages) - stage - 1)
        return Control(stage, self.pressure(step), stage + 1, scales)

    def turning(self, step: int) -> int | None:
        """The group of the stage in its middle, and that of the stage that has just ended."""
        stage = self.stage(step)
        begin, end = self.span(stage)
        if self.axes == "learned":
            return None
        if step == begin and stage > 0:
            return stage - 1
        return stage if step == (begin + end) // 2 else None


OBJECTIVE = Deft
