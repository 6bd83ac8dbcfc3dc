"""From findings to a plan of DEFT's stages; the plan's type and its strict reader."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.findings import FactorFindings, Findings
from analysis.records import read_record
from analysis.separability import PairFindings
from annealing.errors import IFPError, PlanError

FORMAT = "ifp-stage-plan/1"
# Two factors count as one group when neither freezes first in clearly more contexts than the other:
# |P(a first) - P(b first)| below Romano's bound of a negligible effect.
_NEGLIGIBLE = 0.147
_OVERLAPPING = 0.5  # overlap of densities from which neighbouring groups earn a warning


@dataclass(frozen=True)
class Stage:
    """One stage of DEFT: its pressure in nats, whose factors freeze in it, and the latents it opens."""

    pressure: float
    factors: tuple[str, ...]
    latents: tuple[int, ...]
    share: float  # of the steps
    predicted_nats: Mapping[str, float]  # what a factor's latent holds at the end, by its own heating curve if any
    evidence: Any


@dataclass(frozen=True)
class StagePlan:
    """Stages of DEFT for one data set, image shape and likelihood; checked when made."""

    format: str
    dataset: str
    fingerprint: str
    image_shape: tuple[int, int, int]
    likelihood: str
    latents: int
    gamma: float  # scale of the steps of groups that opened earlier
    stages: tuple[Stage, ...]
    source: Any
    warnings: Any

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise PlanError(f"need a plan of format {FORMAT}, got {self.format!r}")
        if not self.stages:
            raise PlanError("need a plan of one or more stages, got none")
        if not 0 <= self.gamma <= 1:
            raise PlanError(f"need gamma in 0..1, got {self.gamma:g}")
        for number, (stage, after) in enumerate(itertools.pairwise(self.stages)):
            if not after.pressure < stage.pressure:
                raise PlanError(
                    f"need pressures that fall from stage to stage, got {stage.pressure:g} in stage {number + 1} "
                    f"and {after.pressure:g} after it"
                )
        if not self.stages[-1].pressure > 0:
            raise PlanError(f"need pressures above 0, got {self.stages[-1].pressure:g}")
        named = [latent for stage in self.stages for latent in stage.latents]
        twice = next((latent for latent in named if named.count(latent) > 1), None)
        if twice is not None:
            raise PlanError(f"need each latent in one stage only, got latent {twice} twice")
        if len(named) != self.latents or sorted(named) != list(range(len(named))):
            raise PlanError(f"need the stages to open latents 0..{self.latents - 1}, got {sorted(named)}")
        if any(not stage.latents or not stage.share > 0 for stage in self.stages):
            raise PlanError("need in every stage a latent or more and a share of the steps above 0, one stage has none")
        if abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            raise PlanError(f"need shares that sum to 1, got {sum(stage.share for stage in self.stages):g}")

    @classmethod
    def from_json(cls, text: str) -> "StagePlan":
        """The plan in a JSON text; PlanError names what is broken, unknown, missing or contradictory."""
        if not text.strip():
            raise PlanError("need a stage plan, got nothing")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PlanError(f"need a stage plan in JSON, got text that is not: {error}") from None
        if isinstance(value, Mapping) and value.get("format") != FORMAT:
            raise PlanError(f"need a plan of format {FORMAT}, got {value.get('format')!r}")
        return read_record(cls, value, "plan", PlanError)

    def boundaries(self, steps: int) -> list[int]:
        """Step at which each stage ends when ``steps`` are divided by share; the last one at ``steps``."""
        ends = np.rint(np.cumsum([stage.share for stage in self.stages]) * steps).astype(int).tolist()
        return [*ends[:-1], steps]


def plan_stages(
    findings: Findings,
    *,
    depth: float = 0.35,
    final_pressure: float = 1.0,
    group_size: int = 2,
    gamma: float = 0.1,
) -> StagePlan:
    """Plan DEFT's stages from findings.

    Factors are ordered by their median closed-form freezing point over the planning contexts, and neighbours that
    cannot be told apart join one group. A stage's pressure is ``depth`` times its group's lowest freezing point,
    never above the next group's; where it lies below the next group's own, the group gets one latent per factor so
    that nothing else can enter. The last stage ends at ``final_pressure``. Steps are shared by number of factors.

    Args:
        findings: of an annealing run, or of a spectrum alone: the stages of both are the same, but without measured
            curves no nats are predicted.
        depth: share of the freezing point at which a group is held; below 1, so that it holds real information.
        final_pressure: beta of the last stage, in nats.
        group_size: latents of a group that has room (at least one per factor).
        gamma: scale of the steps of groups that opened earlier.

    Raises:
        IFPError: a setting is out of range, or no factor ever freezes above the final pressure.
    """
    if not 0 < depth <= 1:
        raise IFPError(f"need a depth above 0 and at most 1, got {depth:g}")
    if not 0 < final_pressure < float("inf") or group_size < 1:
        raise IFPError(f"need a final pressure and a group size above 0, got {final_pressure:g} and {group_size}")
    if not max(map(_point, findings.factors)) > final_pressure:
        raise IFPError(f"need a factor that freezes above the final pressure {final_pressure:g}, got none")
    groups = _groups(findings)
    warnings = [*_overlap_warnings(groups, findings), *_measurement_warnings(findings)]
    stages: list[Stage] = []
    kept: list[list[FactorFindings]] = []
    for group in groups:  # groups that would freeze below the final pressure join the last stage
        near = depth * _lowest(kept[-1]) if kept else 0.0
        if kept and min(float(f"{near:.4g}"), max(_point(each) for each in group)) <= final_pressure:
            kept[-1] = [*kept[-1], *group]
            warnings.append(f"{_names(group)} freezes too near the final pressure {final_pressure:g} for its own stage")
        else:
            kept.append(group)
    total = sum(len(group) for group in kept)
    opened = 0
    for number, group in enumerate(kept):
        after = kept[number + 1] if number + 1 < len(kept) else None
        pressure, latents, evidence = _stage_settings(group, after, depth, final_pressure, group_size)
        stages.append(
            Stage(
                pressure=pressure,
                factors=tuple(each.factor for each in group),
                latents=tuple(range(opened, opened + latents)),
                share=len(group) / total,
                predicted_nats=_predicted_nats(group, pressure, findings.relative_beta),
                evidence=evidence,
            )
        )
        opened += latents
    stages[-1] = replace(stages[-1], share=1 - sum(stage.share for stage in stages[:-1]))
    return StagePlan(
        format=FORMAT,
        dataset=findings.dataset,
        fingerprint=findings.fingerprint,
        image_shape=findings.image_shape,
        likelihood=findings.likelihood,
        latents=opened,
        gamma=gamma,
        stages=tuple(stages),
        source={"findings": findings.source, "depth": depth, "seed": findings.seed},
        warnings=warnings,
    )


def _stage_settings(
    group: Sequence[FactorFindings],
    after: Sequence[FactorFindings] | None,
    depth: float,
    final_pressure: float,
    group_size: int,
) -> tuple[float, int, list[str]]:
    """Pressure, number of latents and the evidence for them."""
    lowest, roomy = _lowest(group), max(len(group), group_size)
    points = ", ".join(f"{each.factor} {_point(each):.4g}" for each in group)
    evidence = [f"median closed-form freezing points over {group[0].planning.n} contexts: {points} nats"]
    if not any(each.cases for each in group):
        evidence.append("from the spectrum alone: no case measured, no nats predicted")
    if after is None:
        return final_pressure, roomy, [*evidence, f"last stage: the final pressure, {final_pressure:g} nats"]
    own, highest_after = depth * lowest, max(_point(each) for each in after)
    held = own > highest_after
    pressure = highest_after if held else min(float(f"{own:.4g}"), highest_after)
    if not held:
        evidence.append(f"{depth:g} x {lowest:.4g} = {pressure:g} nats")
    else:
        evidence.append(f"{depth:g} x {lowest:.4g} lies above the next group's {highest_after:.4g} nats: held there")
    if pressure < highest_after:
        evidence.append(f"below the next group's {highest_after:.4g} nats: one latent per factor, none to spare")
        return pressure, len(group), evidence
    return pressure, roomy, evidence


def _point(factor: FactorFindings) -> float:
    if not factor.planning.median:
        raise IFPError(f"need a freezing point of every factor to plan with, {factor.factor} has none")
    return factor.planning.median


def _lowest(group: Sequence[FactorFindings]) -> float:
    return min(_point(each) for each in group)


def _names(group: Sequence[FactorFindings]) -> str:
    return " and ".join(each.factor for each in group)


def _planning_pairs(findings: Findings) -> dict[frozenset[str], PairFindings]:
    return {frozenset((pair.first, pair.second)): pair for pair in findings.pairs if pair.basis == "planning"}


def _groups(findings: Findings) -> list[list[FactorFindings]]:
    """Factors from the highest freezing point down, those that cannot be told apart from a whole group in it."""
    pairs = _planning_pairs(findings)

    def alike(a: FactorFindings, b: FactorFindings) -> bool:
        return abs(2 * pairs[frozenset((a.factor, b.factor))].comparison.superiority - 1) < _NEGLIGIBLE

    groups: list[list[FactorFindings]] = []
    for factor in sorted(findings.factors, key=_point, reverse=True):
        if groups and all(alike(member, factor) for member in groups[-1]):
            groups[-1].append(factor)
        else:
            groups.append([factor])
    return groups


def _overlap_warnings(groups: Sequence[Sequence[FactorFindings]], findings: Findings) -> list[str]:
    pairs = _planning_pairs(findings)
    found = []
    for group, after in itertools.pairwise(groups):
        for a in group:
            for b in after:
                pair = pairs[frozenset((a.factor, b.factor))]
                first = pair.comparison.superiority if pair.first == a.factor else 1 - pair.comparison.superiority
                if (pair.overlap or 0) > _OVERLAPPING or first < 1 - _OVERLAPPING / 2:
                    found.append(
                        f"{a.factor} and {b.factor} overlap ({pair.overlap or 0:.2f}): "
                        f"{b.factor} freezes first in {100 * (1 - first):.0f}% of contexts"
                    )
    return found


def _measurement_warnings(findings: Findings) -> list[str]:
    return [
        f"{each.factor}: {each.cases - each.ifp.n} of {each.cases} measured cases gave no freezing point"
        for each in findings.factors
        if each.ifp.n < each.cases
    ]


def _predicted_nats(
    group: Sequence[FactorFindings], pressure: float, relative_beta: Sequence[float]
) -> dict[str, float]:
    """Nats by the group's heating curves, for factors whose curve reaches that far below its freezing point."""
    grid = np.asarray(relative_beta)
    return {
        each.factor: float(np.interp(np.log(ratio), np.log(grid), each.nats))
        for each in group
        if each.nats and grid[0] <= (ratio := pressure / _point(each)) <= grid[-1]
    }
