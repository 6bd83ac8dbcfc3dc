"""What train prints: what each latent holds at the end, and stages that ended too soon."""

from pathlib import Path

import typer

from ifp.cli.tables import show, show_notes
from ifp.run_directory.run import RunDirectory
from ifp.tables.training import UNLABELLED, latents, silent_stages
from ifp.training.silence import trained_silence
from ifp.training.trained import trained_run


def show_training(run: RunDirectory, data_dir: Path | None = None, *, json: bool = False) -> None:
    """The table of a finished run, after its warnings, and where its model is."""
    trained = trained_run(run)
    for warning in silent_stages(trained):
        typer.echo(warning, err=True)
    show_notes(trained_silence(trained, data_dir))
    if not trained.trace.names:
        typer.echo(f"note: {UNLABELLED}", err=True)
    show(latents(trained), json=json)
    typer.echo(f"checkpoint: {run.path / 'checkpoint.safetensors'}  traversal: {run.path / 'traversal.png'}", err=True)
