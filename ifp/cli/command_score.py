"""``ifp score``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.completion import complete_runs
from ifp.cli.defaults import Source
from ifp.cli.help import MACHINE, MEASURE, RUN, command_with


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    defaults = Source("ifp.api.score:score", {"jobs": "n_jobs"})
    app.command("score", cls=command_with(defaults), rich_help_panel=MEASURE)(score)


def score(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN|CODES.npz",
            help="A training run, or codes and factors.  [default: the newest finished one]",
            autocompletion=complete_runs,
        ),
    ] = None,
    only: Annotated[str | None, typer.Option(help="Only these scores.  [default: all]", metavar=options.NAMES)] = None,
    bins: options.Bins = None,
    missing: options.Missing = None,
    seed: Annotated[int | None, typer.Option(help="Of the samples drawn.", min=0, rich_help_panel=RUN)] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Measure again what scores.json has.")] = False,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Also print how much each latent tells of each factor.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(help="Factors that DCI fits side by side; -1: one per core.", rich_help_panel=MACHINE)
    ] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Score how disentangled codes are: MIG, DCI, SAP, FactorVAE, BetaVAE, modularity, explicitness, IRS.

    Of a run the images that the scores need are encoded (all of dSprites: a minute or two); scores and codes are kept
    in it, and what scores.json has of the run is not measured again. An npz holds codes (rows, latents), factors
    (rows, factors), numbers or text, and may hold logvar; --bins and --missing are of such a file. DCI fits boosted
    trees for every value of every factor, which takes minutes more; its fast stand-in has another name:
    --only dci-forest_disentanglement.

    Examples:
        ifp score --only mig,sap
        ifp score runs/mine --only dci-forest_disentanglement
        ifp score codes.npz --matrix
        ifp score codes.npz --json
    """
    from ifp.api.score import score as scored
    from ifp.cli.progress import Following
    from ifp.cli.score_table import show_scores

    given = options.present(
        {"only": options.name_list(only), "bins": bins, "missing": missing, "seed": seed, "n_jobs": jobs}
    )
    watch = Following("scores.json and posteriors.npz in the run")
    found = scored(run, runs=runs, data_dir=data_dir, save=True, anew=anew, matrix=matrix, watch=watch, **given)
    show_scores(found, json=json, matrix=matrix)
