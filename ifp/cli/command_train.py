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
    objective: Annotated[
        str | None,
        typer.Option(
            help="deft, deft-hook, deft-separate (these need a plan), annealed-beta, annealed-vae, beta-tcvae, "
            "beta-vae, cascade-vae-c, control-vae, dip-vae-i, dip-vae-ii, dynamic-vae or factor-vae.  [default: deft]"
        ),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the objective, e.g. beta=4.", metavar="NAME=VALUE")
    ] = None,
    advance: Annotated[
        str | None,
        typer.Option(help="Stages by share of the steps, or once they stop learning: plateau.  [default: share]"),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A study's settings, under those given: locatello or deft-2021.")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="conv (4x4 kernels), conv-locatello (its code's, 2x2 in the last two), conv-small, conv-8, conv-32, "
            "dense.  [default: the objective's]"
        ),
    ] = None,
    latents: Annotated[int | None, typer.Option(help="Latents.  [default: the plan's, else 10]", min=1)] = None,
    steps: Annotated[int | None, typer.Option(help="Steps, divided over the stages.  [default: 6000]", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per step.  [default: 64]", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam.  [default: 0.0005]")] = None,
    warmup: Annotated[
        int | None, typer.Option(help="Steps over which the learning rate rises.  [default: 0]", min=0)
    ] = None,
    likelihood: Annotated[str | None, typer.Option(help="bernoulli or gaussian.  [default: bernoulli]")] = None,
    init_from: Annotated[
        str | None, typer.Option(help="Start from the parameters of this training run.", metavar="RUN")
    ] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between records.  [default: 250]", min=1)] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Steps between states to resume from.  [default: 250]", min=1)
    ] = None,
    checkpoint_minutes: Annotated[
        float | None, typer.Option(help="And at most so many minutes between them.  [default: no limit]")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="float32, bfloat16, or auto: bfloat16 where the hardware has it.  [default: auto]"),
    ] = None,
    compile_: Annotated[
        bool | None, typer.Option("--compile", help="Compile the networks (needs a C++ compiler).")
    ] = None,
    tensorboard: Annotated[
        bool | None, typer.Option("--tensorboard", help="Write events, too (needs ifp[tensorboard]).")
    ] = None,
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
    """Train DEFT on a plan's stages, or any of the objectives it is compared with.

    Writes a run: trace.npz, metrics.csv, scores.json, traversal.png, checkpoint.safetensors. Under torchrun the
    processes train one model, each on its share of every batch.

    Example: ifp plan-stages | ifp train --plan - --dataset dsprites
    """
    parameters = options.settings(set_) | options.present({"advance": advance})
    given = options.present(
        {
            "dataset": dataset, "objective": objective, "parameters": parameters or None, "latents": latents,
            "network": network, "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate,
            "warmup": warmup, "likelihood": likelihood, "init_from": init_from, "eval_every": eval_every,
            "checkpoint_every": checkpoint_every, "checkpoint_minutes": checkpoint_minutes, "precision": precision,
            "compile": compile_, "tensorboard": tensorboard, "seed": seed, "device": device, "threads": threads,
            "data_options": options.data_options(background, correlate, bins, data_seed) or None,
        }
    )  # fmt: skip
    from ifp.plan_file import read_plan

    stages = (
        read_plan(plan) if plan is not None and options.first_process() else None
    )  # before the slow imports: fail early

    from ifp.cli.progress import resumable, show_progress
    from ifp.cli.training_table import show_training
    from ifp.presets import with_preset
    from ifp.training import train_run
    from ifp.training_run import joined_run

    with joined_run(
        with_preset(preset, given), stages, out=out, runs=runs, data_dir=data_dir, resume=resume, overwrite=overwrite,
        force=force,
    ) as (workers, (ds, config, used, run)):  # fmt: skip
        steps_taken = train_run(ds, config, used, run, workers)
        if not workers.first:
            for _ in steps_taken:
                pass
            return
        typer.echo(f"{ds.name}: {ds.source}; writing {run.path}/", err=True)
        with resumable("train", run.path):
            for _ in show_progress(steps_taken, "training"):
                pass
    show_training(run, ds, json=json)
    typer.echo(f"checkpoint: {run.path / 'checkpoint.safetensors'}  traversal: {run.path / 'traversal.png'}", err=True)
