"""``ifp anneal``."""

from pathlib import Path
from typing import Annotated

import typer

from annealing.errors import IFPError, did_you_mean
from ifp.cli import options
from ifp.cli.help import MACHINE, MEASURE, Command
from ifp.run_directory.kinds import Kind


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("anneal", cls=Command, rich_help_panel=MEASURE)(anneal)


def anneal(
    dataset: options.DatasetName = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="action: each factor alone; full: all data, many latents.  [default: action]", metavar="NAME"
        ),
    ] = None,
    contexts: Annotated[int | None, typer.Option(help="Contexts measured per factor.  [default: 8]", min=1)] = None,
    factors: options.FactorNames = None,
    nuisance: options.Nuisance = None,
    likelihood: options.Likelihood = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="dense, conv, or optimal: an unlimited network at equilibrium.  [default: dense]", metavar="NAME"
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="heat-cool, or a published one: deft-2022, deft-2021.  [default: heat-cool]", metavar="NAME"),
    ] = None,
    latents: Annotated[int | None, typer.Option(help="Latents.  [default: 1, or 10 with --mode full]", min=1)] = None,
    repeats: Annotated[
        int | None, typer.Option(help="Networks per case; from 3 on the knee has an interval.  [default: 1]", min=1)
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Sweep slower until a point is bracketed this closely.  [default: 1.25]")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(help="... or until a case has taken so many steps.  [default: 16000]", min=1)
    ] = None,
    pressures: Annotated[
        str | None,
        typer.Option(help="Pressures LO:HI, in nats, that no case leaves, instead of --span.", metavar=options.RANGE),
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(help="The same in units of each case's spectral value.  [default: 0.3:3]", metavar=options.RANGE),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Only with --mode full: steps of cooling.  [default: 11500]", min=1)
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Only with --mode full: float32 or bfloat16.  [default: float32]",
            metavar="NAME",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    config: options.Config = None,
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
    scheduler: options.Scheduler = None,
    device: options.Device = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Measure where each factor freezes and melts, in contexts that all factors share.

    With --mode full one network with many latents sees all data while the pressure falls, labels or not. Writes a
    run (freezing.csv, curves.npz, ...) and prints a table of freezing points. Pressures beta are in nats, for a
    reconstruction summed over pixels.

    Examples:
        ifp anneal --dataset dsprites
        ifp anneal --dataset my.npz --factors hue,size --contexts 4
        ifp anneal --dataset dsprites --mode full --latents 10
        ifp anneal --config run.toml --seed 1
        ifp anneal --resume --out runs/mine
    """
    from ifp.annealing_test.diagnosis import diagnose_annealing
    from ifp.annealing_test.measure import annealing_test
    from ifp.annealing_test.run import open_annealing_run
    from ifp.cli.anneal_whole import anneal_whole_data
    from ifp.cli.progress import announce, resumable, show_progress
    from ifp.cli.tables import show
    from ifp.machine.cluster import cluster_at
    from ifp.tables.findings import freezing_points

    shared: dict[str, object] = {
        "dataset": dataset, "likelihood": likelihood, "seed": seed, "device": device, "threads": threads,
        "data_options": options.data_options(background, correlate, bins, data_seed) or None,
        "pressures": options.number_range(pressures, "--pressures"),
    }  # fmt: skip
    action = {
        "contexts": contexts, "factors": options.name_list(factors), "protocol": protocol, "repeats": repeats,
        "nuisance": nuisance,
        "span": options.number_range(span, "--span"),
    }  # fmt: skip
    pace = options.present({"tolerance": tolerance, "max_steps": max_steps})
    full = {"cool_steps": steps, "precision": precision}
    if _is_full(mode, out if resume else None):
        _refuse(options.present({**action, "network": network, "scheduler": scheduler} | pace), "--mode full")
        anneal_whole_data(
            options.present({**shared, **full, "latents": latents}),
            out=out, runs=runs, data_dir=data_dir, resume=resume, overwrite=overwrite, json=json,
        )  # fmt: skip
        return
    _refuse(options.present(full), "--mode action")
    if network == "optimal":
        if protocol not in (None, "equilibrium"):
            raise IFPError(f"need no other protocol with --network optimal, got {protocol}")
        action["protocol"], network = "equilibrium", None
    sweep = options.present({"network": network, "latents": latents, "pace": pace or None})
    given = {**shared, **action, "sweep": sweep or None}
    with cluster_at(scheduler) as cluster:
        ds, made, run = open_annealing_run(
            options.present(given),
            out=out, runs=runs, data_dir=data_dir, resume=resume, overwrite=overwrite,
        )  # fmt: skip
        announce(f"{ds.name}: {ds.source}", f"{run.path}/", ("config.json", "curves.npz", "freezing.csv"))
        with resumable(run):
            for _ in show_progress(annealing_test(ds, made, run, data_dir, cluster), "annealing"):
                pass
    show(freezing_points(diagnose_annealing(run)), json=json)
    typer.echo(f"freezing points: {run.path / 'freezing.csv'}", err=True)


def _is_full(mode: str | None, resumed: Path | None) -> bool:
    """Whether all data are annealed: as asked for or, where a run goes on, as it was."""
    if mode not in (None, "action", "full"):
        raise IFPError(f"need a mode out of action, full, got {mode!r}{did_you_mean(mode, ('action', 'full'))}")
    if mode is not None or resumed is None:
        return mode == "full"
    from ifp.run_directory.run import open_run

    return open_run(resumed).kind == Kind.WHOLE_ANNEALING


def _refuse(given: dict[str, object], mode: str) -> None:
    if given:
        names = {"cool_steps": "steps"}
        option = names.get(first := next(iter(given)), first).replace("_", "-")
        raise IFPError(f"need no --{option} with {mode}, which it does not apply to")
