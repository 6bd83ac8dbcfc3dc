r"""From findings to a plan of DEFT's stages: which factors freeze together, at which pressure, in how many latents.

*Pressure.* From silence, the code of a factor that freezes at lambda grows at a rate proportional to 1 - beta / lambda,
because Adam divides a gradient by its own size, which is proportional to lambda. A group is held at half its lowest
freezing point as the network meets it (``depth``). There codes grow half as fast as they can at most, and what is held
leaves little enough that a fall by half is safe (:mod:`analysis.safe_fall`). A group is never held above the next
group's freezing point, because down to there nothing else freezes.

*Latents.* A group has as many as its factors have modes, one each and two for a circle, and none to spare that other
factors could enter.

*Lengths.* A stage lasts in proportion to how long its factors take to freeze, :math:`1 / (1 - \beta / \lambda_k)`
summed over them, with the quotient between ``depth`` and 0.8: nearer, a stage would never end, and a deeper one needs
as long to find its axes.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.findings import QUANTILES, FactorFindings, Findings
from analysis.groups import (
    Group,
    Separation,
    freezes,
    freezing_value,
    natural_groups,
    regrouped,
    separation_warnings,
)
from analysis.nuisance_stage import NuisanceStage, hides_factors, last_pressure, nuisance_stage
from analysis.plan_uncertainty import resample
from analysis.stage_drafts import StageDraft, falling, late_joined, settled, shares, stage_pressure
from analysis.stage_plan import FORMAT, SETTLING_FORMAT, Stage, StagePlan
from analysis.stage_settings import HALF_ALONE, StageSettings
from annealing.errors import IFPError
from annealing.thresholds import TOLD

_NEAREST = 0.8  # share of a freezing point from which nearness makes a stage no longer
_LAWFUL = 0.2  # nats up to which KL = g ln(beta_c / beta) holds


def plan_stages(findings: Findings, settings: StageSettings | None = None, **changed: object) -> StagePlan:
    """Plan DEFT's stages from findings.

    Factors are ordered by their closed-form freezing points, given the factors frozen before if the findings have them
    (``conditional``), else by the median of each factor alone over the planning contexts. Neighbours that cannot be
    told apart join one group. The plan has a line of evidence for every choice. A factor that no image varies with
    never freezes, and is left out with a warning. Nuisances that freeze before factors have a stage of their own
    (:mod:`analysis.nuisance_stage`).

    Args:
        findings: of an annealing run, or of a spectrum alone.
        settings: see :class:`StageSettings`; single ones by name: ``plan_stages(findings, depth=0.3)``.

    Raises:
        IFPError: a setting is out of range, or no factor ever freezes above the final pressure.
    """
    made = replace(settings or StageSettings(), **changed)  # type: ignore[arg-type]
    final = last_pressure(made)
    never = [each.factor for each in findings.factors if not freezes(each, findings)]
    frozen = [each for each in findings.factors if each.factor not in never]
    if not max((freezing_value(each, findings) for each in frozen), default=0.0) > final:
        raise IFPError(f"need a factor that freezes above the final pressure {final:g}, got none")
    findings = findings.without(never)
    if made.depth is None and not all(each.factor in findings.conditional for each in findings.factors):
        made = replace(made, depth=HALF_ALONE)
    count = len(made.pressures) if made.pressures else made.stages
    groups, warnings, resamples = natural_groups(findings), _measurement_warnings(findings), resample(findings)
    hidden = hides_factors(findings, final, count)
    if count is not None:
        groups = regrouped(groups, count - 1 if hidden else count, findings)
    else:
        groups, unstable = resamples.merged(groups)
        groups, late = late_joined(groups, findings, made)
        warnings = [*unstable, *late, *warnings]
    nuisance, told = nuisance_stage(groups, findings, made) if hidden else (None, [])
    planned, known = (groups, findings) if nuisance is None else nuisance.among(groups, findings)
    drafts = falling([_draft(planned, number, known, made, nuisance) for number in range(len(planned))])
    if count is not None:  # else joined with a warning
        warnings = [*_silent_warnings(planned, drafts, known), *warnings]
    drafts = settled(planned, drafts, known, made)
    left_out = [f"{name} never freezes: left out" for name in never]
    doubts = [*separation_warnings(groups, findings), *resamples.warnings(groups)]
    warnings = [*left_out, *doubts, *told, *warnings, *findings.warnings]
    opened, stages, total = 0, [], sum(draft.time for draft in drafts)
    for group, draft, share in zip(planned, drafts, shares(drafts), strict=True):
        of = nuisance if group not in groups else None
        stages.append(
            Stage(
                pressure=draft.pressure,
                factors=tuple(each.factor for each in group) if of is None else of.names,
                latents=tuple(range(opened, opened + draft.latents)),
                share=share,
                predicted_nats=draft.nats,
                evidence=[
                    *draft.evidence,
                    *(resamples.evidence(groups, groups.index(group)) if of is None else ()),
                    f"{share:.0%} of the steps: its factors freeze in {draft.time:.3g} of {total:.3g}",
                ],
                settling=draft.settling,
                settle=draft.settle,
            )
        )
        opened += draft.latents
    stages[-1] = replace(stages[-1], share=1 - sum(stage.share for stage in stages[:-1]))
    return StagePlan(
        format=SETTLING_FORMAT if any(stage.settle for stage in stages) else FORMAT,
        dataset=findings.dataset,
        fingerprint=findings.fingerprint,
        image_shape=findings.image_shape,
        likelihood=findings.likelihood,
        latents=opened,
        gamma=made.gamma,
        stages=tuple(stages),
        source={"findings": findings.source, "depth": made.share, "seed": findings.seed, **resamples.told(groups)},
        warnings=warnings,
    )


def _silent_warnings(groups: Sequence[Group], drafts: Sequence[StageDraft], findings: Findings) -> list[str]:
    """A warning for every factor that freezes only below its own stage's pressure."""
    return [
        f"{each.factor} freezes at {freezing_value(each, findings):.4g}, not above its stage's {draft.pressure:.4g}"
        for group, draft in zip(groups, drafts, strict=True)
        for each in group
        if freezing_value(each, findings) <= draft.pressure
    ]


