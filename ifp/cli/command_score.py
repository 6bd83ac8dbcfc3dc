"""``ifp score``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.completion import complete_runs
from ifp.cli.help import MACHINE, MEASURE, RUN, Command
from ifp.machine.progress import S
from ifp.run_directory.kinds import Kind


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("score", cls=Command, rich_help_panel=MEASURE)(score)


def score(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN|CODES.npz",
            help="A training run, or codes and factors.  [default: the newest finished one]",
            autocompletion=complete_runs,
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Only these scores.  [default: all ten]", metavar=options.NAMES)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the samples drawn.", min=0, rich_help_panel=RUN)] = 0,
    jobs: Annotated[
        int, typer.Option(help="Factors that DCI fits side by side; -1: one per core.", rich_help_panel=MACHINE)
    ] = -1,
    runs: options.Runs = options.DEFAULT_RUNS,
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Score how disentangled codes are: MIG, DCI, SAP, FactorVAE, BetaVAE, modularity, explicitness, IRS.

    Of a run every image is encoded once (dSprites: minutes), and scores.json is written into it. An npz holds codes
    (rows, latents), factors (rows, factors) and may hold logvar. DCI fits boosted trees for every value of every
    factor, which takes minutes more; its fast stand-in has another name: --only dci-forest_disentanglement.

    Examples:
        ifp score --only mig,sap
        ifp score runs/mine --only dci-forest_disentanglement
        ifp score codes.npz --json
    """
    from analysis.plain_json import json_bytes
    from ifp.cli.progress import announce, show_progress
    from ifp.cli.tables import show, show_table
    from ifp.evaluation.scoring import codes_of_file, score_codes, score_run
    from ifp.run_directory.listing import newest_run
    from ifp.tables.training import kl_parts

    wanted = options.name_list(only)
    if run is not None and run.suffix == ".npz":
        found = score_codes(codes_of_file(run), seed=seed, only=wanted, n_jobs=jobs)
    else:
        run = run if run is not None else newest_run(runs, Kind.TRAINING).path
        path = run

        def watch(steps: Iterator[S]) -> Iterator[S]:  # from the first image on: what does not fit is told before
            announce(f"{path}: scores of every image", f"{path}/", ("scores.json",))
            return show_progress(steps, "encoding")

        found = score_run(run, seed=seed, only=wanted, n_jobs=jobs, data_dir=data_dir, watch=watch)
    if json:
        typer.echo(json_bytes(found).decode(), nl=False)
        return
    rows = [{"score": name, "value": value} for name, value in found.items() if isinstance(value, float)]
    if "kl_decomposition" in found:
        show(kl_parts(found["kl_decomposition"]))
    show_table(f"{run}: protocol {found['protocol']}, scikit-learn {found['scikit-learn']}", rows)
