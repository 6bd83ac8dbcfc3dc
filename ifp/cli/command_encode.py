"""``ifp encode``."""

from pathlib import Path
from typing import Annotated

import typer

from annealing.errors import IFPError
from ifp.cli import options


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("encode")(encode)


def encode(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="A training run.  [default: the newest finished one]")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="npz to write.")] = Path("codes.npz"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file in --out.")] = False,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
) -> None:
    """Encode every image of a run's data set; prints the path of the npz that ifp score takes.

    Its arrays: codes and logvar (images, latents), means and log-variances of the posteriors in the order of the data
    set; where there are labels factors (images, factors) and factor_names.

    Example: ifp encode runs/train-dsprites-20260101-120000 --out codes.npz
    """
    from functools import partial

    from ifp.cli.progress import show_progress
    from ifp.encoding import encode
    from ifp.run_files import npz_bytes, require_writable
    from ifp.runs import newest_run, write_file

    if out.suffix != ".npz" or not out.parent.is_dir():
        raise IFPError(f"need a file ending in .npz in an existing folder, got {out}")
    if out.exists() and not overwrite:
        raise IFPError(f"need a new file for the codes, {out} is there (--overwrite)")
    require_writable(out.parent)
    found = newest_run(runs, "train") if run is None else run
    arrays = encode(found, data_dir, partial(show_progress, title="encoding"))
    write_file(out, npz_bytes(arrays))
    typer.echo(str(out))
