"""``ifp spectrum``."""

from typing import Annotated

import typer

from ifp.cli import options


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("spectrum")(spectrum)


def spectrum(
    dataset: Annotated[str, typer.Option(help="Data set, e.g. dsprites.", metavar="NAME")],
    contexts: Annotated[int, typer.Option(help="Contexts, shared by all factors.", min=1)] = 1000,
    factors: options.FactorNames = None,
    likelihood: Annotated[str, typer.Option(help="bernoulli or gaussian.")] = "bernoulli",
    seed: Annotated[int, typer.Option(help="Of the contexts.", min=0)] = 0,
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Closed-form freezing points per factor, in seconds, without training.

    Example: ifp spectrum --dataset dsprites
    """
    from collections import defaultdict

    from analysis.distributions import summarise
    from ifp.cli.tables import show_table
    from ifp.contexts import spectrum as closed_form
    from ifp.datasets import load_dataset

    values: dict[str, list[float]] = defaultdict(list)
    ds = load_dataset(dataset, data_dir)
    for record in closed_form(
        ds, factors=options.name_list(factors), contexts=contexts, seed=seed, likelihood=likelihood
    ):
        values[record.factor].append(record.spectral_beta)
    rows = []
    for factor, betas in values.items():
        s = summarise(betas)
        rows.append({"factor": factor, "median": s.median, "q05": s.q05, "q25": s.q25, "q75": s.q75, "q95": s.q95})
    show_table(f"{ds.name}: closed-form freezing points over {contexts} contexts, beta in nats", rows, json=json)
