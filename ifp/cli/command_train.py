"""``ifp train``."""

from typing import Annotated

import typer

from ifp.cli import options, row_options
from ifp.cli import training_options as training
from ifp.cli.completion import complete_objective, complete_presets, complete_runs, objective_names
from ifp.cli.defaults import Source
from ifp.cli.help import MACHINE, OUTPUT, TRAIN, command_with

DEFAULTS = (
    training.DEFAULTS,
    Source("ifp.objectives.staged:Staged", {"advance": "advance"}, only=True),
    options.DATA_DEFAULTS,
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("train", cls=command_with(*DEFAULTS), rich_help_panel=TRAIN)(train)


def train(
    plan: training.Plan = None,
    dataset: options.DatasetName = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(objective_names())}; the deft ones need a plan.",
            metavar="NAME",
            autocompletion=complete_objective,
        ),
    ] = None,
    set_: training.Setting = None,
    advance: Annotated[
        str | None,
        typer.Option(
            help="End a stage by its share of the steps (share), or once it stops learning (plateau).", metavar="NAME"
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Start from the settings of a study: locatello, deft-2022 or deft-2021; options given here win.",
            metavar="NAME",
            autocompletion=complete_presets,
        ),
    ] = None,
    network: training.Network = None,
    latents: training.Latents = None,
    steps: training.Steps = None,
    batch_size: training.BatchSize = None,
    learning_rate: training.LearningRate = None,
    warmup: training.Warmup = None,
    likelihood: row_options.Likelihood = None,
    set_likelihood: row_options.LikelihoodSetting = None,
    init_from: Annotated[
        str | None,
        typer.Option(
            help="Start from the parameters of this training run.", metavar="RUN", autocompletion=complete_runs
        ),
    ] = None,
    eval_every: training.EvalEvery = None,
    checkpoint_every: Annotated[int | None, typer.Option(help="Steps between states to resume from.", min=1)] = None,
    checkpoint_minutes: Annotated[
        float | None, typer.Option(help="Most minutes between states to resume from.  [default: no limit]")
    ] = None,
    tensorboard: Annotated[
        bool | None,
        typer.Option("--tensorboard", help="Write events, too (needs ifp[tensorboard]).", rich_help_panel=OUTPUT),
    ] = None,
    precision: training.Precision = None,
    compile_: Annotated[
        bool | None,
        typer.Option("--compile", help="Compile the networks (needs a C++ compiler).", rich_help_panel=MACHINE),
    ] = None,
    force: training.Force = False,
    config: options.Config = None,
    seed: options.Seed = None,
    out: options.Out = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
    background: options.Background = None,
    background_color: options.BackgroundColor = None,
    resize: options.Resize = None,
    correlate: options.Correlate = None,
    bins: options.Bins = None,
    missing: options.Missing = None,
    factors_from: options.FactorsFrom = None,
    images_from: options.ImagesFrom = None,
    exposure: row_options.Exposure = None,
    labels: row_options.Labels = None,
    layer: row_options.Layer = None,
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

    Examples:
        ifp plan-stages | ifp train --plan - --dataset dsprites
        ifp train --plan plan.json --dataset dsprites --steps 6000
        ifp train --objective beta-vae --set beta=4 --dataset dsprites
        ifp train --objective beta-vae --dataset counts.npz --likelihood poisson
        ifp train --config run.toml --seed 1
        ifp train --resume --out runs/mine
    """
    parameters = options.settings(set_) | options.present({"advance": advance})
    opened = options.data_options(
        background, background_color, resize, correlate, bins, missing, factors_from, images_from, data_seed
    ) | options.present({"exposure": exposure, "labels": labels, "layer": layer})
    settings = options.present(
        {
            "objective": objective, "parameters": parameters or None, "network": network, "latents": latents,
            "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "warmup": warmup,
            "likelihood": likelihood, "likelihood_settings": options.settings(set_likelihood) or None,
            "init_from": init_from, "eval_every": eval_every,
            "checkpoint_every": checkpoint_every, "checkpoint_minutes": checkpoint_minutes,
            "tensorboard": tensorboard, "precision": precision, "compile": compile_, "seed": seed, "device": device,
            "threads": threads,
            "data_options": opened or None,
        }
    )  # fmt: skip
    from ifp.api.train import train as trained
    from ifp.cli.progress import Following
    from ifp.cli.training_table import show_training
    from ifp.machine.data_parallel import first_process

    watch = Following()
    with watch.resumable("train"):
        run = trained(
            dataset, plan=plan, preset=preset, out=out, runs=runs, data_dir=data_dir, resume=resume,
            overwrite=overwrite, force=force, watch=watch, **settings,
        )  # fmt: skip
    if first_process():
        show_training(run, data_dir, json=json)
