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
    seed: Annotated[int | None, typer.Option(help="Seed of the samples drawn.", min=0, rich_help_panel=RUN)] = None,
    spread: Annotated[
        bool,
        typer.Option(
            "--spread", help="Repeat scores without an interval with five sample seeds: takes five times as long."
        ),
    ] = False,
    udr: Annotated[
        bool, typer.Option("--udr", help="Instead of scores, measure how far two or more runs agree; needs no labels.")
    ] = False,
    similarity: Annotated[
        str | None, typer.Option(help="Similarity of latents for --udr: spearman or lasso.", metavar="NAME")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Measure again the scores that scores.json already has.")
    ] = False,
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

    For a run, the images that the scores need are encoded (all of dSprites takes a minute or two). The run keeps scores
    and codes, and a score that scores.json already has is not measured again. For several runs on the same data, or a
    study, the spread of each score over seeds is printed too, beside the interval that it has at its number of samples.
    With --udr, each run gets its median agreement with the others, and no run keeps it.

    An npz holds codes (rows, latents) and factors (rows, factors; numbers or text), and may hold logvar. --bins and
    --missing apply to such a file only. The column exact is what the factors themselves score as codes, on the same
    rows. DCI is exact, with boosted trees for every value of every factor, and takes minutes; it has a fast stand-in
    under another name: --only dci-forest_disentanglement.

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
