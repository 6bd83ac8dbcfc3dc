"""``ifp traverse``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.help import LOOK, OUTPUT, Command
from ifp.run_directory.kinds import Kind


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("traverse", cls=Command, rich_help_panel=LOOK)(traverse)


def traverse(
    run: options.TrainingRun = None,
    out: Annotated[
        Path, typer.Option("--out", help="Figure file: .png, .pdf or .svg.", metavar="FILE", rich_help_panel=OUTPUT)
    ] = Path("traversal.png"),
    image: Annotated[int, typer.Option(help="Index of the image that the other latents stay at.", min=0)] = 0,
    latents: Annotated[
        str | None, typer.Option(help="Only these latents: 0,3.  [default: all]", metavar=options.NAMES)
    ] = None,
    range_: Annotated[
        str,
        typer.Option("--range", help="From where to where a latent runs, in prior deviations.", metavar=options.RANGE),
    ] = "-2.5:2.5",
    values: Annotated[int, typer.Option(help="Images along a row.", min=2)] = 9,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
) -> None:
    """Draw what each latent of a training run does while the others stay, and print the figure's path.

    Examples:
        ifp traverse
        ifp traverse runs/mine --latents 0,1 --out positions.svg
    """
    import numpy as np

    from ifp.cli.figure_file import require_figure_path, save_figure
    from ifp.evaluation.traversal import traverse_run
    from ifp.run_directory.listing import newest_run

    require_figure_path(out)
    low, high = options.number_range(range_, "--range") or (-2.5, 2.5)
    found = newest_run(runs, Kind.TRAINING) if run is None else run
    figure = traverse_run(
        found,
        image=image,
        latents=options.whole_list(latents, "--latents"),
        values=np.linspace(low, high, values).tolist(),
        data_dir=data_dir,
    )
    save_figure(figure, out)
    typer.echo(str(out))
