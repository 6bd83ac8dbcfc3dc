"""What each kind of finished run has: its config, main table, figures, page and findings.

The name of a kind and the file that ends it are in :mod:`ifp.run_directory.kinds`, which does not depend on these.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pandas as pd
from matplotlib.figure import Figure

from analysis.conclusions import main_rows
from analysis.diffusion import Diffusion, diagnose_diffusion
from analysis.figures.comparison import draw_comparison
from analysis.figures.curves import draw_curves
from analysis.figures.distributions import draw_distributions
from analysis.figures.information import draw_information
from analysis.figures.kl_steps import draw_kl_steps
from analysis.figures.latents import draw_latents
from analysis.findings import Findings
from analysis.information_trace import InformationTrace
from analysis.watched_findings import WatchedFindings
from analysis.whole_findings import WholeFindings, cooling_branch, heating_branch
from annealing.errors import RunError
from ifp.annealing_test.annealed import FINDINGS_FILE, annealed_test
from ifp.annealing_test.config import AnnealConfig
from ifp.api.freezing_points import freezing_points
from ifp.comparison.config import CompareConfig
from ifp.comparison.study import study_rows
from ifp.evaluation.diffusion import DIFFUSION_FILE
from ifp.evaluation.run_shifts import run_shifts
from ifp.evaluation.traversal import traverse_run
from ifp.files.plain import read_file
from ifp.pages.annealing import annealing_sections, whole_sections
from ifp.pages.comparison import comparison_sections
from ifp.pages.page import Section
from ifp.pages.training import training_sections
from ifp.pages.watching import watching_sections
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory
from ifp.training.config import TrainConfig
from ifp.training.silence import trained_silence
from ifp.training.trained import trained_run
from ifp.watching.config import WatchConfig
from ifp.watching.watched import watched_run
from ifp.whole_annealing.config import WholeConfig
from ifp.whole_annealing.results import annealed_whole

_LARGEST = 256 * 2**20  # bytes of a table

RunFindings: TypeAlias = Findings | WholeFindings | Diffusion | WatchedFindings


@dataclass(frozen=True, eq=False)
class Diagnosed:
    """A finished run, and the conclusions from it.

    Attributes:
        run: its directory.
        findings: about an annealing test, whole-data annealing or a watched training; for training, the diffusion.
        trace: the information about factors that it recorded, if there were labels.
        diffusion: along that trace.
    """

    run: RunDirectory
    findings: RunFindings
    trace: InformationTrace | None = None
    diffusion: Diffusion | None = None


@dataclass(frozen=True)
class KindMethods:
    """What a finished run of one kind has.

    Attributes:
        config: type of the settings in its config.json.
        frame: reads its main table.
        figures: functions that draw it, by name.
        default_figure: the name of the figure that is drawn if none is named.
        sections: of its page.
        diagnosed: draws the conclusions.
        findings_file: name of the file in the run that keeps the findings.
    """

    config: type
    frame: Callable[[RunDirectory], pd.DataFrame]
    figures: Mapping[str, Callable[..., Figure]]
    default_figure: Callable[[RunDirectory], str]
    sections: Callable[[RunDirectory], list[Section]]
    diagnosed: Callable[[RunDirectory], Diagnosed]
    findings_file: str


def _table(name: str) -> Callable[[RunDirectory], pd.DataFrame]:
    """A reader of a run's CSV file of that name."""

    def read(run: RunDirectory) -> pd.DataFrame:
        try:
            return pd.read_csv(io.BytesIO(read_file(run.path / name, "a table", _LARGEST)))
        except ValueError as error:
            raise RunError(f"need a table in {run.path / name}, got: {str(error)[:200]}") from error

    return read


def _distributions(run: RunDirectory, *, kind: str = "box", against: RunDirectory | str | Path | None = None) -> Figure:
    if against is not None:
        return run_shifts(annealed_test(run), annealed_test(against)).plot(kind)
    tables = annealed_test(run).tables
    return draw_distributions(main_rows(tables.freezing), tables.spectral, kind)


def _curves(run: RunDirectory) -> Figure:
    annealed = annealed_test(run)
    return draw_curves(annealed.curves, main_rows(annealed.tables.freezing))


