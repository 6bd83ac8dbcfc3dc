"""From a finished run of any kind to its page."""

from collections.abc import Mapping
from pathlib import Path

from analysis.records import read_record
from annealing.errors import RunError
from ifp.api.kinds import METHODS
from ifp.pages.page import page
from ifp.run_directory.listing import described
from ifp.run_directory.run import RunDirectory, open_run, write_file


def write_report(run: RunDirectory | str | Path, out: Path | None = None) -> Path:
    """Write the report of a finished run, one HTML file, and return its path: in the run unless said otherwise.

    Raises:
        RunError: the run is not there or not finished, or the file cannot be written.
    """
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if not run.finished:
        raise RunError(f"need a finished run for a report, {run.path} is {described(run)}")
    methods = METHODS[run.kind]
    read_record(
        methods.config, run.config.get("settings"), f"settings of {run.path}", RunError
    )  # sections take them as read
    _require_versions(run)
    title = f"{run.about_data('name', str)}: {run.kind.label}"
    sides = " x ".join(map(str, run.about_data("image_shape", tuple[int, int, int])))
    lead = f"Run {run.path.name}, on {run.about_data('images', int):,} images of {sides}."
    path = out or run.path / "report.html"
    write_file(path, page(title, lead, methods.sections(run)))
    return path


def _require_versions(run: RunDirectory) -> None:
    """RunError where config.json lacks what a report tells beside settings and data."""
    if not isinstance(run.config.get("versions"), Mapping) or not isinstance(run.config.get("created"), str):
        raise RunError(f"need versions, and when the run was created, in {run.path / 'config.json'}")
