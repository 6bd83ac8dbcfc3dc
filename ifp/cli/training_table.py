"""What train prints: what each latent holds at the end, and stages that ended too soon."""

import typer

from ifp.cli.tables import show
from ifp.datasets.dataset import Dataset
from ifp.run_directory.run import RunDirectory
from ifp.tables.training import UNLABELLED, latents, silent_stages


def show_training(run: RunDirectory, dataset: Dataset, *, json: bool = False) -> None:
    """The table of a finished run, after its warnings."""
    for warning in silent_stages(run):
        typer.echo(warning, err=True)
    if dataset.factors is None:
        typer.echo(f"note: {UNLABELLED}", err=True)
    show(latents(run, dataset.name, dataset.factors.names if dataset.factors else ()), json=json)
