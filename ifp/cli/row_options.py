"""Options of rows of any data, which ``ifp suggest``, ``ifp train`` and ``ifp anneal`` share."""

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
Likelihood = Annotated[
    str | None,
    typer.Option(
        "--likelihood",
        help="bernoulli or gaussian; of rows also gaussian-shared, poisson, negative-binomial, softmax and others.",
        metavar="NAME",
    ),
]
LikelihoodSetting = Annotated[
    list[str] | None,
    typer.Option(
        "--set-likelihood", help="A setting of a likelihood of rows: variance=0.1.", metavar="NAME=VALUE",
    ),
]  # fmt: skip
