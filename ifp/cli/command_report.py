"""``ifp report``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("report")(report)


def report(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="A run's directory.  [default: the newest finished run]")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="HTML file.  [default: report.html in the run]")] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
) -> None:
    """Write one self-contained HTML page about a run; prints its path.

    Example: ifp report runs/anneal-dsprites-20260101-120000
    """
    from ifp.report.report import write_report
    from ifp.runs import newest_run

    typer.echo(str(write_report(newest_run(runs, None) if run is None else run, out)))
