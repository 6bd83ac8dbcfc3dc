"""From a finished run of any kind to its page."""

from pathlib import Path

from annealing.errors import RunError
from ifp.comparison_config import KIND as COMPARE
from ifp.report.annealing_page import annealing_sections, whole_sections
from ifp.report.comparison_page import comparison_sections
from ifp.report.page import page
from ifp.report.training_page import training_sections
from ifp.runs import Run, open_run, write_file
from ifp.whole_results import KIND as WHOLE

_KINDS = {
    "anneal": ("annealing test", annealing_sections),
    WHOLE: ("whole-data annealing", whole_sections),
    COMPARE: ("comparison", comparison_sections),
    "train": ("training", training_sections),
}


def write_report(run: Run | str | Path, out: Path | None = None) -> Path:
    """Write the report of a finished run, one HTML file, and return its path: in the run unless said otherwise.

    Raises:
        RunError: the run is not there or not finished, or the file cannot be written.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    if not run.finished:
        raise RunError(f"need a finished run for a report, {run.path} is not")
    name, sections = _KINDS[run.kind]
    data = run.config["data"]
    title = f"{data['name']}: {name}"
    lead = f"Run {run.path.name}, on {data['images']:,} images of {' x '.join(map(str, data['image_shape']))}."
    path = out or run.path / "report.html"
    write_file(path, page(title, lead, sections(run)))
    return path
