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
    of_runs = Source("ifp.api.score_runs:score_runs", {"similarity": "similarity"}, only=True)
    defaults = command_with(Source("ifp.api.score:score", {"jobs": "n_jobs"}), of_runs)
    app.command("score", cls=defaults, rich_help_panel=MEASURE)(score)


def score(
    run: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CODES.npz|RUN",
            help="One npz of codes and factors, or training runs.  [default: the newest finished run]",
            autocompletion=complete_runs,
        ),
    ] = None,
    only: Annotated[str | None, typer.Option(help="Only these scores.  [default: all]", metavar=options.NAMES)] = None,
    bins: options.Bins = None,
    missing: options.Missing = None,
    seed: Annotated[int | None, typer.Option(help="Of the samples drawn.", min=0, rich_help_panel=RUN)] = None,
    spread: Annotated[
        bool,
        typer.Option("--spread", help="Five sample seeds for scores without an interval: takes five times as long."),
    ] = False,
    udr: Annotated[
        bool, typer.Option("--udr", help="In place of scores, how far two runs or more agree: needs no labels.")
    ] = False,
    similarity: Annotated[
        str | None, typer.Option(help="Of latents, for --udr: spearman or lasso.", metavar="NAME")
    ] = None,
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
    """Score how disentangled codes are: MIG, MIG-sup, InfoMEC, DCI, SAP, FactorVAE, BetaVAE, IRS and more.

    Of a run the images that the scores need are encoded (all of dSprites: a minute or two); scores and codes are kept
    in it, and what scores.json has of the run is not measured again. Of several runs on the same data, or a study,
    also what the scores spread over seeds, apart from the interval that each has at its number of samples. With --udr
    each run's median agreement with the others, which is kept in none.

    An npz holds codes (rows, latents), factors (rows, factors), numbers or text, and may hold logvar; --bins and
    --missing are of such a file. Exact: what codes that are the factors score on the same rows. DCI is exact, boosted
    trees for every value of every factor, which takes minutes; its fast stand-in has another name: --only
    dci-forest_disentanglement.

    Examples:
        ifp score --only mig,sap
        ifp score runs/mine --only dci-forest_disentanglement
        ifp score codes.npz --matrix
        ifp score codes.npz --json
        ifp score runs/first runs/second --only mig,infom,infoc
        ifp score --udr runs/first runs/second
    """
    from ifp.api.score_runs import scored
    from ifp.cli.progress import Following
    from ifp.cli.score_table import show_scores

    given = options.present(
        {
            "only": options.name_list(only), "bins": bins, "missing": missing, "seed": seed, "n_jobs": jobs,
            "similarity": similarity,
        }
    )  # fmt: skip
    watch = Following("" if udr else "scores.json and posteriors.npz in the run")
    given |= {"save": not udr, "anew": anew, "spread": spread, "matrix": matrix, "data_dir": data_dir, "watch": watch}
    found = scored(run or (), udr=udr, runs=runs, **given)
    show_scores(found, json=json, matrix=matrix)
