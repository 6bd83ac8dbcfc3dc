"""``ifp plan-stages``."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annealing.errors import IFPError
from ifp.cli import options
from ifp.cli.help import TRAIN, Command
from ifp.cli.spectral_records import DEFAULT_CONTEXTS, spectral_records
from ifp.run_directory.kinds import Kind

if TYPE_CHECKING:
    from ifp.datasets.dataset import Dataset

_SPECTRUM_ONLY = (
    "--dataset", "--contexts", "--factors", "--nuisance", "--likelihood", "--seed", "--data-dir", "--background",
    "--correlate", "--bins", "--data-seed",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("plan-stages", cls=Command, rich_help_panel=TRAIN)(plan_stages)


def plan_stages(
    run: options.RunPath = None,
    plan_from: Annotated[
        str | None,
        typer.Option("--from", help="Plan from the closed form, with no run.", metavar="spectrum"),
    ] = None,
    dataset: options.DatasetName = None,
    contexts: Annotated[
        int | None,
        typer.Option(help=f"Contexts of the spectrum, shared by all factors.  [default: {DEFAULT_CONTEXTS}]", min=1),
    ] = None,
    factors: options.FactorNames = None,
    nuisance: options.Nuisance = None,
    likelihood: options.Likelihood = None,
    config: options.Config = None,
    seed: options.Seed = None,
    data_dir: options.DataDir = None,
    background: options.Background = None,
    correlate: options.Correlate = None,
    bins: options.Bins = None,
    data_seed: options.DataSeed = None,
    stages: Annotated[
        int | None, typer.Option(help="How many stages.  [default: as many as can be told apart]", min=1)
    ] = None,
    pressures: Annotated[
        str | None,
        typer.Option(help="Pressures of all stages, falling: 70,30,12,1.  [default: chosen]", metavar=options.NAMES),
    ] = None,
    depth: Annotated[
        float | None, typer.Option(help="Stage pressure over its group's lowest freezing point.  [default: 0.35]")
    ] = None,
    final_pressure: Annotated[float | None, typer.Option(help="beta of the last stage, in nats.  [default: 1]")] = None,
    group_size: Annotated[int, typer.Option(help="Latents of a group that has room.", min=1)] = 2,
    gamma: Annotated[
        float | None, typer.Option(help="Scale of the steps of groups that opened earlier.  [default: 0.1]")
    ] = None,
    check: Annotated[Path | None, typer.Option(help="Only check a plan file.", metavar="FILE")] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
) -> None:
    """Plan the stages of DEFT, and print the plan as JSON, which ifp train --plan takes.

    From an annealing run; of one of whole-data annealing, from the latents that froze, labels or not. With --from
    spectrum and --dataset from closed forms with no training, each factor's with those known that freeze before; with
    --from spectrum and a run from these and the run's curves. Warnings go to stderr.

    Examples:
        ifp plan-stages | ifp train --plan - --dataset dsprites
        ifp plan-stages --from spectrum --dataset dsprites > plan.json
        ifp plan-stages --check plan.json
    """
    from analysis.plain_json import json_bytes
    from analysis.stage_settings import StageSettings
    from analysis.stages import plan_stages as plan
    from ifp.closed_form.spectrum import spectral_findings, with_order
    from ifp.datasets import load_dataset
    from ifp.evaluation.planning import planning_findings
    from ifp.run_directory.listing import newest_run
    from ifp.run_directory.resume import run_dataset
    from ifp.run_directory.run import open_run
    from ifp.training.plan import read_plan

    given = (
        dataset, contexts, factors, nuisance, likelihood, seed, data_dir, background, correlate or None, bins,
        data_seed,
    )  # fmt: skip
    settings = dict(zip(_SPECTRUM_ONLY, given, strict=True))
    _check_source(run, plan_from, options.present(settings), check)
    if check is not None:
        read_plan(str(check))
        typer.echo(f"{check}: a valid plan", err=True)
        return
    asked = options.present({"depth": depth, "final_pressure": final_pressure})
    if pressures is not None and asked:
        raise IFPError(f"need either --pressures or --{next(iter(asked)).replace('_', '-')}, got both")
    scaled = options.present({"gamma": gamma})
    listed = options.number_list(pressures, "--pressures")
    made_with = StageSettings(group_size=group_size, stages=stages, pressures=listed, **asked, **scaled)
    if dataset is None:
        found = newest_run(runs, Kind.ANNEALING_TEST) if run is None else open_run(run)
        findings = planning_findings(found)
        if plan_from is not None and found.kind != Kind.ANNEALING_TEST:
            raise IFPError(f"need an annealing run with --from spectrum, {found.path} is of kind {found.kind}")
        if plan_from is not None:
            ds = run_dataset(found, data_dir)
            names, shown = [each.factor for each in findings.factors], found.setting("nuisance", str)
            findings = with_order(findings, _order(ds, names, findings.likelihood, shown))
    else:
        ds = load_dataset(dataset, data_dir, **options.data_options(background, correlate, bins, data_seed))
        chosen, shown = likelihood or "bernoulli", nuisance or "held"
        number, wanted = seed or 0, options.name_list(factors)
        records = spectral_records(ds, wanted, contexts or DEFAULT_CONTEXTS, number, chosen, shown, "a plan to stdout")
        order = _order(ds, wanted, chosen, shown)
        findings = spectral_findings(ds, records, seed=number, likelihood=chosen, conditional=order)
    made = plan(findings, made_with)
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(json_bytes(made).decode(), nl=False)


def _order(dataset: "Dataset", factors: Sequence[str] | None, likelihood: str, nuisance: str) -> dict[str, float]:
    """Freezing points of the factors with those known that freeze before them."""
    from ifp.cli.progress import show_progress
    from ifp.closed_form.order import freezing_order, predicted_values

    watch = partial(show_progress, title="freezing order")
    order = freezing_order(dataset, factors=factors, likelihood=likelihood, nuisance=nuisance, watch=watch)
    return predicted_values(list(order))


def _check_source(run: Path | None, plan_from: str | None, settings: Mapping[str, object], check: Path | None) -> None:
    """IFPError where what is planned from is ambiguous or incomplete."""
    if plan_from is None:
        if settings:
            raise IFPError(
                f"need --from spectrum with {next(iter(settings))}: a plan from a run has the run's settings"
            )
        return
    if plan_from != "spectrum":
        raise IFPError(f"need --from spectrum, or no --from to plan from a run, got --from {plan_from}")
    if check is not None:
        raise IFPError("need either --from spectrum or --check, got both")
    if run is None and "--dataset" not in settings:
        raise IFPError("need a data set or a run with --from spectrum: --dataset NAME, e.g. --dataset dsprites")
    others = [name for name in settings if name != "--data-dir"]
    if run is not None and others:
        raise IFPError(f"need either a run or {others[0]} with --from spectrum: a run has its own, got both and {run}")
