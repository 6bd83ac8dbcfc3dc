"""``ifp compare``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from annealing.errors import IFPError
from ifp.cli import options
from ifp.cli import training_options as training
from ifp.cli.completion import complete_objectives, complete_runs
from ifp.cli.defaults import Source
from ifp.cli.help import OUTPUT, RUN, TRAIN, command_with

DEFAULTS = (
    Source("ifp.comparison.config:CompareConfig"),
    Source("ifp.comparison.config", {"threads": "THREADS"}, only=True),
    training.DEFAULTS,
    options.DATA_DEFAULTS,
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("compare", cls=command_with(*DEFAULTS), rich_help_panel=TRAIN)(compare)


def compare(
    run: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN", help="Runs of training, or studies, at hand.", autocompletion=complete_runs),
    ] = None,
    dataset: options.DatasetName = None,
    objectives: Annotated[
        str | None,
        typer.Option(
            help="Objectives to train and compare.", metavar=options.NAMES, autocompletion=complete_objectives
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds.", min=1)] = None,
    plan: training.Plan = None,
    scores: Annotated[
        str | None,
        typer.Option(help="Scores to compare by.  [default: all, DCI by its fast stand-in]", metavar=options.NAMES),
    ] = None,
    set_: training.ObjectiveSetting = None,
    network: training.Network = None,
    latents: training.Latents = None,
    steps: training.Steps = None,
    batch_size: training.BatchSize = None,
    learning_rate: training.LearningRate = None,
    warmup: training.Warmup = None,
    likelihood: options.Likelihood = None,
    eval_every: training.EvalEvery = None,
    precision: training.Precision = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Figure, too: .png, .pdf or .svg.", metavar="FILE", rich_help_panel=OUTPUT),
    ] = None,
    force: training.Force = False,
    config: options.Config = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The first seed.", min=0, rich_help_panel=RUN)] = None,
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
    data_seed: options.DataSeed = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    scheduler: options.Scheduler = None,
    jobs: options.Jobs = None,
    device: options.Device = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Compare objectives over seeds: train and score what is missing, or take runs at hand.

    A study writes a directory: a training run and rows/NAME.json for every objective and seed, comparison.csv,
    comparison.png. A study that was stopped goes on from its rows with --resume. Runs at hand are only read.

    Examples:
        ifp compare --dataset dsprites-32 --objectives beta-vae,dip-vae-i --seeds 3
        ifp compare --dataset dsprites-32 --objectives deft --plan plan.json
        ifp compare runs/first runs/second --plot comparison.png
    """
    from ifp.cli.figure_file import require_figure_path, save_figure

    if plot is not None:
        require_figure_path(plot)
    opened = options.data_options(
        background, background_color, resize, correlate, bins, missing, factors_from, images_from, data_seed
    )
    settings = options.present(
        {
            "objectives": options.name_list(objectives), "seeds": seeds, "seed": seed,
            "scores": options.name_list(scores), "parameters": _by_objective(options.settings(set_)) or None,
            "data_options": opened or None,
            "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "warmup": warmup,
            "network": network, "latents": latents, "likelihood": likelihood, "eval_every": eval_every,
            "precision": precision, "device": device, "threads": threads,
        }
    )  # fmt: skip
    from ifp.api.compare import compare as compared
    from ifp.cli.comparison_table import show_comparison
    from ifp.cli.progress import Following

    watch = Following()
    with watch.resumable("compare"):
        found = compared(
            run or (), dataset=dataset, plan=plan, out=out, runs=runs, data_dir=data_dir, scheduler=scheduler,
            jobs=jobs, resume=resume, overwrite=overwrite, force=force, watch=watch, **settings,
        )  # fmt: skip
    show_comparison(found, json=json)
    if plot is not None:
        save_figure(found.plot(), plot)


def _by_objective(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """OBJECTIVE.NAME: VALUE as a mapping of mappings; IFPError for a name without its objective."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        objective, dot, name = key.partition(".")
        if not dot:
            raise IFPError(f"need --set OBJECTIVE.NAME=VALUE to compare, got {key!r}")
        found.setdefault(objective, {})[name] = value
    return found
