"""``ifp plot-distributions`` and ``ifp plot-curves``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ifp.cli import options
from ifp.cli.help import LOOK, OUTPUT, Command

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ifp.runs import Run

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
    from analysis.conclusions import main_rows
    from analysis.figures.distributions import draw_distributions
    from ifp.cli.figure_file import save_figure
    from ifp.freezing_file import read_tables

    found = options.annealing_run(run, runs)
    tables = read_tables(found)
    figure = draw_distributions(main_rows(tables.freezing), tables.spectral, kind)
    path = out or found.path / "distributions.png"
    save_figure(figure, path)
    typer.echo(str(path))


def plot_curves(run: options.RunPath = None, out: FigureOut = None, runs: options.Runs = options.DEFAULT_RUNS) -> None:
    """Draw KL against pressure, heating and cooling, with the closed form, and print the figure's path.

    Of a run of whole-data annealing: a curve per latent, in the colour of the factor it froze about.

    Examples:
        ifp plot-curves
        ifp plot-curves runs/mine --out curves.svg
    """
    from analysis.conclusions import main_rows
    from analysis.figures.curves import draw_curves
    from ifp.cli.figure_file import save_figure
    from ifp.freezing_file import read_curves, read_tables
    from ifp.runs import open_run
    from ifp.whole_results import KIND, require_whole_run

    if run is not None and open_run(run).kind == KIND:
        found = require_whole_run(run)
        figure = _draw_whole(found)
    else:
        found = options.annealing_run(run, runs)
        freezing = read_tables(found).freezing
        figure = draw_curves(read_curves(found, freezing), main_rows(freezing))
    path = out or found.path / "curves.png"
    save_figure(figure, path)
    typer.echo(str(path))


def _draw_whole(run: "Run") -> "Figure":
    """A curve per latent of a run of whole-data annealing."""
    from analysis.figures.latents import draw_latents
    from analysis.whole_findings import cooling_branch
    from ifp.run_arrays import WHOLE_CURVES, load_arrays
    from ifp.whole_results import whole_findings

    findings = whole_findings(run)
    branch = cooling_branch(load_arrays(run.path / "curves.npz", WHOLE_CURVES))
    return draw_latents(branch, findings.latents, findings.thresholds[0], findings.predicted)
