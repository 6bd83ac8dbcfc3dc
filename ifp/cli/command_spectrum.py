"""``ifp spectrum``."""

from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.help import MEASURE, OUTPUT, RUN, Command
from ifp.cli.spectral_records import DEFAULT_CONTEXTS, spectral_records


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("spectrum", cls=Command, rich_help_panel=MEASURE)(spectrum)


def spectrum(
    dataset: options.RequiredDatasetName,
    contexts: Annotated[int, typer.Option(help="Contexts, shared by all factors.", min=1)] = DEFAULT_CONTEXTS,
    factors: options.FactorNames = None,
    nuisance: options.Nuisance = None,
    likelihood: Annotated[str, typer.Option(help="bernoulli or gaussian.", metavar="NAME")] = "bernoulli",
    config: options.Config = None,
    seed: Annotated[int, typer.Option(help="Of the contexts.", min=0, rich_help_panel=RUN)] = 0,
    data_dir: options.DataDir = None,
    background: options.Background = None,
    correlate: options.Correlate = None,
    bins: options.Bins = None,
    data_seed: options.DataSeed = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Compute closed-form freezing points, in seconds and without training.

    Of each factor: its action value, alone in a context, over contexts; its marginal value, by one code for the whole
    data set; and the order in which factors freeze, each step given those frozen before. Of a data set without
    labels: its leading eigenvalues. Pressures beta are in nats, for a reconstruction summed over pixels.

    Examples:
        ifp spectrum --dataset dsprites
        ifp spectrum --dataset dsprites --factors posX,scale --json
    """
    from dataclasses import asdict
    from functools import partial

    from analysis.plain_json import json_bytes
    from annealing.likelihood import likelihood_named
    from ifp.cli.progress import announce, show_progress
    from ifp.cli.spectrum_table import action_rows, show_action, show_eigenvalues, show_order
    from ifp.closed_form.order import freezing_order, predicted_values
    from ifp.closed_form.whole import whole_spectrum
    from ifp.datasets import load_dataset

    ds = load_dataset(dataset, data_dir, **options.data_options(background, correlate, bins, data_seed))
    names, writes = options.name_list(factors), f"{'JSON to stdout' if json else 'tables to stderr'}, no file"
    if ds.factors is None and names is None:
        likelihood_named(likelihood)
        announce(f"{ds.name}: {ds.source}", writes)
        watch = partial(show_progress, title="eigenvalues")
        values = whole_spectrum(ds, likelihood=likelihood, watch=watch)
        if json:
            typer.echo(json_bytes({"eigenvalues": values}).decode(), nl=False)
        else:
            show_eigenvalues(ds.name, values)
        return
    action = action_rows(spectral_records(ds, names, contexts, seed, likelihood, nuisance or "held", writes))
    watch = partial(show_progress, title="freezing order")
    order = list(freezing_order(ds, factors=names, likelihood=likelihood, nuisance=nuisance or "held", watch=watch))
    if json:
        marginal = {each.factor: each.value for each in order if not each.given}
        steps = [asdict(each) for each in order]
        found = {"action": action, "marginal": marginal, "order": steps, "predicted": predicted_values(order)}
        typer.echo(json_bytes(found).decode(), nl=False)
        return
    if action:
        show_action(ds.name, action)
    show_order(ds.name, order)
