"""DEFT: one sub-encoder per stage, a pressure per stage, and smaller steps for groups that opened earlier."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from analysis.records import MEANT
from annealing.bottleneck import gaussian_kl
from annealing.choices import require_one_of
from annealing.thresholds import ACTIVE, SILENT
from ifp.models.opening import open_quietly, require_openable, take_layers
from ifp.models.rotation import require_turnable, turn_group
from ifp.models.vae import MultiGroupVAE
from ifp.objectives.objective import Codes, Control, require
from ifp.objectives.staged import Staged

AXES = ("independent", "learned")
SPARE = ("closed", "open")
OPENINGS = ("noise", "quiet", "warm")
_LEARNS, _HEATED = 0.5, 0.75  # of a stage: how long a group that is heated learns before, and when it has been


@dataclass(kw_only=True)
class Deft(Staged):
    """In stage s, earlier groups take steps scaled by gamma, group s takes full steps, and later groups take none.

    Later groups are closed: their posterior is the prior. Adam divides a gradient by its own recent size, which would
    cancel a constant scale of the gradient, so gamma scales the step: the group's learning rate.
    Source: Wu et al., Machine Learning 111, 2022, doi 10.1007/s10994-022-06134-7.

    The settings below go beyond the paper; each says which value is the paper's form.

    - Factors with the same pressure freeze as a mixture, which pressure undoes only over thousands of steps. In the
      middle of its stage and at its end, a group is turned to its independent axes
      (:func:`ifp.models.rotation.independent_axes`).
    - Later stages would spread into a latent that its own stage left silent. At the end of a stage, the silent latents
      of a group are closed if others of it carry information; at the end of training, all silent latents are.
    - Factors that freeze late need help to freeze at all. A group may open with a signal instead of noise, with the
      layers of a group that has learned, under less than its stage's pressure at first, and after the earlier groups
      hold all they can.

    Attributes:
        axes: one of ``AXES``: ``independent`` turns groups to independent axes; ``learned`` (paper) leaves them as they
            are.
        spare: one of ``SPARE``: whether silent latents are ``closed`` or stay ``open`` (paper).
        opening: one of ``OPENINGS``: how groups after the first begin. ``noise`` (paper): as initialised. ``quiet``:
            with codes of variance 1 and narrow posteriors (:func:`ifp.models.opening.open_quietly`). ``warm``: quiet,
            and with all layers but the last copied from the group that holds most.
        lead: share of a stage's pressure on earlier groups, never below the plan's last pressure. With 0 they hold all
            they can from then on, and leave little of their factors to the group that opens. 1 is the paper's form.
        heat: share of its stage's pressure under which a group after the first opens. It stays there for half of its
            stage, then rises to the full pressure in equal ratios over a quarter of it. 1 is the paper's form.
    """

    name: ClassVar[str] = "deft"
    network: ClassVar[str] = "conv-small"
    settles: ClassVar[bool] = True

    axes: str = "independent"
    spare: str = "closed"
    opening: str = field(default="warm", metadata={MEANT: "noise"})
    lead: float = field(default=0.0, metadata={MEANT: 1.0})
    heat: float = field(default=0.05, metadata={MEANT: 1.0})

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of("axes", self.axes, AXES)
        require_one_of("spare", self.spare, SPARE)
        require_one_of("an opening", self.opening, OPENINGS)
        require("a lead of 0 or more and at most 1", self.lead, 0 <= self.lead <= 1)
        require("a heat above 0 and at most 1", self.heat, 0 < self.heat <= 1)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each stage."""
        return tuple(stage.latents for stage in self.plan.stages)

    def at(self, step: int) -> Control:
        """Pressure, its shares, open groups and step scales."""
        stage, stages = self.stage(step), len(self.plan.stages)
        pressure, shares = self.pressure(step), self.shares(step)
        if step < self.opens(stage):  # those that are open settle, by full steps
            return Control(stage, pressure, stage, (1.0,) * stage + (0.0,) * (stages - stage), shares=shares)
        scales = (self.plan.gamma,) * stage + (1.0,) + (0.0,) * (stages - stage - 1)
        return Control(stage, pressure, stage + 1, scales, shares=shares)

    def shares(self, step: int) -> tuple[float, ...]:
        """Share of the step's pressure on each group; empty if it is 1 for all."""
        stage = self.stage(step)
        if stage == 0 or self.lead == self.heat == 1:
            return ()
        least = self.plan.stages[-1].pressure / self.pressure(step)
        begin, end = self.opens(stage), self.span(stage)[1]
        risen = ((step - begin) / max(end - begin, 1) - _LEARNS) / (_HEATED - _LEARNS)
        own = self.heat ** (1 - min(max(risen, 0.0), 1.0))
        return (max(self.lead, least),) * stage + (own,) + (1.0,) * (len(self.plan.stages) - stage - 1)

    def terms(self, codes: Codes, control: Control) -> dict[str, Tensor]:
        """The KL of each group under its share of the pressure."""
        if not control.shares:
            return super().terms(codes, control)
        shares = codes.kl.new_empty(len(codes.kl))
        for group, share in zip(self.groups, control.shares, strict=True):
            shares[list(group)] = share
        return {"kl": control.pressure * (shares * codes.kl).sum()}

    def full(self, stage: int) -> int:
        """The step from which the group that a stage opens is under the stage's full pressure."""
        begin, end = self.opens(stage), self.span(stage)[1]
        heated = begin + round(_HEATED * (end - begin)) if stage and self.heat < 1 else begin
        return max(heated, super().full(stage))

    def require_model(self, model: MultiGroupVAE) -> None:
        """Turning a group needs linear layers on both sides of the latents; opening it quietly, one before them."""
        if self.axes == "independent":
            require_turnable(model)
        if self.opening != "noise" and len(self.groups) > 1:
            require_openable(model, layers=self.opening == "warm")

    def prepare(self, step: int, model: MultiGroupVAE, codes: Callable[[int], tuple[Tensor, Tensor]]) -> None:
        """Turn and close what is due in the middle or at the end of a stage, then open the group whose turn it is."""
        self._order(step, model, codes)
        stage = self.stage(step)
        if stage == 0 or step != self.opens(stage) or step == self.setup.steps or self.opening == "noise":
            return
        if self.opening == "warm":
            nats = gaussian_kl(*codes(stage)).mean(dim=0)
            held = [float(nats[list(group)].sum()) for group in self.groups[:stage]]
            take_layers(model, stage, source=held.index(max(held)))
        mean, _ = codes(stage + 1)
        open_quietly(model, stage, mean)

    def _order(self, step: int, model: MultiGroupVAE, codes: Callable[[int], tuple[Tensor, Tensor]]) -> None:
        """Turn the stage's group in the middle of the stage; at its end turn it again and close its spare latents."""
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
