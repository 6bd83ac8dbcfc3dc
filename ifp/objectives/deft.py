"""DEFT: one sub-encoder per stage, a pressure per stage, and smaller steps for groups that opened earlier."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from annealing.bottleneck import gaussian_kl
from ifp.objectives.objective import Control, require
from ifp.objectives.staged import Staged
from ifp.turning import turn_group
from ifp.vae import MultiGroupVAE

AXES = ("independent", "learned")
SPARE = ("closed", "open")
SILENT = 0.01  # nats; a latent that holds less says nothing
_AWAKE = 0.1  # nats; one that holds more carries information


@dataclass(kw_only=True)
class Deft(Staged):
    """The paper's form: in stage s the groups before s take steps scaled by gamma, group s full ones, later none.

    Later groups are closed: their posterior is the prior. Adam divides a gradient by its own recent size, so that a
    constant scale of the gradient is lost; the scale is therefore of the step, that is of the group's learning rate.
    Wu et al., Machine Learning 111, 2022, doi 10.1007/s10994-022-06134-7.

    Beyond the paper, three things that a stage is for and training alone leaves to chance. Factors of one pressure
    freeze as a mixture, which pressure undoes only over thousands of steps: in the middle of its stage and at its end a
    group is turned to its independent axes (:func:`ifp.turning.independent_axes`). A latent that its stage left silent
    lies open to what later stages bring: at the end of a stage the silent latents of a group of which others carry
    information are closed, at the end of training all silent ones. And a group that its stage left silent as a whole
    would freeze together with the next, mixed: it has the first part of the next stage for itself.

    Attributes:
        axes: one of ``AXES``: turned to the independent ones, or as they are learned, which is the paper's form.
        spare: one of ``SPARE``: whether silent latents are closed or stay open, which is the paper's form.
        grace: share of the next stage that a group left silent has for itself; 0 is the paper's form.
    """

    name: ClassVar[str] = "deft"
    network: ClassVar[str] = "conv-small"

    axes: str = "independent"
    spare: str = "closed"
    grace: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(f"axes out of {', '.join(AXES)}", repr(self.axes), self.axes in AXES)
        require(f"spare out of {', '.join(SPARE)}", repr(self.spare), self.spare in SPARE)
        require("a grace of 0 or more and below 1", self.grace, 0 <= self.grace < 1)
        self._late = False  # whether the group before the present stage's was left silent

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each stage."""
        return tuple(stage.latents for stage in self.plan.stages)

    def at(self, step: int) -> Control:
        """Pressure, open groups and step scales."""
        stage = self.stage(step)
        learning = stage - (step < self._opening(step))
        scales = (self.plan.gamma,) * learning + (1.0,) + (0.0,) * (len(self.plan.stages) - learning - 1)
        return Control(stage, self.pressure(step), learning + 1, scales)

    def prepare(self, step: int, model: MultiGroupVAE, codes: Callable[[int], tuple[Tensor, Tensor]]) -> None:
        """Turn the group of the stage in its middle; at its end turn it and close what is to spare."""
        stage, over = self.stage(step), step == self.setup.steps
        begin, end = self.span(stage)
        ended = stage > 0 and not over and step in (begin, self._opening(step))
        if not over and not ended and step != (self._opening(step) + end) // 2:
            return
        number = stage - 1 if ended else stage
        mean, logvar = codes(number + 1)
        nats = gaussian_kl(mean, logvar).mean(dim=0)
        group = model.groups[number]
        awake = bool(nats[list(group)].max() > _AWAKE)
        if ended and step == begin:
            self._late = not awake
        if self.axes == "independent" and not over:
            turn_group(model, number, mean, logvar)
        if self.spare == "closed" and (over or (ended and awake)):
            model.close(latent for latent in (range(model.latents) if over else group) if nats[latent] < SILENT)

    def _opening(self, step: int) -> int:
        """The step at which the group of a step's stage opens."""
        begin, end = self.span(self.stage(step))
        return begin + (self._late and begin > 0) * round(self.grace * (end - begin))

    def state(self) -> dict[str, Tensor]:
        """As all forms; and whether a group was left silent."""
        return {**super().state(), "late": torch.tensor(self._late)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As it was."""
        super().restore(state)
        self._late = bool(state["late"])


OBJECTIVE = Deft
