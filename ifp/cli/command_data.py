"""``ifp data list``, ``ifp data show`` and ``ifp data fetch``."""

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
    app.add_typer(
        data, name="data", help="List the data sets, look at one, fetch its public files.", rich_help_panel=DATA_SETS
    )


def list_families(data_dir: options.DataDir = None, json: options.Json = False) -> None:
    """List the data sets that are known: factors, images, whether they are here, size, licence, citation.

    Examples:
        ifp data list
        ifp data list --json
    """
    from ifp.cli.data_table import family_row, show_families
    from ifp.cli.tables import show_table
    from ifp.datasets import families

    rows = [family_row(name, family, data_dir) for name, family in families().items()]
    if json:
        show_table("", rows, json=True)
    else:
        show_families(rows)


def show(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH", help="Data set, or your own: an npz or a folder.", autocompletion=complete_datasets
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
    correlate: options.Correlate = None,
    bins: options.Bins = None,
    data_seed: options.DataSeed = None,
) -> None:
    """Draw random images and one row per factor, alone in one context, and print the figure's path.

    The number of images, factors and their sizes, nuisances and fingerprint are told on stderr.

    Examples:
        ifp data show dsprites --out dsprites.pdf
        ifp data show my.npz
    """
    from analysis.figures.samples import draw_samples
    from ifp.cli.data_table import show_facts
    from ifp.cli.figure_file import save_figure
    from ifp.closed_form.samples import sample_rows
    from ifp.datasets import load_dataset
    from ifp.files.names import file_name

    ds = load_dataset(dataset, data_dir, **options.data_options(background, correlate, bins, data_seed))
    show_facts(ds)
    title = ds.name if ds.factors is None else f"{ds.name}: random images; then each factor alone in one context"
    path = out or Path(f"{file_name(ds.name)}-samples.png")
    save_figure(draw_samples(sample_rows(ds), title), path)
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

    A file is there whole or not at all; files that are there already are only checked, nothing is overwritten.

    Examples:
        ifp data fetch dsprites
    """
    from ifp.cli.data_table import fetched_line
    from ifp.cli.download_bar import download_bar
    from ifp.cli.progress import announce
    from ifp.cli.stopping import STOPPED, exit_code
    from ifp.datasets import family_of
    from ifp.datasets.download import fetch_files, folder_of

    family = family_of(dataset)
    if family.files:
        announce(f"{dataset}: {family.size}", f"{folder_of(dataset, data_dir)}/", [each.name for each in family.files])
    else:
        typer.echo(f"nothing to fetch: {dataset} is made here", err=True)
    try:
        with download_bar() as report:
            for file in fetch_files(dataset, family, data_dir, report):
                typer.echo(fetched_line(file), err=True)
                typer.echo(str(file.path))
    except STOPPED as stopped:
        typer.echo(f"\nstopped; files that are whole are kept. Go on with:\n  ifp data fetch {dataset}", err=True)
        raise typer.Exit(exit_code(stopped)) from None
