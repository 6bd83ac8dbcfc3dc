"""``ifp score``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("score")(score)


def score(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN|CODES.npz]",
            help="A training run, or codes and factors.  [default: the newest finished one]",
        ),
    ] = None,
    only: Annotated[str | None, typer.Option(help="Only these scores: a,b.  [default: all ten]")] = None,
    seed: Annotated[int, typer.Option(help="Of the samples drawn.", min=0)] = 0,
    jobs: Annotated[int, typer.Option(help="Factors that DCI fits side by side; -1: one per core.")] = -1,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Score how disentangled codes are: MIG, DCI, SAP, FactorVAE, BetaVAE, modularity, explicitness, IRS.

    Of a run every image is encoded once (dSprites: minutes), and scores.json is written into it. An npz holds codes
    (rows, latents), factors (rows, factors) and may hold logvar. DCI fits boosted trees for every value of every
    factor, which takes minutes more; its fast stand-in has another name: --only dci-forest_disentanglement.

    Example: ifp score runs/train-dsprites-20260101-120000 --only mig,sap
    """
    from functools import partial

    from analysis.plain_json import json_bytes
    from ifp.cli.progress import show_progress
    from ifp.cli.tables import show, show_table
    from ifp.runs import newest_run
    from ifp.scoring import codes_of_file, score_codes, score_run
    from ifp.tables.training import kl_parts

    wanted = options.name_list(only)
    if run is not None and run.suffix == ".npz":
        found = score_codes(codes_of_file(run), seed=seed, only=wanted, n_jobs=jobs)
    else:
        run = run if run is not None else newest_run(runs, "train").path
        watch = partial(show_progress, title="encoding")
        found = score_run(run, seed=seed, only=wanted, n_jobs=jobs, data_dir=data_dir, watch=watch)
    if json:
        typer.echo(json_bytes(found).decode(), nl=False)
        return
    rows = [{"score": name, "value": value} for name, value in found.items() if isinstance(value, float)]
    if "kl_decomposition" in found:
        show(kl_parts(found["kl_decomposition"]))
    show_table(f"{run}: protocol {found['protocol']}, scikit-learn {found['scikit-learn']}", rows)
