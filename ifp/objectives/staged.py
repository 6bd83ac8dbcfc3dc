"""The stages of a plan: each begins after a share of the steps, or once the one before has stopped learning."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from analysis.stage_plan import StagePlan
from annealing.choices import require_one_of
from annealing.pressure import geometric, stage_at
from annealing.thresholds import ACTIVE
from ifp.objectives.objective import Codes, Objective, require

ADVANCES = ("share", "plateau")
_PATIENCE = 3  # records over which a stage that has stopped learning gains little
_LITTLE = 0.02  # of what it holds


@dataclass(kw_only=True)
class Staged(Objective):
    """The stages of a plan over a number of steps, which all forms of DEFT have in common.

    With ``share`` a stage has its share of the steps. With ``plateau`` it ends at the first record of the trace at
    which its pressure no longer falls and the latents that it opened hold at least 0.1 nat and have gained less than
    2% of it over the last three records. It ends at the latest when its share of the remaining steps is used up; steps
    that it does not need go to the later stages.

    Attributes:
        advance: one of ``ADVANCES``.
        fall: share of a stage over which the pressure falls, in equal ratios, from the previous stage's to its own; 0,
            the published form, is a jump. A stage that settles falls as its plan says.
    """

    settles: ClassVar[bool] = False  # whether groups can settle before the next one opens
    louder: ClassVar[str] = "plan with a lower final pressure"
    advance: str = "share"
    fall: float = 0.0

    def __post_init__(self) -> None:
        require_one_of("an advance", self.advance, ADVANCES)
        require("a fall of 0 or more and at most 1", self.fall, 0 <= self.fall <= 1)
        self.plan: StagePlan = self.setup.required_plan(self.name)
        still = self.settles or not any(stage.settle for stage in self.plan.stages)
        require(f"a plan whose stages do not settle for {self.name} (plan with --settle 0)", "one that does", still)
        stages = len(self.plan.stages)
        ends = (0, *self.plan.boundaries(self.setup.steps))
        spans = [end - begin for begin, end in itertools.pairwise(ends)]
        require(f"a step or more for each of the {stages} stages", f"{self.setup.steps} steps", min(spans) > 0)
        require("as many latents as the plan's", self.setup.latents, self.setup.latents == self.plan.latents)
        self._begun, self._held = [0], list[float]()  # steps at which stages began; nats at the records of the last

    def stage(self, step: int) -> int:
        """The stage of a step; with ``plateau``, the present stage."""
        if self.advance == "share":
            return stage_at(step, self.plan.boundaries(self.setup.steps))
        return len(self._begun) - 1

    def pressure(self, step: int) -> float:
        """beta of a step, nats."""
        stage, own = self.stage(step), self.plan.stages[self.stage(step)].pressure
        begin, end = self.span(stage)
        if self.opens(stage) > begin:
            way = (*self.plan.stages[stage].settling, own)
            part = (step - begin) * len(way) // (self.opens(stage) - begin)
            return way[min(part, len(way) - 1)]
        falling = round(self.fall * (end - begin))
        if stage == 0 or step - begin >= falling:
            return own
        return geometric(step - begin, falling + 1, self.plan.stages[stage - 1].pressure, own)

    def span(self, stage: int) -> tuple[int, int]:
        """First step of a stage and the one after its last; with ``plateau``, the latest possible one."""
        if self.advance == "plateau":
            return self._begun[-1], self._latest_end()
        ends = self.plan.boundaries(self.setup.steps)
        return (ends[stage - 1] if stage else 0), ends[stage]

    def opens(self, stage: int) -> int:
        """The step at which a stage's own latents open: once the groups before have settled at its pressure."""
        begin, end = self.span(stage)
        return begin + round(self.plan.stages[stage].settle * (end - begin))

    def full(self, stage: int) -> int:
        """The step from which the group that a stage opens is under the stage's full pressure."""
        begin, end = self.span(stage)
        return max(begin + round(self.fall * (end - begin)) * (begin > 0), self.opens(stage))

    def after_step(self, step: int, codes: Codes) -> None:
        """With ``plateau``: begin the next stage once the share of this one is used up."""
        if self.advance == "plateau" and step + 1 >= self._latest_end():
            self._begin(step + 1)

    def observe(self, step: int, kl: Tensor) -> None:
        """With ``plateau``: begin the next stage once this one has stopped learning."""
        if self.advance == "share" or step <= self.full(self.stage(step)):
            return
        self._held.append(float(kl[list(self.plan.stages[self.stage(step)].latents)].sum()))
        held = self._held[-1]
        if len(self._held) > _PATIENCE and held >= ACTIVE and held - self._held[-1 - _PATIENCE] < _LITTLE * held:
            self._begin(step)

    def _begin(self, step: int) -> None:
        if len(self._begun) < len(self.plan.stages) and step < self.setup.steps:
            self._begun, self._held = [*self._begun, step], []

    def _latest_end(self) -> int:
        """Where the present stage ends at the latest: its share of the steps that were left when it began."""
        begun, shares = self._begun[-1], [each.share for each in self.plan.stages[len(self._begun) - 1 :]]
        return max(begun + round((self.setup.steps - begun) * shares[0] / sum(shares)), begun + 1)

    def state(self) -> dict[str, Tensor]:
        """When the stages began, and the nats that the present one held at its records."""
        return {"begun": torch.tensor(self._begun), "held": torch.tensor(self._held, dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore both."""
        self._begun, self._held = state["begun"].tolist(), state["held"].tolist()
