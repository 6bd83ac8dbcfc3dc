"""``ifp anneal``."""

from typing import Annotated

import typer

from ifp.cli import options


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("anneal")(anneal)


def anneal(
    dataset: options.DatasetName = None,
    contexts: Annotated[int | None, typer.Option(help="Contexts measured per factor.  [default: 8]", min=1)] = None,
    factors: options.FactorNames = None,
    likelihood: Annotated[str | None, typer.Option(help="bernoulli or gaussian.  [default: bernoulli]")] = None,
    network: Annotated[str | None, typer.Option(help="dense or conv.  [default: dense]")] = None,
    pressures: Annotated[
        str | None, typer.Option(help="Swept range LO:HI of every case, in nats, instead of --span.", metavar="LO:HI")
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(help="Swept range in units of each case's spectral value.  [default: 0.3:3]", metavar="LO:HI"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of heating, and again of cooling.  [default: 5000]", min=2)
    ] = None,
    seed: options.Seed = None,
    out: options.Out = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    device: options.Device = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Measure where each factor freezes and melts: contexts shared by all factors, heated and cooled.

    Writes a run (freezing.csv, curves.npz, ...) and prints a table of freezing points. Pressures beta are in nats,
    for a reconstruction summed over pixels.

    Example: ifp anneal --dataset dsprites --contexts 8
    """
    from ifp.annealing_test import annealing_test, open_annealing_run
    from ifp.cli.findings_table import show_findings
    from ifp.cli.progress import resumable, show_progress
    from ifp.diagnosis import diagnose

    given = {
        "dataset": dataset, "contexts": contexts, "factors": options.name_list(factors), "likelihood": likelihood,
        "pressures": options.pressure_range(pressures, "--pressures"), "span": options.pressure_range(span, "--span"),
        "seed": seed, "device": device, "threads": threads,
    }  # fmt: skip
    sweep = {"network": network, "heat_steps": steps, "cool_steps": steps}
    ds, config, run = open_annealing_run(
        options.present(given) | ({"sweep": options.present(sweep)} if options.present(sweep) else {}),
        out=out, runs=runs, data_dir=data_dir, resume=resume, overwrite=overwrite,
    )  # fmt: skip
    typer.echo(f"{ds.name}: {ds.source}; writing {run.path}/", err=True)
    with resumable("anneal", run.path):
        for _ in show_progress(annealing_test(ds, config, run), "annealing"):
            pass
    show_findings(diagnose(run), json=json)
    typer.echo(f"freezing points: {run.path / 'freezing.csv'}", err=True)
