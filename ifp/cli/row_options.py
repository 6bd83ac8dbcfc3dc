"""Options of rows of any data, which ``ifp suggest`` and ``ifp train`` share."""

from typing import Annotated

import typer

from ifp.cli.help import DATA
from ifp.cli.options import NAMES

Exposure = Annotated[
    str | None,
    typer.Option(
        "--exposure", help="What a row's rates are multiplied by: a column, total (the row's sum) or none.",
        metavar="NAME", rich_help_panel=DATA,
    ),
]  # fmt: skip
Labels = Annotated[
    str | None,
    typer.Option("--labels", help="Columns of rows that are not features.", metavar=NAMES, rich_help_panel=DATA),
]
Layer = Annotated[
    str | None,
    typer.Option("--layer", help="Layer of an h5ad file, instead of X.", metavar="NAME", rich_help_panel=DATA),
]
