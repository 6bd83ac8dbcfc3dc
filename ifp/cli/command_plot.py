"""``ifp plot-distributions`` and ``ifp plot-curves``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.help import LOOK, OUTPUT, Command
from ifp.run_directory.kinds import Kind

FigureOut = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Figure file: .png, .pdf or .svg.  [default: in the run]", metavar="FILE", rich_help_panel=OUTPUT
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command("plot-distributions", cls=Command, rich_help_panel=LOOK)(plot_distributions)
    app.command("plot-curves", cls=Command, rich_help_panel=LOOK)(plot_curves)


def plot_distributions(
    run: options.RunPath = None,
    kind: Annotated[str, typer.Option(help="Closed form as box or violin.", metavar="NAME")] = "box",
    out: FigureOut = None,
    runs: options.Runs = options.DEFAULT_RUNS,
) -> None:
    """Draw the distributions of freezing points per factor, and print the figure's path.

    Examples:
        ifp plot-distributions
        ifp plot-distributions runs/mine --kind violin --out freezing.pdf
    """
    from ifp.api.run import Run
    from ifp.cli.figure_file import save_figure

    found = options.annealing_run(run, runs)
    path = out or found.path / "distributions.png"
    save_figure(Run.of(found).plot("distributions", kind=kind), path)
    typer.echo(str(path))


def plot_curves(run: options.RunPath = None, out: FigureOut = None, runs: options.Runs = options.DEFAULT_RUNS) -> None:
    """Draw KL against pressure, heating and cooling, with the closed form, and print the figure's path.

    Of a run of whole-data annealing: a curve per latent, in the colour of the factor it froze about.

    Examples:
        ifp plot-curves
        ifp plot-curves runs/mine --out curves.svg
    """
    from ifp.api.run import Run
    from ifp.cli.figure_file import save_figure
    from ifp.run_directory.run import open_run
    from ifp.whole_annealing.results import require_whole_run

    whole = run is not None and open_run(run).kind == Kind.WHOLE_ANNEALING
    found = require_whole_run(run) if run is not None and whole else options.annealing_run(run, runs)
    path = out or found.path / "curves.png"
    save_figure(Run.of(found).plot("curves"), path)
    typer.echo(str(path))
