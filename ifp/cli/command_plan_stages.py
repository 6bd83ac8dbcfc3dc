"""``ifp plan-stages``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from annealing.errors import IFPError
from ifp.cli import options
from ifp.cli.spectral_records import DEFAULT_CONTEXTS, spectral_records

_SPECTRUM_ONLY = (
    "--dataset", "--contexts", "--factors", "--nuisance", "--likelihood", "--seed", "--data-dir", "--background",
    "--correlate", "--bins", "--data-seed",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("plan-stages")(plan_stages)


def plan_stages(
    run: options.RunPath = None,
    plan_from: Annotated[
        str | None,
        typer.Option("--from", help="spectrum: plan from the closed form, with no run.", metavar="spectrum"),
    ] = None,
    dataset: options.DatasetName = None,
    contexts: Annotated[
        int | None,
        typer.Option(help=f"Contexts of the spectrum, shared by all factors.  [default: {DEFAULT_CONTEXTS}]", min=1),
    ] = None,
    factors: options.FactorNames = None,
    nuisance: options.Nuisance = None,
    likelihood: Annotated[str | None, typer.Option(help="bernoulli or gaussian.  [default: bernoulli]")] = None,
    seed: options.Seed = None,
    data_dir: options.DataDir = None,
    background: options.Background = None,
    correlate: options.Correlate = None,
    bins: options.Bins = None,
    data_seed: options.DataSeed = None,
    depth: Annotated[float, typer.Option(help="Stage pressure over its group's lowest freezing point.")] = 0.35,
    final_pressure: Annotated[float, typer.Option(help="beta of the last stage, in nats.")] = 1.0,
    group_size: Annotated[int, typer.Option(help="Latents of a group that has room.", min=1)] = 2,
    check: Annotated[Path | None, typer.Option(help="Only check a plan file.", metavar="FILE")] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
) -> None:
    """Plan the stages of DEFT; the plan is JSON on stdout, warnings go to stderr.

    From an annealing run or, with --from spectrum, from the closed form alone: the same stages with no training, but
    no predicted nats.

    Example: ifp plan-stages | ifp train --plan - --dataset dsprites

    Example: ifp plan-stages --from spectrum --dataset dsprites
    """
    from analysis.stages import plan_stages as plan
    from ifp.datasets import load_dataset
    from ifp.diagnosis import findings_of
    from ifp.plan_file import read_plan
    from ifp.planning import spectral_findings
    from ifp.runs import json_bytes

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
    if dataset is None:
        findings = findings_of(options.annealing_run(run, runs))
    else:
        ds = load_dataset(dataset, data_dir, **options.data_options(background, correlate, bins, data_seed))
        chosen, number = likelihood or "bernoulli", seed or 0
        records = spectral_records(
            ds, options.name_list(factors), contexts or DEFAULT_CONTEXTS, number, chosen, nuisance or "held"
        )
        findings = spectral_findings(ds, records, seed=number, likelihood=chosen)
    made = plan(findings, depth=depth, final_pressure=final_pressure, group_size=group_size)
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(json_bytes(made).decode(), nl=False)


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
    if run is not None:
        raise IFPError(f"need either a run or --from spectrum, got both: {run}")
    if "--dataset" not in settings:
        raise IFPError("need a data set with --from spectrum: --dataset NAME, e.g. --dataset dsprites")
