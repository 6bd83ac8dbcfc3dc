"""``ifp plan-stages``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from annealing.errors import IFPError
from ifp.cli import options
from ifp.cli.defaults import Source
from ifp.cli.help import TRAIN, command_with

DEFAULTS = (
    Source("analysis.stage_settings:StageSettings"), Source("ifp.api.spectrum:spectrum"), options.DATA_DEFAULTS,
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("plan-stages", cls=command_with(*DEFAULTS), rich_help_panel=TRAIN)(plan_stages)


def plan_stages(
    run: options.RunPath = None,
    plan_from: Annotated[
        str | None,
        typer.Option("--from", help="Plan from the closed form, with no run.", metavar="spectrum"),
    ] = None,
    dataset: options.DatasetName = None,
    contexts: Annotated[
        int | None, typer.Option(help="Contexts of the spectrum, shared by all factors.", min=1)
    ] = None,
    factors: options.FactorNames = None,
    nuisance: options.Nuisance = None,
    likelihood: options.Likelihood = None,
    config: options.Config = None,
    seed: options.Seed = None,
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
    stages: Annotated[
        int | None, typer.Option(help="How many stages.  [default: as many as can be told apart]", min=1)
    ] = None,
    pressures: Annotated[
        str | None,
        typer.Option(help="Pressures of all stages, falling: 70,30,12,1.  [default: chosen]", metavar=options.NAMES),
    ] = None,
    depth: Annotated[
        float | None,
        typer.Option(
            help="Stage pressure over its group's lowest freezing point.  "
            "[default: half, less of points of factors alone in their contexts]"
        ),
    ] = None,
    final_pressure: Annotated[float | None, typer.Option(help="beta of the last stage, in nats.")] = None,
    group_size: Annotated[
        int | None,
        typer.Option(help="Latents of a group that has room.  [default: as many as its factors need]", min=1),
    ] = None,
    gamma: Annotated[float | None, typer.Option(help="Scale the steps of groups that opened earlier by this.")] = None,
    settle: Annotated[
        float | None,
        typer.Option(
            help="Before a stage opens, let earlier groups settle for this share of it at each pressure in between."
        ),
    ] = None,
    check: Annotated[Path | None, typer.Option(help="Only check a plan file.", metavar="FILE")] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    jobs: options.Jobs = None,
) -> None:
    """Plan the stages of DEFT, and print the plan as JSON, which ifp train --plan takes.

    RUN is an annealing run. If it is of whole-data annealing, the plan is made of the latents that froze, with or
    without labels. RUN can also be a log of your own, as ifp diagnose takes it; then --dataset names the data. With
    --from spectrum and --dataset, nothing is trained: the plan is made of closed forms, each factor's value taking the
    factors that freeze before it as known. With --from spectrum and a run, it uses these values and the run's curves.
    Warnings go to stderr.

    Examples:
        ifp plan-stages | ifp train --plan - --dataset dsprites
        ifp plan-stages --from spectrum --dataset dsprites > plan.json
        ifp plan-stages log.csv --dataset pictures/ > plan.json
        ifp plan-stages --check plan.json
    """
    from ifp.cli.progress import Following

    opened = options.data_options(
        background, background_color, resize, correlate, bins, missing, factors_from, images_from, data_seed
    )
    spectral = options.present(
        {
            "dataset": dataset, "contexts": contexts, "factors": options.name_list(factors), "nuisance": nuisance,
            "likelihood": likelihood, "seed": seed, "data_dir": data_dir, "jobs": jobs,
            "data_options": opened or None,
        }
    )  # fmt: skip
    _check_source(run, plan_from, spectral, check)
    asked = options.present({"depth": depth, "final_pressure": final_pressure})
    if pressures is not None and asked:
        raise IFPError(f"need either --pressures or --{next(iter(asked)).replace('_', '-')}, got both")
    more = {"stages": stages, "gamma": gamma, "settle": settle, "group_size": group_size}
    settings = asked | options.present({"pressures": options.number_list(pressures, "--pressures"), **more})
    from analysis.plain_json import json_bytes
    from ifp.api.plan_stages import plan_stages as planned

    if check is not None:
        planned(plan=check)
        typer.echo(f"{check}: a valid plan", err=True)
        return
    order = plan_from is not None and dataset is None
    plan = planned(run, order=order, runs=runs, watch=Following("a plan to stdout"), **spectral, **settings)
    for warning in plan.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(json_bytes(plan).decode(), nl=False)


def _check_source(run: Path | None, plan_from: str | None, given: Mapping[str, object], check: Path | None) -> None:
    """IFPError where what is planned from is ambiguous or incomplete."""
    names = [f"--{name.replace('_', '-')}" for name in given]
    if plan_from is None:
        if names and run is not None and options.log_among([run]) is not None:
            names = [name for name in names if name in ("--contexts", "--factors", "--nuisance", "--seed", "--jobs")]
        if names:
            raise IFPError(f"need --from spectrum with {names[0]}: a plan from a run has the run's settings")
        return
    if plan_from != "spectrum":
        raise IFPError(f"need --from spectrum (leave it out to plan from a run), got --from {plan_from}")
    if check is not None:
        raise IFPError("need either --from spectrum or --check, got both")
    if run is None and "dataset" not in given:
        raise IFPError("need a data set or a run with --from spectrum: --dataset NAME, e.g. --dataset dsprites")
    others = [name for name in names if name not in ("--data-dir", "--jobs")]
    if run is not None and others:
        raise IFPError(
            f"need either a run or {others[0]} with --from spectrum, got both: the run {run} sets {others[0]}"
        )
