"""``ifp anneal --mode full``: whole-data annealing on the command line."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer

from ifp.cli.progress import announce, resumable, show_progress


def anneal_whole_data(
    given: Mapping[str, Any],
    *,
    out: Path | None,
    runs: Path,
    data_dir: Path | None,
    resume: bool,
    overwrite: bool,
    json: bool,
) -> None:
    """Open the run, or go on with it, anneal, and print what was found."""
    from ifp.cli.whole_table import show_whole
    from ifp.closed_form.factors import require_images
    from ifp.datasets import load_dataset
    from ifp.files.atomic import require_writable
    from ifp.run_directory.run import require_place
    from ifp.whole_annealing.predictions import with_predictions
    from ifp.whole_annealing.results import diagnose_whole
    from ifp.whole_annealing.run import open_whole_run, whole_annealing

    settings = dict(given)
    if out is not None and not resume:  # what is computed first takes its time
        require_place(out, overwrite=overwrite)
    require_writable(runs if out is None else out)
    if not resume and "dataset" in given:
        dataset = load_dataset(given["dataset"], data_dir, **given.get("data_options", {}))
        require_images(dataset)
        settings = with_predictions(dataset, given, lambda title: partial(show_progress, title=title))
    ds, config, run = open_whole_run(
        settings, out=out, runs=runs, data_dir=data_dir, resume=resume, overwrite=overwrite
    )
    announce(f"{ds.name}: {ds.source}", f"{run.path}/", ("config.json", "curves.npz", "freezing.csv", "findings.json"))
    with resumable(run):
        for _ in show_progress(whole_annealing(ds, config, run), "annealing"):
            pass
    show_whole(diagnose_whole(run), json=json)
    typer.echo(f"freezing points: {run.path / 'freezing.csv'}", err=True)
