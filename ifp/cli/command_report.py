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
        list[Path] | None,
        typer.Argument(
            metavar="RUN",
            help="A run's directory, or those of several runs.  [default: the newest finished run]",
            autocompletion=complete_runs,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="HTML file.  [default: report.html in the run]", metavar="FILE", rich_help_panel=OUTPUT
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.", rich_help_panel=OUTPUT)] = False,
    runs: options.Runs = options.DEFAULT_RUNS,
) -> None:
    """Write one self-contained HTML page about a run, or several side by side, and print its path.

    Records of training, pressures of annealing and traversals stand under sliders; with scripts off the page has all of
    it as pictures and tables. It loads nothing.

    Examples:
        ifp report
        ifp report runs/mine --out mine.html --open
        ifp report runs/first runs/second --out both.html
    """
    import webbrowser  # here: no other command needs it

    from ifp.api.report import report as reported

    path = reported(run or None, out, runs=runs)
    typer.echo(str(path))
    if show and not webbrowser.open(path.resolve().as_uri()):
        typer.echo(f"there is no browser here: open {path} in one of yours", err=True)
