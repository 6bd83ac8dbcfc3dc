"""What train prints: what each latent holds at the end, and stages that ended too soon."""

import typer

from ifp.cli.tables import show
from ifp.run_directory.run import RunDirectory
from ifp.tables.training import UNLABELLED, latents, silent_stages
from ifp.training.trained import trained_run


def show_training(run: RunDirectory, *, json: bool = False) -> None:
    """The table of a finished run, after its warnings, and where its model is."""
    trained = trained_run(run)
    for warning in silent_stages(trained):
        typer.echo(warning, err=True)
    if not trained.trace.names:
        typer.echo(f"note: {UNLABELLED}", err=True)
    show(latents(trained), json=json)
    typer.echo(f"checkpoint: {run.path / 'checkpoint.safetensors'}  traversal: {run.path / 'traversal.png'}", err=True)
