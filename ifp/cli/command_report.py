"""``ifp report``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.completion import complete_runs
from ifp.cli.help import LOOK, OUTPUT, Command


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("report", cls=Command, rich_help_panel=LOOK)(report)


def report(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN", help="A run's directory.  [default: the newest finished run]", autocompletion=complete_runs
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="HTML file.  [default: report.html in the run]", metavar="FILE", rich_help_panel=OUTPUT
        ),
    ] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
) -> None:
    """Write one self-contained HTML page about a run, and print its path.

    Examples:
        ifp report
        ifp report runs/mine --out mine.html
    """
    from ifp.api.report import report as reported

    typer.echo(str(reported(run, out, runs=runs)))