def _latents(run: RunDirectory) -> Figure:
    whole = annealed_whole(run)
    findings = whole.findings
    return draw_latents(
        cooling_branch(whole.curves),
        findings.latents,
        findings.thresholds[0],
        findings.predicted,
        heating_branch(whole.curves),
        findings.latents_melting,
    )


def _information(run: RunDirectory) -> Figure:
    trace = trained_run(run).information
    return draw_information([(run.path.name, trace, diagnose_diffusion(trace))])


def _information_or_curves(run: RunDirectory) -> str:
    """The first; for unlabelled data, which have no information about factors, the second."""
    return "information" if trained_run(run).trace.names else "curves"


def _watched_information(run: RunDirectory) -> Figure:
    trace = watched_run(run).information
    if trace is None:
        raise RunError(f"need a watched run with two records of labelled factors or more, {run.path} has fewer")
    return draw_information([(run.path.name, trace, diagnose_diffusion(trace))])


def _watched_curves(run: RunDirectory) -> Figure:
    watched = watched_run(run)
    if watched.findings.annealed:
        return freezing_points(run).plot()
    return draw_kl_steps(watched.readings.step, watched.readings.pressure, watched.readings.kl)


def _scores(run: RunDirectory) -> Figure:
    return draw_comparison(study_rows(run), run.data.name)


def _whole_diagnosed(run: RunDirectory) -> Diagnosed:
    whole = annealed_whole(run)
    return Diagnosed(run, whole.findings, whole.information, whole.findings.diffusion)


def _training_diagnosed(run: RunDirectory) -> Diagnosed:
    trained = trained_run(run, "a finished run of training")
    trace, silence = trained.information, trained_silence(trained)
    diffusion = replace(
        diagnose_diffusion(trace, trained.staged_plan), notes=() if silence is None else (str(silence),)
    )
    return Diagnosed(run, diffusion, trace, diffusion)


def _watched_diagnosed(run: RunDirectory) -> Diagnosed:
    watched = watched_run(run)
    return Diagnosed(run, watched.findings, watched.information, watched.findings.diffusion)


def _refuse_study(run: RunDirectory) -> Diagnosed:
    raise RunError(f"need a single run to diagnose, {run.path} is a study: name one of the runs in it")


METHODS: Mapping[Kind, KindMethods] = {
    Kind.ANNEALING_TEST: KindMethods(
        config=AnnealConfig,
        frame=lambda run: annealed_test(run).tables.freezing,
        figures={"distributions": _distributions, "curves": _curves},
        default_figure=lambda run: "distributions",
        sections=annealing_sections,
        diagnosed=lambda run: Diagnosed(run, annealed_test(run).concluded),
        findings_file=FINDINGS_FILE,
    ),
    Kind.WHOLE_ANNEALING: KindMethods(
        config=WholeConfig,
        frame=_table("freezing.csv"),
        figures={"curves": _latents},
        default_figure=lambda run: "curves",
        sections=whole_sections,
        diagnosed=_whole_diagnosed,
        findings_file=FINDINGS_FILE,
    ),
    Kind.TRAINING: KindMethods(
        config=TrainConfig,
        frame=_table("metrics.csv"),
        figures={
            "information": _information,
            "curves": lambda run: freezing_points(run).plot(),
            "traversal": traverse_run,
        },
        default_figure=_information_or_curves,
        sections=training_sections,
        diagnosed=_training_diagnosed,
        findings_file=DIFFUSION_FILE,
    ),
    Kind.WATCHED: KindMethods(
        config=WatchConfig,
        frame=_table("metrics.csv"),
        figures={"curves": _watched_curves, "information": _watched_information},
        default_figure=lambda run: "curves",
        sections=watching_sections,
        diagnosed=_watched_diagnosed,
        findings_file=FINDINGS_FILE,
    ),
    Kind.COMPARISON: KindMethods(
        config=CompareConfig,
        frame=_table("comparison.csv"),
        figures={"scores": _scores},
        default_figure=lambda run: "scores",
        sections=comparison_sections,
        diagnosed=_refuse_study,
        findings_file="",
    ),
}
