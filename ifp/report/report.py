"""From a finished run of any kind to its page."""

from collections.abc import Mapping
from pathlib import Path

from analysis.records import read_record
from annealing.errors import RunError
from ifp.annealing_config import AnnealConfig
from ifp.comparison_config import KIND as COMPARE
from ifp.comparison_config import CompareConfig
from ifp.report.annealing_page import annealing_sections, whole_sections
from ifp.report.comparison_page import comparison_sections
from ifp.report.page import page
from ifp.report.training_page import training_sections
from ifp.run_states import described
from ifp.runs import Run, open_run, write_file
from ifp.train_config import TrainConfig
from ifp.whole_annealing import WholeConfig
from ifp.whole_results import KIND as WHOLE

_KINDS = {
    "anneal": ("annealing test", AnnealConfig, annealing_sections),
    WHOLE: ("whole-data annealing", WholeConfig, whole_sections),
    COMPARE: ("comparison", CompareConfig, comparison_sections),
    "train": ("training", TrainConfig, training_sections),
}


def write_report(run: Run | str | Path, out: Path | None = None) -> Path:
    """Write the report of a finished run, one HTML file, and return its path: in the run unless said otherwise.

    Raises:
        RunError: the run is not there or not finished, or the file cannot be written.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    if not run.finished:
        raise RunError(f"need a finished run for a report, {run.path} is {described(run)}")
    name, settings, sections = _KINDS[run.kind]
    read_record(settings, run.config.get("settings"), f"settings of {run.path}", RunError)  # sections take them as read
    _require_versions(run)
    title = f"{run.about_data('name', str)}: {name}"
    sides = " x ".join(map(str, run.about_data("image_shape", tuple[int, int, int])))
    lead = f"Run {run.path.name}, on {run.about_data('images', int):,} images of {sides}."
    path = out or run.path / "report.html"
    write_file(path, page(title, lead, sections(run)))
    return path


def _require_versions(run: Run) -> None:
    """RunError where config.json lacks what a report tells beside settings and data."""
    if not isinstance(run.config.get("versions"), Mapping) or not isinstance(run.config.get("created"), str):
        raise RunError(f"need versions, and when the run was created, in {run.path / 'config.json'}")
