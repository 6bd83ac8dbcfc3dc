"""``ifp anneal``."""

from typing import Annotated

import typer

from ifp.cli import options, row_options
from ifp.cli.defaults import Source
from ifp.cli.help import MACHINE, MEASURE, command_with

DEFAULTS = (
    Source("ifp.annealing_test.config:AnnealConfig"),
    Source("annealing.sweep_config:SweepConfig"),
    Source("annealing.hysteresis:Pace"),
    Source("ifp.whole_annealing.config:WholeConfig", {"steps": "heat_steps"}, "with --mode full"),
    options.DATA_DEFAULTS,
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("anneal", cls=command_with(*DEFAULTS), rich_help_panel=MEASURE)(anneal)


def anneal(
    dataset: options.DatasetName = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="action: each factor alone; full: all data, many latents.  [default: action, of rows full]",
            metavar="NAME",
        ),
    ] = None,
    contexts: Annotated[int | None, typer.Option(help="Contexts measured per factor.", min=1)] = None,
    factors: options.FactorNames = None,
    nuisance: options.Nuisance = None,
    likelihood: row_options.Likelihood = None,
    set_likelihood: row_options.LikelihoodSetting = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="dense, conv, or optimal: an unlimited network at equilibrium; with --mode full conv or dense.",
            metavar="NAME",
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="heat-cool, or a published one: deft-2022, deft-2021; with --mode full whole-heat or whole-cool.",
            metavar="NAME",
        ),
    ] = None,
    latents: Annotated[int | None, typer.Option(help="Latents.", min=1)] = None,
    repeats: Annotated[
        int | None, typer.Option(help="Networks per case; from 3 on the knee has an interval.", min=1)
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Sweep slower until a point is bracketed this closely.")
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option(help="Stop a case after this many steps, even if its bracket is wider than --tolerance.", min=1),
    ] = None,
    pressures: Annotated[
        str | None,
        typer.Option(
            help="Sweep every case between these pressures, in nats, instead of --span.", metavar=options.RANGE
        ),
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(help="Sweep each case between these multiples of its spectral value.", metavar=options.RANGE),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Only with --mode full: steps of heating, or of cooling with whole-cool.", min=1)
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="Only with --mode full: float32 or bfloat16.", metavar="NAME", rich_help_panel=MACHINE),
    ] = None,
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
    scheduler: options.Scheduler = None,
    jobs: options.Jobs = None,
    device: options.Device = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Measure where each factor freezes and melts, in contexts that all factors share.

    Writes a run (freezing.csv, curves.npz, ...) and prints a table of freezing points. Pressures (beta) are in nats,
    for a reconstruction summed over pixels. With --mode full, one network with many latents learns the whole data set,
    with or without labels; it is heated until the latents melt, and then cooled. Rows of any data are annealed so.

    Examples:
        ifp anneal --dataset dsprites
        ifp anneal --dataset my.npz --factors hue,size --contexts 4
        ifp anneal --dataset dsprites --mode full --latents 10
        ifp anneal --dataset counts.npz --likelihood poisson --exposure total
        ifp anneal --config run.toml --seed 1
        ifp anneal --resume --out runs/mine
    """
    from ifp.api.anneal import anneal as annealed
    from ifp.cli.findings_table import show_freezing_points
    from ifp.cli.progress import Following

    opened = options.data_options(
        background, background_color, resize, correlate, bins, missing, factors_from, images_from, data_seed
    ) | options.present({"exposure": exposure, "labels": labels, "layer": layer})
    settings = options.present(
        {
            "mode": mode, "contexts": contexts, "factors": options.name_list(factors), "nuisance": nuisance,
            "likelihood": likelihood, "likelihood_settings": options.settings(set_likelihood) or None,
            "network": network, "protocol": protocol, "latents": latents,
            "repeats": repeats, "tolerance": tolerance, "max_steps": max_steps,
            "pressures": options.number_range(pressures, "--pressures"),
            "span": options.number_range(span, "--span"), "steps": steps, "precision": precision, "seed": seed,
            "device": device, "threads": threads,
            "data_options": opened or None,
        }
    )  # fmt: skip
    watch = Following()
    with watch.resumable("anneal"):
        run = annealed(
            dataset, out=out, runs=runs, data_dir=data_dir, scheduler=scheduler, jobs=jobs, resume=resume,
            overwrite=overwrite, watch=watch, **settings,
        )  # fmt: skip
    show_freezing_points(run.findings(), json=json)
    typer.echo(f"freezing points: {run.path / 'freezing.csv'}", err=True)
