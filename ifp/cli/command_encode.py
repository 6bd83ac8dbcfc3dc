"""``ifp encode``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.help import MEASURE, OUTPUT, Command


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("encode", cls=Command, rich_help_panel=MEASURE)(encode)


def encode(
    run: options.TrainingRun = None,
    out: Annotated[
        Path, typer.Option("--out", help="npz to write.", metavar="FILE.npz", rich_help_panel=OUTPUT)
    ] = Path("codes.npz"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file in --out.", rich_help_panel=OUTPUT)
    ] = False,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
) -> None:
    """Encode every image of a training run's data set, and print the path of the npz.

    The npz holds codes and logvar (images, latents): means and log-variances of the posteriors, in the order of the
    data set. If the data set has labels, it also holds factors (images, factors) and factor_names. ifp score takes it.

    Examples:
        ifp encode --out codes.npz
        ifp encode runs/mine --out codes.npz --overwrite
    """
    from ifp.api.encode import encode as encoded
    from ifp.cli.progress import Following
    from ifp.cli.tables import show_notes

    found = encoded(run, data_dir, Following(str(out)), out=out, overwrite=overwrite, runs=runs)
    show_notes(found.silence)
    typer.echo(str(out))
