"""``ifp.report``: from a finished run of any kind to its page."""

from collections.abc import Mapping
from pathlib import Path

from annealing.errors import RunError
from ifp.api.kinds import METHODS
from ifp.api.run import found_run
from ifp.pages.page import page
from ifp.run_directory.kinds import RUNS
from ifp.run_directory.listing import described
from ifp.run_directory.run import RunDirectory, write_file


def report(
    run: RunDirectory | str | Path | None = None, out: str | Path | None = None, *, runs: str | Path = RUNS
) -> Path:
    """Write the report of a finished run, one HTML file, and return its path.

    Args:
        run: or its directory; None: the newest finished one.
        out: the file; else report.html in the run.
        runs: where the newest run is looked for.

    Raises:
        RunError: the run is not there or not finished, or the file cannot be written.
    """
    found = found_run(run, runs, None)
    if not found.finished:
        raise RunError(f"need a finished run for a report, {found.path} is {described(found)}")
    methods = METHODS[found.kind]
    found.settings(methods.config)  # sections take them as read
    _require_versions(found)
    title = f"{found.data.name}: {found.kind.label}"
    sides = " x ".join(map(str, found.data.image_shape))
    images = f"{found.data.images:,} images of {sides}" if found.data.images else found.data.source
    lead = f"Run {found.path.name}, on {images}."
    path = found.path / "report.html" if out is None else Path(out)
    write_file(path, page(title, lead, methods.sections(found)))
    return path


def _require_versions(run: RunDirectory) -> None:
    """RunError where config.json lacks what a report tells beside settings and data."""
    if not isinstance(run.config.get("versions"), Mapping) or not isinstance(run.config.get("created"), str):
        raise RunError(f"need versions, and when the run was created, in {run.path / 'config.json'}")
