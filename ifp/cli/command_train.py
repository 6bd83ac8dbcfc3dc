"""``ifp train``."""

from typing import Annotated

import typer

from ifp.cli import options


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("train")(train)


def train(
    plan: Annotated[str | None, typer.Option(help="Stage plan: a JSON file, or - for stdin.", metavar="FILE|-")] = None,
    dataset: options.DatasetName = None,
    objective: Annotated[str | None, typer.Option(help="deft or annealed-beta.  [default: deft]")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps, divided over the stages.  [default: 6000]", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per step.  [default: 64]", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam.  [default: 0.0005]")] = None,
    likelihood: Annotated[str | None, typer.Option(help="bernoulli or gaussian.  [default: bernoulli]")] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between records.  [default: 250]", min=1)] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Steps between states to resume from.  [default: 250]", min=1)
    ] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16.  [default: float32]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Use a plan made for other data.")] = False,
    seed: options.Seed = None,
    out: options.Out = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
    background: options.Background = None,
    correlate: options.Correlate = None,
    bins: options.Bins = None,
    data_seed: options.DataSeed = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    device: options.Device = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Train DEFT on a plan's stages (or, to compare with, one encoder under a falling beta).

    Writes a run: trace.npz, metrics.csv, scores.json, traversal.png, checkpoint.safetensors.

    Example: ifp plan-stages | ifp train --plan - --dataset dsprites
    """
    given = options.present(
        {
            "dataset": dataset, "objective": objective, "steps": steps, "batch_size": batch_size,
            "learning_rate": learning_rate, "likelihood": likelihood, "eval_every": eval_every,
            "checkpoint_every": checkpoint_every, "precision": precision, "seed": seed, "device": device,
            "threads": threads,
            "data_options": options.data_options(background, correlate, bins, data_seed) or None,
        }
    )  # fmt: skip
    from ifp.plan_file import read_plan

    stages = read_plan(plan) if plan is not None and not resume else None  # before the slow imports: fail early

    from ifp.cli.progress import resumable, show_progress
    from ifp.cli.training_table import show_training
    from ifp.training import open_training_run, train_run

    ds, config, used, run = open_training_run(
        given, stages, out=out, runs=runs, data_dir=data_dir, resume=resume, overwrite=overwrite, force=force
    )
    typer.echo(f"{ds.name}: {ds.source}; writing {run.path}/", err=True)
    with resumable("train", run.path):
        for _ in show_progress(train_run(ds, config, used, run), "training"):
            pass
    show_training(run, ds, json=json)
    typer.echo(f"checkpoint: {run.path / 'checkpoint.safetensors'}  traversal: {run.path / 'traversal.png'}", err=True)