def _draft(
    groups: Sequence[Group],
    number: int,
    findings: Findings,
    settings: StageSettings,
    nuisance: NuisanceStage | None,
) -> StageDraft:
    group = groups[number]
    own = nuisance if nuisance is not None and nuisance.place == number else None
    after = groups[number + 1] if number + 1 < len(groups) else None
    values = [freezing_value(each, findings) for each in group]
    highest_after = max(freezing_value(each, findings) for each in after) if after else 0.0
    evidence = _value_evidence(group, values, findings) if own is None else own.evidence()
    pressure, why = stage_pressure(min(values), highest_after, number, after, settings)
    evidence.append(why)
    nats, basis = _predicted_nats(group, values, pressure, findings)
    if nats:
        evidence.append(f"held there by {basis}: {', '.join(f'{name} {held:.2g} nats' for name, held in nats.items())}")
    latents = sum(each.modes for each in group)
    if settings.group_size is not None and not (after and pressure < highest_after):
        latents = max(latents, settings.group_size)
    round_modes = [each.factor for each in group if each.modes > 1]
    evidence.append(
        f"{latents} latents: two of {' and '.join(round_modes)}, whose second mode freezes with the first"
        if round_modes
        else f"{latents} latent{'s' if latents > 1 else ''}"
    )
    if after and not all(each.factor in findings.conditional for each in (*group, *after)):
        surely = Separation(findings).between(group, after)
        evidence.append(
            f"its factors freeze before the next group's in {surely:.0%} of contexts, pair by pair, or more"
        )
    if after:
        evidence.append(
            "chance over contexts that it would freeze here already if it found room: "
            + ", ".join(f"{each.factor} {_chance_above(each, pressure):.0%}" for each in after)
        )
    evidence += _mixing_evidence(group, findings)
    time = sum(1 / (1 - min(max(pressure / value, settings.share), _NEAREST)) for value in values)
    return StageDraft(pressure, latents, time if own is None else time / len(group), nats, evidence)


def _value_evidence(group: Group, values: Sequence[float], findings: Findings) -> list[str]:
    points = ", ".join(f"{each.factor} {value:.4g}" for each, value in zip(group, values, strict=True))
    if all(each.factor in findings.conditional for each in group):
        found = [f"{findings.conditional_are}: {points} nats"]
    else:
        found = [f"median closed-form freezing points over {group[0].planning.n} contexts: {points} nats"]
    if not any(each.cases for each in group):
        found.append("no case of its own measured")
    return found


def _measurement_warnings(findings: Findings) -> list[str]:
    found = []
    for each in findings.factors:
        if each.ifp.n < each.cases:
            found.append(
                f"{each.factor}: {each.cases - each.ifp.n} of {each.cases} measured cases gave no freezing point"
            )
        elif each.brackets is not None and each.brackets.outside > each.brackets.within:
            knees = each.brackets.outside + each.brackets.within
            found.append(
                f"{each.factor}: {each.brackets.within} of {knees} networks' knees and crossings hold the closed form; "
                "the sweep was too fast to trust its curve"
            )
    return found


def _predicted_nats(
    group: Group, values: Sequence[float], pressure: float, findings: Findings
) -> tuple[dict[str, float], str]:
    """Nats held at the pressure, at most the factor's entropy, and what says so; factors of which nothing does lack.

    The measured curves where they reach, else KL = g ln(beta_c / beta) where it gives no more than 0.2 nats: further
    from the freezing point the law does not hold.
    """
    held: dict[str, float] = {}
    grid = np.log(findings.relative_beta) if findings.relative_beta else np.array([])
    bases = []
    for factor, value in zip(group, values, strict=True):
        depth = math.log(pressure / value)
        law = -factor.slope * depth if factor.slope is not None else math.nan
        if factor.nats and len(grid) and grid[0] <= depth <= grid[-1]:
            nats, basis = float(np.interp(depth, grid, factor.nats)), "the heating curves"
        elif 0 < law <= _LAWFUL:
            nats, basis = law, "KL = g ln(beta_c / beta)"
        else:
            continue
        held[factor.factor] = min(nats, factor.entropy) if factor.entropy is not None else nats
        bases.append(basis)
    return held, " and ".join(dict.fromkeys(bases))


def _mixing_evidence(group: Group, findings: Findings) -> list[str]:
    """Of which factors the codes of this stage's tell by themselves, wherever these freeze."""
    names = [each.factor for each in group]
    told = [pair for pair in findings.mixing if pair.other in names and pair.nats >= TOLD]
    return [
        f"the code of {name} tells of others by itself: "
        + ", ".join(f"{pair.factor} {pair.nats:.2g} nats" for pair in told if pair.other == name)
        for name in names
        if any(pair.other == name for pair in told)
    ]


def _chance_above(factor: FactorFindings, pressure: float) -> float:
    """Share of the planning contexts in which a factor's freezing point lies above a pressure."""
    return 1 - float(np.interp(pressure, factor.planning_quantiles, QUANTILES, left=0.0, right=1.0))
