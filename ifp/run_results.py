"""A finished run's main table as a frame, and its figures."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.conclusions import main_rows
from analysis.diffusion import diagnose_diffusion
from analysis.figures.comparison import draw_comparison
from analysis.figures.curves import draw_curves
from analysis.figures.distributions import draw_distributions
from analysis.figures.information import draw_information
from analysis.figures.latents import draw_latents
from analysis.whole_findings import cooling_branch
from annealing.errors import IFPError, RunError, did_you_mean
from ifp.comparison import study_rows
from ifp.comparison_config import KIND as COMPARE
from ifp.freezing_file import read_curves, read_tables
from ifp.latent_table import freezing_points
from ifp.run_arrays import TRACE, WHOLE_CURVES, load_arrays
from ifp.run_files import read_file
from ifp.run_states import described
from ifp.runs import Run
from ifp.training_diagnosis import information_trace
from ifp.traversal import traverse_run
from ifp.whole_results import KIND as WHOLE
from ifp.whole_results import whole_findings

_LARGEST = 256 * 2**20  # bytes of a table


def frame_of(run: Run) -> pd.DataFrame:
    """The run's main table: freezing.csv of annealing, metrics.csv of training, comparison.csv of a study.

    Raises:
        RunError: the run is not finished, or the file is missing or damaged.
    """
    _require_finished(run)
    if run.kind == "anneal":
        return read_tables(run).freezing
    name = {WHOLE: "freezing.csv", COMPARE: "comparison.csv"}.get(run.kind, "metrics.csv")
    try:
        return pd.read_csv(io.BytesIO(read_file(run.path / name, "a table", _LARGEST)))
    except ValueError as error:
        raise RunError(f"need a table in {run.path / name}, got: {str(error)[:200]}") from error


def figure_of(run: Run, what: str | None = None, **style: Any) -> Figure:
    """A figure of a finished run; without a name the first of its kind.

    Args:
        what: of an annealing test ``distributions`` (``kind="box"`` or ``"violin"``) or ``curves``; of whole-data
            annealing ``curves``; of training ``information`` (labelled data), ``curves`` or ``traversal`` (``image=0,
            latents=[0, 1]``); of a study ``scores``.

    Raises:
        IFPError: another name.
        RunError: the run is not finished, or a file of it is damaged.
    """
    _require_finished(run)
    figures = _FIGURES[run.kind]
    if what is None:
        what = "curves" if run.kind == "train" and not _labelled(run) else next(iter(figures))
    if what not in figures:
        near = did_you_mean(what, figures)
        raise IFPError(f"need a figure out of {', '.join(figures)} of {run.path}, got {what!r}{near}")
    return figures[what](run, **style)


def _distributions(run: Run, kind: str = "box") -> Figure:
    tables = read_tables(run)
    return draw_distributions(main_rows(tables.freezing), tables.spectral, kind)


def _curves(run: Run) -> Figure:
    freezing = read_tables(run).freezing
    return draw_curves(read_curves(run, freezing), main_rows(freezing))


def _latents(run: Run) -> Figure:
    findings = whole_findings(run)
    branch = cooling_branch(load_arrays(run.path / "curves.npz", WHOLE_CURVES))
    return draw_latents(branch, findings.latents, findings.thresholds[0], findings.predicted)


def _information(run: Run) -> Figure:
    trace = information_trace(run)
    return draw_information([(run.path.name, trace, diagnose_diffusion(trace))])


def _scores(run: Run) -> Figure:
    return draw_comparison(study_rows(run), run.about_data("name", str))


_FIGURES: Mapping[str, Mapping[str, Callable[..., Figure]]] = {
    "anneal": {"distributions": _distributions, "curves": _curves},
    WHOLE: {"curves": _latents},
    "train": {
        "information": _information,
        "curves": lambda run: freezing_points(run).plot(),
        "traversal": traverse_run,
    },
    COMPARE: {"scores": _scores},
}


def _labelled(run: Run) -> bool:
    """Whether a training run's trace tells of factors."""
    return load_arrays(run.path / "trace.npz", TRACE)["mi"].shape[2] > 0


def _require_finished(run: Run) -> None:
    if not run.finished:
        raise RunError(f"need a finished run, {run.path} is {described(run)}")
