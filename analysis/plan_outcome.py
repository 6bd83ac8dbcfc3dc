"""A plan of stages compared with what happened: where each factor froze, in whose latent, and what that latent held."""

from dataclasses import dataclass

import numpy as np

from analysis.diffusion_events import freezing_record, owners
from analysis.information_trace import InformationTrace
from analysis.stage_plan import StagePlan
from annealing.thresholds import INFORMED


@dataclass(frozen=True)
class FactorOutcome:
    """One factor of a run that went through a plan's stages, counted from 1; pressures and information in nats.

    Attributes:
        planned_stage, planned_pressure, planned_nats: of the plan; nats if it predicts any. None for a factor that
            is in none of its stages.
        stage, pressure: in which all latents together first held 0.1 nat of it; None if they never did.
        owner, owned_first: the latent that last led all others by 0.1 nat, and the first that did.
        in_group: whether the owner is a latent that the planned stage opened; None without either.
        stage_nats, nats: what the owner held of it as the planned stage ended and as training did.
        share: the owner's share of all that latents hold of it at the end; None if they hold nothing.
        verdict: all this in words.
    """

    factor: str
    planned_stage: int | None
    planned_pressure: float | None
    planned_nats: float | None
    stage: int | None
    pressure: float | None
    owner: int | None
    owned_first: int | None
    in_group: bool | None
    stage_nats: float | None
    nats: float | None
    share: float | None
    verdict: str


def plan_outcome(plan: StagePlan, trace: InformationTrace) -> tuple[FactorOutcome, ...]:
    """A row per factor of the trace.

    Empty if the run had other stages or latents than the plan, or if none of the plan's factors is in the trace, as
    when latents stand for them.
    """
    fits = len(plan.stages) == max(len(trace.ends), 1) and plan.latents == trace.above.shape[1]
    planned = {name for stage in plan.stages for name in stage.factors}
    if not fits or not planned & set(trace.names):
        return ()
    held = trace.held
    return tuple(_outcome(name, plan, trace, held[:, :, k]) for k, name in enumerate(trace.names))


def _outcome(name: str, plan: StagePlan, trace: InformationTrace, held: np.ndarray) -> FactorOutcome:
    number = next((at for at, stage in enumerate(plan.stages) if name in stage.factors), None)
    planned = None if number is None else plan.stages[number]
    ends = trace.ends or (int(trace.step[-1]),)
    record = freezing_record(held)
    froze = None if record is None else int(np.searchsorted(ends, trace.step[record]))
    leading = [latent for latent in owners(held) if latent is not None]
    owner, total = leading[-1] if leading else None, float(held[-1].sum())
    in_group = None if owner is None or planned is None else owner in planned.latents
    if owner is None:
        course, at_end = None, None
    else:
        course, at_end = held[:, owner], float(held[-1, owner])
    ended = None if number is None else int(np.searchsorted(trace.step, ends[number], side="right")) - 1
    return FactorOutcome(
        factor=name,
        planned_stage=None if number is None else number + 1,
        planned_pressure=None if planned is None else planned.pressure,
        planned_nats=None if planned is None else planned.predicted_nats.get(name),
        stage=None if froze is None else froze + 1,
        pressure=None if record is None else float(trace.pressure[record]),
        owner=owner,
        owned_first=leading[0] if leading else None,
        in_group=in_group,
        stage_nats=None if course is None or ended is None else float(course[max(ended, 0)]),
        nats=at_end,
        share=at_end / total if at_end is not None and total > 0 else None,
        verdict=_verdict(number, froze, leading, in_group, total),
    )


def _verdict(number: int | None, froze: int | None, leading: list[int], in_group: bool | None, total: float) -> str:
    """When it froze by the plan, then where it is, then whether that was elsewhere before.

    >>> _verdict(1, 2, [0, 0, 3], False, 1.5)
    "froze a stage late, in another group's latent, moved from z0"
    """
    if froze is None:
        return "never froze" if number is not None else "not planned, never froze"
    if number is None:
        parts = ["not planned"]
    else:
        late = froze - number
        by = "a stage" if abs(late) == 1 else f"{abs(late)} stages"
        parts = ["froze in its stage" if not late else f"froze {by} {'late' if late > 0 else 'early'}"]
    if not leading:
        parts.append("in no latent alone")
    elif in_group is False:
        parts.append("in another group's latent")
    if leading and leading[-1] != leading[0]:
        parts.append(f"moved from z{leading[0]}")
    elif len(set(leading)) > 1:
        parts.append("moved and came back")
    if total < INFORMED:
        parts.append("lost since")
    return ", ".join(parts)
