"""Pages of annealing runs: action by action, and of whole data sets."""

from collections.abc import Callable, Iterable, Sequence

from analysis.conclusions import main_rows
from analysis.figures.curves import draw_curves
from analysis.figures.distributions import draw_distributions
from analysis.figures.latents import draw_latents
from analysis.figures.separability import draw_separability
from analysis.findings import Findings
from analysis.separability import separability_matrix
from analysis.stage_plan import StagePlan
from analysis.stages import plan_stages
from analysis.whole_findings import cooling_branch, heating_branch
from annealing.errors import IFPError
from ifp.annealing_test.annealed import annealed_test
from ifp.evaluation.planning import findings_of_latents
from ifp.pages.factor_chart import factor_chart, points_table
from ifp.pages.latent_chart import cooling_chart
from ifp.pages.page import Folded, Part, Picture, Section, Text
from ifp.pages.parts import again_section, diffusion_section, plan_section, settings_section
from ifp.run_directory.run import RunDirectory
from ifp.tables.findings import distributions, freezing_points, mixing, pairs, separability
from ifp.tables.whole import whole_remarks, whole_tables
from ifp.whole_annealing.config import WholeConfig
from ifp.whole_annealing.results import annealed_whole


def annealing_sections(run: RunDirectory) -> list[Section]:
    """Of a finished annealing test: points, pressure by pressure, curves, separability, predicted diffusion, a plan."""
    annealed = annealed_test(run)
    findings = annealed.findings
    rows = main_rows(annealed.tables.freezing)
    spectral = annealed.tables.spectral
    names = [each.factor for each in findings.factors]
    matrix = separability_matrix(names, findings.pairs, "planning")
    medians = _medians(findings)
    plan = _planned(lambda: findings)
    threshold = float(rows["threshold_nats"].iloc[0])
    return [
        Section(
            "Freezing points",
            (
                freezing_points(findings),
                Picture(
                    draw_distributions(rows, spectral, "box"),
                    f"Freezing points per factor on a logarithmic axis of pressure. {medians}",
                    "Dots: measured, with bars from freezing to melting; ticks: closed form of the same cases; boxes: "
                    "closed form over the planning contexts. Pressures in nats, reconstruction summed over pixels.",
                ),
                distributions(findings),
            ),
        ),
        Section(
            "Pressure by pressure",
            (
                factor_chart(annealed.curves, rows, threshold, plan if isinstance(plan, StagePlan) else None),
                Folded("All cases as a table", points_table(rows)),
            ),
        ),
        Section(
            "Curves",
            (
                Picture(
                    draw_curves(annealed.curves, rows),
                    f"KL against pressure of every case, heating and cooling, one panel per factor. {medians}",
                    "KL in nats while heated and cooled; vertical: closed form.",
                ),
            ),
        ),
        Section(
            "Separability",
            (
                Picture(
                    draw_separability(names, matrix, "closed form over the planning contexts"),
                    "Heat map: share of contexts in which the row's factor freezes at the higher pressure. "
                    "The table below has the same numbers.",
                    "100: the row's factor always freezes first; 50: pressure does not tell the two apart.",
                ),
                separability(findings),
                *pairs(findings),
            ),
        ),
        *([Section("Predicted diffusion", (mixing(findings),))] if findings.mixing else []),
        _plan(plan),
        settings_section(run),
        again_section(run, _annealing_options(run)),
    ]


def _annealing_options(run: RunDirectory) -> dict[str, object]:
    """Settings of an annealing test as options of the command."""
    settings = run.config["settings"]
    sweep, span = settings["sweep"], "span" if settings["pressures"] is None else "pressures"
    found = {name: settings[name] for name in ("contexts", "factors", "nuisance", "protocol")}
    if settings["protocol"] == "equilibrium":
        return {**found, "protocol": None, "network": "optimal", span: _range(settings[span])}
    if settings["protocol"] != "heat-cool":
        return found
    own = {"network": sweep["network"], "latents": sweep["latents"], "repeats": settings["repeats"]}
    pace = {"tolerance": sweep["pace"]["tolerance"], "max-steps": sweep["pace"]["max_steps"]}
    return {**found, **own, **pace, span: _range(settings[span])}


def _range(ends: Sequence[float]) -> str:
    return ":".join(map(str, ends))


def _medians(findings: Findings) -> str:
    found = [f"{each.factor} {each.ifp.median:.4g}" for each in findings.factors if each.ifp.median is not None]
    return f"Medians: {', '.join(found)} nats." if found else "No case has a freezing point."


def _planned(findings: Callable[[], Findings]) -> StagePlan | IFPError:
    """The plan with the planner's defaults, or why there is none."""
    try:
        return plan_stages(findings())
    except IFPError as error:
        return error


def _plan(plan: StagePlan | IFPError) -> Section:
    if isinstance(plan, StagePlan):
        return plan_section(plan)
    return Section("Plan", (Text(f"There is no plan: {plan}.", warning=True),))


def whole_sections(run: RunDirectory) -> list[Section]:
    """Of a finished run of whole-data annealing: latents, factors, modes, diffusion along the cooling, a plan."""
    whole = annealed_whole(run)
    findings, curves = whole.findings, whole.curves
    heating, melting = heating_branch(curves), findings.latents_melting
    frozen = _points((each.latent, each.freezing[0]) for each in findings.latents if each.statuses[0] == "ok")
    told, legend = f"KL of each latent as pressure falls. Froze: {frozen}.", "it froze about"
    if melting:
        melted = _points((each.latent, each.melting[0]) for each in melting if each.statuses[0] == "ok")
        told = f"KL of each latent as pressure rises and falls. Melted: {melted}. Froze: {frozen}."
        legend = "it melted (dotted: rising pressure) or froze about"
    figure = draw_latents(
        cooling_branch(curves), findings.latents, findings.thresholds[0], findings.predicted, heating, melting
    )
    first: list[Part] = [
        Picture(
            figure,
            told,
            f"A curve per latent, in the colour of the factor {legend}; vertical: predicted freezing points.",
        ),
        *whole_tables(findings),
        *(Text(remark + ".", warning=remark.startswith("warning")) for remark in whole_remarks(findings)),
    ]
    trace = whole.information
    moves = "rises and falls" if melting else "falls"
    sections = [
        Section(f"Latents as the pressure {moves}", tuple(first)),
        Section("Pressure by pressure", (cooling_chart(whole),)),
    ]
    if trace is not None and findings.diffusion is not None:
        sections.append(diffusion_section(run.path.name, trace, findings.diffusion))
    return [
        *sections,
        _plan(_planned(lambda: findings_of_latents(whole))),
        settings_section(run),
        again_section(run, _whole_options(run), "--mode full"),
    ]


def _points(found: Iterable[tuple[int, float]]) -> str:
    """The latents that have a point, and at which pressure."""
    listed = ", ".join(f"z{latent} at {beta:.4g}" for latent, beta in found)
    return f"{listed} nats" if listed else "none"


def _whole_options(run: RunDirectory) -> dict[str, object]:
    """Settings of whole-data annealing as options of the command."""
    settings = run.settings(WholeConfig)
    return {
        "protocol": settings.protocol,
        "network": settings.network,
        "latents": settings.latents,
        "steps": settings.heat_steps if settings.heats else settings.cool_steps,
        "pressures": _range(settings.pressures),
    }
