"""Drafts of stages: the pressure of each, and what settles before it opens."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.findings import Findings
from analysis.groups import Group, freezing_value
from analysis.safe_fall import safe_falls
from analysis.stage_settings import StageSettings

_MOST_SETTLING = 0.5  # of a stage: the rest is for its own factors
_APART = 1.05  # pressure over the next one's, of stages that nothing tells apart


@dataclass(frozen=True)
class StageDraft:
    """A stage without its place among the others."""

    pressure: float
    latents: int
    time: float  # that its factors take to freeze there, in arbitrary units
    nats: Mapping[str, float]
    evidence: list[str]
    settling: tuple[float, ...] = ()
    settle: float = 0.0


def shares(drafts: Sequence[StageDraft]) -> list[float]:
    """Share of the steps of each stage, by the time that it needs, and more if earlier groups settle first."""
    needed = [draft.time / (1 - draft.settle) for draft in drafts]
    return [own / sum(needed) for own in needed]


def falling(drafts: list[StageDraft]) -> list[StageDraft]:
    """The stages with strictly falling pressures, even if factors with the same freezing point are in two stages."""
    for number in reversed(range(len(drafts) - 1)):
        stage, after = drafts[number], drafts[number + 1].pressure
        if stage.pressure <= after:
            why = f"{_APART:g} times the next stage's {after:.4g} nats: no pressure tells the two apart"
            drafts[number] = replace(stage, pressure=_APART * after, evidence=[*stage.evidence, why])
    return drafts


def settled(
    groups: Sequence[Group], drafts: Sequence[StageDraft], findings: Findings, settings: StageSettings
) -> list[StageDraft]:
    """The stages with what settles before each opens, if the fall to its pressure is not safe in one go."""
    found, values = [drafts[0]], list[float]()
    for (before, draft), group in zip(itertools.pairwise(drafts), groups, strict=False):
        values += [freezing_value(each, findings) for each in group]
        way = safe_falls(before.pressure, draft.pressure, values)
        if way and settings.settle:
            share = min(settings.settle * (len(way) + 1), _MOST_SETTLING)
            told = ", ".join(f"{pressure:.4g}" for pressure in (*way, draft.pressure))
            why = (
                f"a fall from {before.pressure:.4g} at once would let what is frozen spread into it: the groups before "
                f"settle at {told} nats over {share:.0%} of the stage, then it opens"
            )
            draft = replace(draft, settling=way, settle=share, evidence=[*draft.evidence, why])
        found.append(draft)
    return found


def stage_pressure(
    lowest: float, highest_after: float, number: int, after: Group | None, settings: StageSettings
) -> tuple[float, str]:
    """A stage's pressure and the reason for it."""
    if settings.pressures is not None:
        return settings.pressures[number], f"{settings.pressures[number]:g} nats, as given"
    if after is None:
        return settings.final_pressure, f"last stage: the final pressure, {settings.final_pressure:g} nats"
    own = settings.share * lowest
    if own > highest_after:
        return (
            highest_after,
            f"{settings.share:g} x {lowest:.4g} lies above the next group's {highest_after:.4g} nats: held there",
        )
    pressure = min(float(f"{own:.4g}"), highest_after)
    return pressure, f"{settings.share:g} x {lowest:.4g} = {pressure:g} nats"


def late_joined(groups: Sequence[Group], findings: Findings, settings: StageSettings) -> tuple[list[Group], list[str]]:
    """Join groups that would freeze or be held below the final pressure into the last stage, with a warning each."""
    kept: list[Group] = []
    warnings = []
    for group in groups:
        near = settings.share * min(freezing_value(each, findings) for each in kept[-1]) if kept else 0.0
        highest = max(freezing_value(each, findings) for each in group)
        if kept and min(float(f"{near:.4g}"), highest) <= settings.final_pressure:
            kept[-1] = [*kept[-1], *group]
            warnings.append(
                f"{' and '.join(each.factor for each in group)} freezes too near the final pressure "
                f"{settings.final_pressure:g} for its own stage"
            )
        else:
            kept.append(group)
    return kept, warnings
