"""``ifp suggest``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options, row_options
from ifp.cli.defaults import Source
from ifp.cli.help import DATA, MEASURE, OUTPUT, command_with


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("suggest", cls=command_with(Source("ifp.api.suggest:suggest")), rich_help_panel=MEASURE)(suggest)


def suggest(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Rows: npy, npz, HDF5, CSV, TSV, h5ad; or a data set of images, or pictures.",
            show_default=False,
        ),
    ],
    likelihood: Annotated[
        str | None,
        typer.Option(
            help="Likelihood of your decoder, e.g. bernoulli, gaussian-shared or negative-binomial.  "
            "[default: that of --loss, or what the values suggest]",
            metavar="NAME",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(help="Your own loss, e.g. mse-mean or nll-sum: also print weights of its KL.", metavar="NAME"),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows of a batch, where --loss sums one of its terms over it.", min=1)
    ] = None,
    kl_mean_over: Annotated[
        int | None, typer.Option(help="Latents that the KL of --loss is a mean over.  [default: a sum]", min=1)
    ] = None,
    modes: Annotated[int | None, typer.Option(help="How many modes to look at.", min=1)] = None,
    level: Annotated[float | None, typer.Option(help="Level of the test for chance.")] = None,
    exposure: row_options.Exposure = None,
    condition: Annotated[
        str | None,
        typer.Option(help="Column of categories that the decoder gets as input.", metavar="NAME", rich_help_panel=DATA),
    ] = None,
    labels: row_options.Labels = None,
    layer: row_options.Layer = None,
    seed: options.Seed = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Figure file: where modes freeze.", metavar="FILE", rich_help_panel=OUTPUT),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Say which beta to use for rows of any kind (counts, measurements, tables), without training anything.

    Prints how many modes of your data stand above chance, the pressure at which each one freezes, and the KL weight
    below which that many latents are awake. With --loss the weight is the number to write into your own loss. Pressures
    (beta) are in nats, for a negative log-likelihood summed over features. The first value holds for any network; the
    later ones are a guide.

    Examples:
        ifp suggest cells.h5ad --layer counts --exposure total
        ifp suggest table.csv --labels id,outcome --loss mse-mean
        ifp suggest poses.npy --loss mse-mean --plot modes.svg
    """
    from ifp.api.suggest import suggest as suggested
    from ifp.cli.figure_file import require_figure_path, save_figure
    from ifp.cli.progress import Following
    from ifp.cli.suggestion_table import show_suggestion

    if plot is not None:
        require_figure_path(plot)
    settings = options.present(
        {
            "likelihood": likelihood, "loss": loss, "batch_size": batch_size, "kl_mean_over": kl_mean_over,
            "modes": modes, "level": level, "exposure": exposure, "condition": condition,
            "labels": options.name_list(labels), "layer": layer, "seed": seed,
        }
    )  # fmt: skip
    found = suggested(data, watch=Following(f"{'JSON to stdout' if json else 'table to stderr'}, no file"), **settings)
    if plot is not None:
        save_figure(found.plot(), plot)
    show_suggestion(found, json=json)
    if plot is not None:
        typer.echo(f"written: {plot}", err=True)
