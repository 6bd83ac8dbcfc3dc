"""``ifp encode``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from annealing.errors import IFPError
from ifp.cli import options
from ifp.cli.help import MEASURE, OUTPUT, Command
from ifp.machine.progress import S
from ifp.run_directory.kinds import Kind


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

    Its arrays: codes and logvar (images, latents), means and log-variances of the posteriors in the order of the data
    set; where there are labels factors (images, factors) and factor_names. ifp score takes it.

    Examples:
        ifp encode --out codes.npz
        ifp encode runs/mine --out codes.npz --overwrite
    """
    from ifp.api.encode import encode as encoded
    from ifp.cli.progress import announce, show_progress
    from ifp.files.atomic import require_writable
    from ifp.files.npz import npz_bytes
    from ifp.run_directory.listing import newest_run
    from ifp.run_directory.run import write_file

    if out.suffix != ".npz" or not out.parent.is_dir():
        raise IFPError(f"need a file ending in .npz in an existing folder, got {out}")
    if out.exists() and not overwrite:
        raise IFPError(f"need a new file for the codes, {out} is there (--overwrite)")
    require_writable(out.parent)
    found = newest_run(runs, Kind.TRAINING) if run is None else run

    def watch(steps: Iterator[S]) -> Iterator[S]:  # from the first image on: what does not fit is told before
        announce(f"{found if isinstance(found, Path) else found.path}: every image", out)
        return show_progress(steps, "encoding")

    arrays = encoded(found, data_dir, watch)
    write_file(out, npz_bytes(arrays))
    typer.echo(str(out))
