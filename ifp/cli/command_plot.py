"""``ifp plot-distributions`` and ``ifp plot-curves``."""

from pathlib import Path
from typing import Annotated

import typer

from annealing.errors import IFPError
from ifp.cli import options
from ifp.cli.completion import complete_runs
from ifp.cli.defaults import Source
from ifp.cli.help import LOOK, OUTPUT, Command, command_with

FigureOut = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Figure file: .png, .pdf or .svg.  [default: in the run]", metavar="FILE", rich_help_panel=OUTPUT
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    distributions = command_with(Source("ifp.api.kinds:_distributions"))
    app.command("plot-distributions", cls=distributions, rich_help_panel=LOOK)(plot_distributions)
    app.command("plot-curves", cls=Command, rich_help_panel=LOOK)(plot_curves)


def plot_distributions(
    run: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN",
            help="A run's directory, or those of two runs.  [default: the newest finished annealing run]",
            autocompletion=complete_runs,
        ),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Closed form as box or violin.", metavar="NAME")] = None,
    out: FigureOut = None,
    runs: options.Runs = options.DEFAULT_RUNS,
) -> None:
    """Draw the distributions of freezing points per factor, and print the figure's path.

    With two runs, the figure has both distributions of every factor that both runs have, and how far the second run
    lies from the first.

    Examples:
        ifp plot-distributions
        ifp plot-distributions runs/mine --kind violin --out freezing.pdf
        ifp plot-distributions runs/dsprites runs/dsprites-32 --out shifts.png
    """
    from ifp.api.run import annealing_run
    from ifp.cli.figure_file import save_figure

    named = run or []
    if len(named) > 2:
        raise IFPError(f"need one or two runs, got {len(named)}: draw them two at a time")
    if len(named) == 2 and out is None:
        raise IFPError("need --out FILE for the figure of two runs, got none: the figure belongs to neither run")
    first, against = (*named, None, None)[:2]
    found = annealing_run(first, runs)
    path = out or found.path / "distributions.png"
    save_figure(found.plot("distributions", **options.present({"kind": kind, "against": against})), path)
    typer.echo(str(path))


def plot_curves(run: options.RunPath = None, out: FigureOut = None, runs: options.Runs = options.DEFAULT_RUNS) -> None:
    """Draw KL against pressure, heating and cooling, with the closed form, and print the figure's path.

    A run of whole-data annealing has a curve per latent, in the colour of the factor it froze about. A watched training
    has a curve per latent, drawn against the step if its pressure never moved.

    Examples:
        ifp plot-curves
        ifp plot-curves runs/mine --out curves.svg
    """
    from ifp.api.run import annealing_run
    from ifp.cli.figure_file import save_figure

    found = annealing_run(run, runs, whole=True)
    path = out or found.path / "curves.png"
    save_figure(found.plot("curves"), path)
    typer.echo(str(path))
