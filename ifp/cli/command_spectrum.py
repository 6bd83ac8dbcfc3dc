"""``ifp spectrum``."""

from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.defaults import Source
from ifp.cli.help import MEASURE, OUTPUT, command_with

DEFAULTS = (Source("ifp.api.spectrum:spectrum"), options.DATA_DEFAULTS)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("spectrum", cls=command_with(*DEFAULTS), rich_help_panel=MEASURE)(spectrum)


def spectrum(
    dataset: options.RequiredDatasetName,
    contexts: Annotated[int | None, typer.Option(help="Contexts, shared by all factors.", min=1)] = None,
    factors: options.FactorNames = None,
    pair: Annotated[
        str | None,
        typer.Option(
            help="Two factors: also show their modes together, and whether a latent can hold one of them alone.",
            metavar="A,B",
        ),
    ] = None,
    nuisance: options.Nuisance = None,
    likelihood: options.Likelihood = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="Your own loss, e.g. mse-mean or bce-mean: also show freezing points as weights of its KL.",
            metavar="NAME",
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images of a batch, where --loss sums one of its terms over it.", min=1)
    ] = None,
    kl_mean_over: Annotated[
        int | None, typer.Option(help="Latents that the KL of --loss is a mean over.  [default: a sum]", min=1)
    ] = None,
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
    jobs: options.Jobs = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Compute closed-form freezing points, in seconds and without training.

    Each factor has an action value (the factor alone in a context, over many contexts), a marginal value (one code for
    the whole data set), and a place in the order in which factors freeze (each step takes the factors frozen before as
    known). A data set without labels has leading eigenvalues instead. Pressures (beta) are in nats, for a
    reconstruction summed over pixels. With --loss, each pressure is also shown as the KL weight in that loss.

    Examples:
        ifp spectrum --dataset dsprites
        ifp spectrum --dataset dsprites --factors posX,scale --json
        ifp spectrum --dataset dsprites-32 --pair shape,orientation
        ifp spectrum --dataset pictures/ --likelihood gaussian --loss mse-mean
    """
    from ifp.api.spectrum import spectrum as spectrum_of
    from ifp.cli.progress import Following
    from ifp.cli.spectrum_table import show_spectrum

    opened = options.data_options(
        background, background_color, resize, correlate, bins, missing, factors_from, images_from, data_seed
    )
    settings = options.present(
        {
            "contexts": contexts, "factors": options.name_list(factors), "nuisance": nuisance,
            "likelihood": likelihood, "seed": seed, "loss": loss, "batch_size": batch_size,
            "kl_mean_over": kl_mean_over, "pair": options.name_list(pair),
            "data_options": opened or None,
        }
    )  # fmt: skip
    watch = Following(f"{'JSON to stdout' if json else 'tables to stderr'}, no file")
    show_spectrum(spectrum_of(dataset, data_dir=data_dir, order=True, jobs=jobs, watch=watch, **settings), json=json)
