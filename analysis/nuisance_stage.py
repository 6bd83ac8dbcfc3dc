r"""A stage for nuisances: what varies from image to image, is not a factor, and freezes before factors that it hides.

All nuisances of a data set are one group, with the freezing points :math:`\nu_1 \ge \nu_2 \ge \ldots` of
:class:`analysis.findings.NuisanceFindings`. A factor is hidden if its freezing point lies below :math:`\nu_1` and above
the final pressure: the latent that is open when pressure falls past :math:`\nu_1` takes the nuisance, and is no longer
free for the factor.

*Place.* The stage comes before the first group that has a hidden factor, and so before all of them, because groups are
ordered by falling freezing point. Groups whose factors all freeze above :math:`\nu_1` stay before it.

*Latents.* One for each :math:`\nu_i` above the highest freezing point of everything after it, but at least one and no
more than there are factors. These :math:`\nu_i` lie above all later factors, so pressure can fall to where all of them
hold something and none of the factors does.

*Pressure and length.* The rule of every stage applies, with the lowest of the counted :math:`\nu_i` as the group's
lowest freezing point, and :math:`\nu_1` as its highest for the stage before. The stage is as long as one with a single
factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.distributions import summarise
from analysis.findings import QUANTILES, FactorFindings, Findings
from analysis.groups import Group, freezing_value
from analysis.stage_settings import StageSettings
from annealing.errors import IFPError

_SHOWN = 8  # freezing points in a line of evidence


@dataclass(frozen=True)
class NuisanceStage:
    """The place of the nuisances' stage and what it opens.

    Attributes:
        names: of the nuisances.
        values: all their freezing points, falling, in nats.
        latents: how many of them have a latent, the first ones.
        place: number of the stage among those of the groups, from 0.
        highest, lowest: freezing points of the factors after it, in nats, of those above the final pressure.
        before: the factors of the next stage.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    latents: int
    place: int
    highest: float
    lowest: float
    before: tuple[str, ...]

    @property
    def title(self) -> str:
        """The nuisances in one line."""
        return " and ".join(self.names)

    def evidence(self) -> list[str]:
        """What the stage is, and from what."""
        told = ", ".join(f"{value:.4g}" for value in self.values[:_SHOWN])
        more = f" and {len(self.values) - _SHOWN} lower ones" if len(self.values) > _SHOWN else ""
        after = " and ".join(self.before)
        found = [
            f"{self.title}: no factor, but what varies within a cell of the factors; it freezes by itself at {told} "
            f"nats{more}, eigenvalues of V^-1/2 C V^-1/2 for the covariance C within cells",
            f"it stands before {after}, so that these find latents of their own: "
            f"{sum(value > self.highest for value in self.values)} of its freezing points lie above all factors after "
            f"it, the highest at {self.highest:.4g} nats",
        ]
        left = sum(value > self.lowest for value in self.values[self.latents :])
        if left:
            found.append(f"{left} more, without a latent, lie above the lowest factor after it, {self.lowest:.4g} nats")
        return found

    def among(self, groups: Sequence[Group], findings: Findings) -> tuple[list[Group], Findings]:
        """The groups with this one in its place, and the findings with what is known of it.

        In the group each latent stands as a factor would, with a freezing point that it has everywhere.
        """
        title = self.title
        while any(name.startswith(title) for name in (each.factor for each in findings.factors)):
            title += "*"
        names = [title] if self.latents == 1 else [f"{title} {number + 1}" for number in range(self.latents)]
        contexts = len(findings.factors[0].planning_points)
        modes = [_mode(name, value, contexts) for name, value in zip(names, self.values, strict=False)]
        known = {**findings.conditional, **dict(zip(names, self.values, strict=False))}
        extended = replace(findings, factors=(*findings.factors, *modes), conditional=known, nuisances=None)
        return [*groups[: self.place], modes, *groups[self.place :]], extended


def hides_factors(findings: Findings, final: float, count: int | None) -> bool:
    """Whether the nuisances freeze above a factor that freezes, and therefore get a stage of their own.

    Their freezing points and the factors' are compared where these are known of all images, too (``conditional``).
    A plan of one stage has none.

    Args:
        findings: of which every factor has a freezing point.
        final: pressure of the last stage, in nats.
        count: stages that are asked for, the nuisances' among them; None: any.

    Raises:
        IFPError: more stages than factors and one for the nuisances.
    """
    found, values = findings.nuisances, findings.conditional
    if found is None or any(each.factor not in values for each in findings.factors):
        return False
    hides = any(final < value < found.values[0] for value in values.values())
    most = len(findings.factors) + 1
    if hides and count is not None and count > most:
        raise IFPError(
            f"need 1 to {most} stages for {most - 1} factors and one of {' and '.join(found.names)}, got {count}"
        )
    return hides and count != 1


def nuisance_stage(
    groups: Sequence[Group], findings: Findings, settings: StageSettings
) -> tuple[NuisanceStage | None, list[str]]:
    """The nuisances' stage among groups of factors that fall in freezing points, and warnings: see the module.

    None, with a warning, where its pressure would not lie above the final one, and neither pressures nor the number of
    stages are given.

    Args:
        groups, findings: of which :func:`hides_factors` is true.
        settings: of the plan.
    """
    found, final = findings.nuisances, last_pressure(settings)
    assert found is not None  # else nothing is hidden
    title, first = " and ".join(found.names), found.values[0]
    if settings.pressures is None and settings.stages is None and settings.share * first <= final:
        told = f"{title} freezes at {first:.4g} nats, too near the final pressure {final:g} for its own stage: it may "
        return None, [f"{told}take latents that open for factors"]
    values = [[freezing_value(each, findings) for each in group] for group in groups]
    place = next(number for number, own in enumerate(values) if any(final < value < first for value in own))
    after = [value for own in values[place:] for value in own if value > final]
    stage = NuisanceStage(
        names=found.names,
        values=found.values,
        latents=min(max(sum(value > max(after) for value in found.values), 1), sum(map(len, groups))),
        place=place,
        highest=max(after),
        lowest=min(after),
        before=tuple(each.factor for each in groups[place]),
    )
    if first > stage.highest:
        return stage, []
    return stage, [
        f"{title} freezes at {first:.4g} nats, among {' and '.join(stage.before)}: a factor of these that freezes "
        f"before it, at up to {stage.highest:.4g}, may take its latent"
    ]


def last_pressure(settings: StageSettings) -> float:
    """Pressure of the last stage, in nats."""
    return settings.pressures[-1] if settings.pressures else settings.final_pressure


def _mode(name: str, value: float, contexts: int) -> FactorFindings:
    """What stands for one latent of the nuisances: nothing measured, the same freezing point in every context."""
    nothing = summarise(())
    return FactorFindings(
        factor=name, cases=0, freezing=nothing, melting=nothing, ifp=nothing, spectral=nothing,
        planning=summarise((value,)), planning_quantiles=(value,) * len(QUANTILES), entropy=None, slope=None,
        statuses={}, brackets=None, bracket_width=None, nats=(), planning_points=(value,) * contexts,
    )  # fmt: skip
