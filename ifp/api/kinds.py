"""What is done with a finished run of each kind: its config, main table, figures, page and diagnosis.

How a kind is called and which file ends it stands in :mod:`ifp.run_directory.kinds`, which knows nothing of these.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from analysis.conclusions import main_rows
from analysis.diffusion import Diffusion, diagnose_diffusion
from analysis.figures.comparison import draw_comparison
from analysis.figures.curves import draw_curves
from analysis.figures.distributions import draw_distributions
from analysis.figures.information import draw_information
from analysis.figures.latents import draw_latents
from analysis.findings import Findings
from analysis.whole_findings import WholeFindings, cooling_branch
from annealing.errors import RunError
from ifp.annealing_test.config import AnnealConfig
from ifp.annealing_test.diagnosis import diagnose_annealing
from ifp.annealing_test.freezing_csv import read_curves, read_tables
from ifp.api.freezing_points import freezing_points
from ifp.comparison.config import CompareConfig
from ifp.comparison.study import study_rows
from ifp.evaluation.diffusion import diagnose_training, information_trace
from ifp.evaluation.traversal import traverse_run
from ifp.files.npz import load_arrays
from ifp.files.plain import read_file
from ifp.pages.annealing import annealing_sections, whole_sections
from ifp.pages.comparison import comparison_sections
from ifp.pages.page import Section
from ifp.pages.training import training_sections
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory
from ifp.training.config import TrainConfig
from ifp.training.probe import TRACE
from ifp.whole_annealing.config import WholeConfig
from ifp.whole_annealing.results import WHOLE_CURVES, diagnose_whole, whole_findings

_LARGEST = 256 * 2**20  # bytes of a table


@dataclass(frozen=True)
class KindMethods:
    """What is done with a finished run of one kind.

    Attributes:
        config: the settings that its config.json holds.
        frame: its main table.
        figures: by name; the first is drawn where none is named.
        sections: of its page.
        diagnose: what is concluded from it, also written into it.
    """

    config: type
    frame: Callable[[RunDirectory], pd.DataFrame]
    figures: Mapping[str, Callable[..., Figure]]
    sections: Callable[[RunDirectory], list[Section]]
    diagnose: Callable[[RunDirectory], Findings | WholeFindings | Diffusion]

    def default_figure(self, run: RunDirectory) -> str:
        """The first figure; of training on unlabelled data, which has no information about factors, the curves."""
        return "curves" if "information" in self.figures and not _labelled(run) else next(iter(self.figures))


def _table(name: str) -> Callable[[RunDirectory], pd.DataFrame]:
    """A reader of a run's CSV file of that name."""

    def read(run: RunDirectory) -> pd.DataFrame:
        try:
            return pd.read_csv(io.BytesIO(read_file(run.path / name, "a table", _LARGEST)))
        except ValueError as error:
            raise RunError(f"need a table in {run.path / name}, got: {str(error)[:200]}") from error

    return read


def _distributions(run: RunDirectory, kind: str = "box") -> Figure:
    tables = read_tables(run)
    return draw_distributions(main_rows(tables.freezing), tables.spectral, kind)


def _curves(run: RunDirectory) -> Figure:
    freezing = read_tables(run).freezing
    return draw_curves(read_curves(run, freezing), main_rows(freezing))


def _latents(run: RunDirectory) -> Figure:
    findings = whole_findings(run)
    branch = cooling_branch(load_arrays(run.path / "curves.npz", WHOLE_CURVES))
    return draw_latents(branch, findings.latents, findings.thresholds[0], findings.predicted)


def _information(run: RunDirectory) -> Figure:
    trace = information_trace(run)
    return draw_information([(run.path.name, trace, diagnose_diffusion(trace))])


def _scores(run: RunDirectory) -> Figure:
    return draw_comparison(study_rows(run), run.about_data("name", str))


def _labelled(run: RunDirectory) -> bool:
    """Whether a training run's trace tells of factors."""
    return load_arrays(run.path / "trace.npz", TRACE)["mi"].shape[2] > 0


def _refuse_study(run: RunDirectory) -> Diffusion:
    raise RunError(f"need a single run to diagnose, {run.path} is a study: name one of the runs in it")


METHODS: Mapping[Kind, KindMethods] = {
    Kind.ANNEALING_TEST: KindMethods(
        config=AnnealConfig,
        frame=lambda run: read_tables(run).freezing,
        figures={"distributions": _distributions, "curves": _curves},
        sections=annealing_sections,
        diagnose=diagnose_annealing,
    ),
    Kind.WHOLE_ANNEALING: KindMethods(
        config=WholeConfig,
        frame=_table("freezing.csv"),
        figures={"curves": _latents},
        sections=whole_sections,
        diagnose=diagnose_whole,
    ),
    Kind.TRAINING: KindMethods(
        config=TrainConfig,
        frame=_table("metrics.csv"),
        figures={
            "information": _information,
            "curves": lambda run: freezing_points(run).plot(),
            "traversal": traverse_run,
        },
        sections=training_sections,
        diagnose=diagnose_training,
    ),
    Kind.COMPARISON: KindMethods(
        config=CompareConfig,
        frame=_table("comparison.csv"),
        figures={"scores": _scores},
        sections=comparison_sections,
        diagnose=_refuse_study,
    ),
}
