"""``ifp data list``, ``ifp data show``, ``ifp data fetch`` and ``ifp data clear``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.completion import complete_datasets
from ifp.cli.help import DATA, DATA_SETS, OUTPUT, Command, Group


def register(app: typer.Typer) -> None:
    """Add the group of commands to the app."""
    data = typer.Typer(cls=Group, no_args_is_help=True)
    data.command("list", cls=Command)(list_families)
    data.command("show", cls=Command)(show)
    data.command("fetch", cls=Command)(fetch)
    data.command("clear", cls=Command)(clear)
    app.add_typer(
        data,
        name="data",
        help="List the data sets, look at one, fetch its files, clear the cache.",
        rich_help_panel=DATA_SETS,
    )


def list_families(data_dir: options.DataDir = None, json: options.Json = False) -> None:
    """List the data sets that are known: factors, images, whether they are here, size, licence, citation.

    Examples:
        ifp data list
        ifp data list --json
    """
    from ifp.api.data import data_at_hand
    from ifp.cli.data_table import cache_line, show_families
    from ifp.cli.tables import show_table

    found = data_at_hand(data_dir)
    if json:
        show_table("", found.rows, json=True)
    else:
        show_families(found.rows)
        typer.echo(cache_line(found.cache, found.use), err=True)


def show(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH", help="Data set, or your own: a file or a folder.", autocompletion=complete_datasets
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Figure file: .png, .pdf or .svg.  [default: NAME-samples.png, here]",
            metavar="FILE",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
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
) -> None:
    """Draw random images and one row per factor, alone in one context, and print the figure's path.

    Prints the number of images, the factors and their sizes, the nuisances and the fingerprint to stderr.

    Examples:
        ifp data show dsprites --out dsprites.pdf
    """
    from ifp.api.data import look_at
    from ifp.cli.figure_file import save_figure

    opened = options.data_options(
        background, background_color, resize, correlate, bins, missing, factors_from, images_from, data_seed
    )
    look = look_at(dataset, data_dir, **opened)
    for name, fact in look.facts.items():
        typer.echo(f"{name + ':':13}{fact}", err=True)
    path = out or Path(f"{look.file_name}-samples.png")
    save_figure(look.figure, path)
    typer.echo(str(path))


def fetch(
    dataset: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Data set (ifp data list).", autocompletion=complete_datasets),
    ],
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            help="Where the files go.  [default: IFP_DATA_DIR/NAME, or the user's cache]",
            metavar="DIR",
            rich_help_panel=DATA,
        ),
    ] = None,
) -> None:
    """Fetch the public files of a data set, check them, and print their paths.

    A file arrives whole or not at all. Files that are already there are checked and never overwritten.

    Examples:
        ifp data fetch dsprites
    """
    from ifp.api.data import fetch_dataset
    from ifp.cli.data_table import fetched_line
    from ifp.cli.download_bar import download_bar
    from ifp.cli.progress import Following
    from ifp.cli.stopping import STOPPED, exit_code

    try:
        with download_bar() as report:
            for file in fetch_dataset(dataset, data_dir, report, Following()):
                typer.echo(fetched_line(file), err=True)
                typer.echo(str(file.path))
    except STOPPED as stopped:
        typer.echo(f"\nstopped; files that are whole are kept. Go on with:\n  ifp data fetch {dataset}", err=True)
        raise typer.Exit(exit_code(stopped)) from None


def clear(
    everything: Annotated[
        bool,
        typer.Option("--all", help="Also delete fetched files and data given as arrays.", rich_help_panel=DATA),
    ] = False,
) -> None:
    """Empty the cache of images, which are made or read again when a command needs them.

    Fetched public files stay. Data given as arrays stay too, because runs on them need them to go on.

    Examples:
        ifp data clear
        ifp data clear --all
    """
    from ifp.api.data import empty_cache
    from ifp.cli.data_table import cleared_line

    typer.echo(cleared_line(*empty_cache(everything=everything)), err=True)
