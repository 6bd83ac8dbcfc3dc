"""``ifp.report``: from finished runs of any kind to their page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from annealing.errors import IFPError, RunError
from ifp.api.kinds import METHODS
from ifp.api.run import found_run
from ifp.pages.page import page
from ifp.pages.summary import sections_of_runs
from ifp.run_directory.kinds import RUNS
from ifp.run_directory.listing import described
from ifp.run_directory.run import RunDirectory, write_file


def report(
    run: RunDirectory | str | Path | Sequence[RunDirectory | str | Path] | None = None,
    out: str | Path | None = None,
    *,
    runs: str | Path = RUNS,
) -> Path:
    """Write one HTML file that reports on a finished run, or on several, and return its path.

    Args:
        run: a run or its directory; None: the newest finished one. Several runs get a page with a summary and a section
            each.
        out: the file to write; by default report.html in the run. It is required for several runs.
        runs: where the newest run is looked for.

    Raises:
        RunError: a run is not there or not finished, or the file cannot be written.
        IFPError: several runs and no file to write to, or an empty list of runs.
    """
    given = list(run) if isinstance(run, Sequence) and not isinstance(run, str) else [run]
    if not given:
        raise IFPError("need a run or more for a report, got an empty list")
    if len(given) > 1 and out is None:
        raise IFPError("need --out FILE (out=) for the report of several runs, got none: it belongs to none of them")
    finished = [_finished(one, runs) for one in given]
    pages = [(one, _lead(one), METHODS[one.kind].sections(one)) for one in finished]
    first, lead, sections = pages[0]
    title = f"{first.data.name}: {first.kind.label}"
    if len(pages) > 1:
        title, lead, sections = f"{len(pages)} runs", "Side by side, then one by one.", sections_of_runs(pages)
    path = first.path / "report.html" if out is None else Path(out)
    write_file(path, page(title, lead, sections))
    return path


def _finished(run: RunDirectory | str | Path | None, runs: str | Path) -> RunDirectory:
    """The run, finished and with settings that its sections take as read."""
    found = found_run(run, runs, None)
    if not found.finished:
        raise RunError(f"need a finished run for a report, {found.path} is {described(found)}")
    found.settings(METHODS[found.kind].config)
    _require_versions(found)
    return found


def _lead(run: RunDirectory) -> str:
    sides = " x ".join(map(str, run.data.image_shape))
    images = f"{run.data.images:,} images of {sides}" if run.data.images else run.data.source
    return f"Run {run.path.name}, on {images}."


def _require_versions(run: RunDirectory) -> None:
    """RunError where config.json lacks what a report tells beside settings and data."""
    if not isinstance(run.config.get("versions"), Mapping) or not isinstance(run.config.get("created"), str):
        raise RunError(f"need versions, and when the run was created, in {run.path / 'config.json'}")
