"""DEFT: one sub-encoder per stage, a pressure per stage, and smaller steps for groups that opened earlier."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from annealing.bottleneck import gaussian_kl
from annealing.choices import require_one_of
from annealing.thresholds import ACTIVE, SILENT
from ifp.models.rotation import require_turnable, turn_group
from ifp.models.vae import MultiGroupVAE
from ifp.objectives.objective import Control
from ifp.objectives.staged import Staged

AXES = ("independent", "learned")
SPARE = ("closed", "open")


@dataclass(kw_only=True)
class Deft(Staged):
    """The paper's form: in stage s the groups before s take steps scaled by gamma, group s full ones, later none.

    Later groups are closed: their posterior is the prior. Adam divides a gradient by its own recent size, so that a
    constant scale of the gradient is lost; the scale is therefore of the step, that is of the group's learning rate.
    Wu et al., Machine Learning 111, 2022, doi 10.1007/s10994-022-06134-7.

    Beyond the paper, two things that a stage is for and training alone leaves to chance. Factors of one pressure freeze
    as a mixture, which pressure undoes only over thousands of steps: in the middle of its stage and at its end a group
    is turned to its independent axes (:func:`ifp.models.rotation.independent_axes`). And a latent that its stage left
    silent lies open to what later stages bring: at the end of a stage the silent latents of a group of which others
    carry information are closed, at the end of training all silent ones.

    Attributes:
        axes: one of ``AXES``: turned to the independent ones, or as they are learned, which is the paper's form.
        spare: one of ``SPARE``: whether silent latents are closed or stay open, which is the paper's form.
    """

    name: ClassVar[str] = "deft"
    network: ClassVar[str] = "conv-small"
    settles: ClassVar[bool] = True

    axes: str = "independent"
    spare: str = "closed"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of("axes", self.axes, AXES)
        require_one_of("spare", self.spare, SPARE)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each stage."""
        return tuple(stage.latents for stage in self.plan.stages)

    def at(self, step: int) -> Control:
        """Pressure, open groups and step scales."""
        stage, stages = self.stage(step), len(self.plan.stages)
        if step < self.opens(stage):  # those that are open settle, by full steps
            return Control(stage, self.pressure(step), stage, (1.0,) * stage + (0.0,) * (stages - stage))
        scales = (self.plan.gamma,) * stage + (1.0,) + (0.0,) * (stages - stage - 1)
        return Control(stage, self.pressure(step), stage + 1, scales)

    def require_model(self, model: MultiGroupVAE) -> None:
        """Groups that are turned need linear layers beside the latents."""
        if self.axes == "independent":
            require_turnable(model)

    def prepare(self, step: int, model: MultiGroupVAE, codes: Callable[[int], tuple[Tensor, Tensor]]) -> None:
        """Turn the group of the stage in its middle; at its end turn it and close what is to spare."""
        stage = self.stage(step)
        begin, end = self.span(stage)
        over, ended = step == self.setup.steps, step == begin and stage > 0
        if not over and not ended and step != (begin + end) // 2:
            return
        number = stage - 1 if ended else stage
        mean, logvar = codes(number + 1)
        nats = gaussian_kl(mean, logvar).mean(dim=0)
        group = model.groups[number]
        if self.axes == "independent" and not over:
            turn_group(model, number, mean, logvar)
        if self.spare == "closed" and (over or (ended and nats[list(group)].max() > ACTIVE)):
            model.close(latent for latent in (range(model.latents) if over else group) if nats[latent] < SILENT)


OBJECTIVE = Deft
