"""``ifp compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annealing.errors import IFPError
from ifp.cli import options
from ifp.cli import training_options as training
from ifp.cli.completion import complete_objectives, complete_runs
from ifp.cli.help import OUTPUT, RUN, TRAIN, Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.comparison import Row


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("compare", cls=Command, rich_help_panel=TRAIN)(compare)


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
    seeds: Annotated[int | None, typer.Option(help="How many seeds.  [default: 5]", min=1)] = None,
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
        typer.Option(
            "--plot", help="Figure of runs at hand: .png, .pdf or .svg.", metavar="FILE", rich_help_panel=OUTPUT
        ),
    ] = None,
    force: training.Force = False,
    config: options.Config = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The first seed.  [default: 0]", min=0, rich_help_panel=RUN)
    ] = None,
    out: options.Out = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
    background: options.Background = None,
    correlate: options.Correlate = None,
    bins: options.Bins = None,
    data_seed: options.DataSeed = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    scheduler: options.Scheduler = None,
    device: options.Device = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Compare objectives over seeds: train and score what is missing, or take runs at hand.

    A study writes a directory: a training run and rows/NAME.json for every objective and seed, comparison.csv,
    comparison.png. Stopped, it goes on from its rows with --resume.

    Examples:
        ifp compare --dataset dsprites-32 --objectives beta-vae,dip-vae-i --seeds 3
        ifp compare --dataset dsprites-32 --objectives deft --plan plan.json
        ifp compare runs/first runs/second --plot comparison.png
    """
    from ifp.cli.progress import announce, resumable, show_progress

    if plot is not None:
        from ifp.cli.figure_file import require_figure_path

        require_figure_path(plot)
    common = {
        "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "warmup": warmup, "network": network,
        "latents": latents, "likelihood": likelihood, "eval_every": eval_every, "precision": precision,
        "device": device, "threads": threads,
    }  # fmt: skip
    given = options.present(
        {
            "dataset": dataset, "objectives": options.name_list(objectives), "seeds": seeds, "seed": seed,
            "scores": options.name_list(scores), "settings": options.present(common) or None,
            "parameters": _by_objective(options.settings(set_)) or None,
            "data_options": options.data_options(background, correlate, bins, data_seed) or None,
        }
    )  # fmt: skip
    if run:
        from ifp.comparison.config import QUICK
        from ifp.comparison.study import rows_of

        if others := [name for name in given if name != "scores"]:
            raise IFPError(f"need either runs to compare or settings of a study, got both: {', '.join(others)}")
        rows = rows_of(run, given.get("scores", QUICK), data_dir)
        _show(rows, run[0].name if len(run) == 1 else f"{len(rows)} runs", plot, json=json)
        return
    from ifp.training.plan import read_plan

    stages = (
        read_plan(plan) if plan is not None and options.first_process() else None
    )  # before the slow imports: fail early

    from ifp.comparison.study import compare_study, open_study, study_rows
    from ifp.machine.cluster import cluster_at

    if not resume and objectives is None:
        raise IFPError("need objectives to compare: --objectives a,b, or runs at hand")
    with cluster_at(scheduler) as cluster:
        ds, made, used, study = open_study(
            given, stages, out=out, runs=runs, data_dir=data_dir, resume=resume, overwrite=overwrite, force=force
        )
        announce(f"{ds.name}: {ds.source}", f"{study.path}/", ("config.json", "a run for each", "comparison.csv"))
        with resumable(study):
            for _ in show_progress(compare_study(ds, made, used, study, data_dir, cluster), "comparing"):
                pass
    _show(study_rows(study), ds.name, plot, json=json)
    typer.echo(f"written: {study.path / 'comparison.csv'} {study.path / 'comparison.png'}", err=True)


def _show(rows: "Sequence[Row]", title: str, plot: Path | None, *, json: bool) -> None:
    from analysis.plain_json import json_bytes
    from ifp.cli.tables import show
    from ifp.tables.comparison import comparison

    for row in rows:
        if row["status"] != "ok":
            typer.echo(f"warning: {row['run']}: {row['status']}", err=True)
    if json:
        typer.echo(json_bytes(list(rows)).decode(), nl=False)
    else:
        show(comparison(rows, title))
    if plot is not None:
        from analysis.figures.comparison import draw_comparison
        from ifp.cli.figure_file import save_figure

        save_figure(draw_comparison(rows, title), plot)


def _by_objective(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """OBJECTIVE.NAME: VALUE as a mapping of mappings; IFPError for a name without its objective."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        objective, dot, name = key.partition(".")
        if not dot:
            raise IFPError(f"need --set OBJECTIVE.NAME=VALUE to compare, got {key!r}")
        found.setdefault(objective, {})[name] = value
    return found
