"""``ifp traverse``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.defaults import Source
from ifp.cli.help import LOOK, OUTPUT, command_with

DEFAULTS = (
    Source("ifp.api.traverse:traverse"),
    Source("ifp.training.traversal", {"range_": "SPAN", "values": "COUNT"}, only=True),
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("traverse", cls=command_with(*DEFAULTS), rich_help_panel=LOOK)(traverse)


def traverse(
    run: options.TrainingRun = None,
    out: Annotated[
        Path, typer.Option("--out", help="Figure file: .png, .pdf or .svg.", metavar="FILE", rich_help_panel=OUTPUT)
    ] = Path("traversal.png"),
    image: Annotated[int | None, typer.Option(help="Index of the image that the other latents stay at.", min=0)] = None,
    latents: Annotated[
        str | None, typer.Option(help="Only these latents: 0,3.  [default: all]", metavar=options.NAMES)
    ] = None,
    range_: Annotated[
        str | None,
        typer.Option("--range", help="From where to where a latent runs, in prior deviations.", metavar=options.RANGE),
    ] = None,
    values: Annotated[int | None, typer.Option(help="Images along a row.", min=2)] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
) -> None:
    """Draw what each latent of a training run does while the others stay, and print the figure's path.

    Examples:
        ifp traverse
        ifp traverse runs/mine --latents 0,1 --out positions.svg
    """
    from ifp.api.traverse import traverse as traversed
    from ifp.cli.figure_file import require_figure_path, save_figure

    require_figure_path(out)
    given = options.present(
        {
            "image": image, "latents": options.whole_list(latents, "--latents"),
            "span": options.number_range(range_, "--range"), "count": values,
        }
    )  # fmt: skip
    save_figure(traversed(run, data_dir=data_dir, runs=runs, **given), out)
    typer.echo(str(out))
