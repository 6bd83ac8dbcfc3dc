"""``ifp diagnose``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ifp.cli import options
from ifp.cli.completion import complete_runs
from ifp.cli.help import MEASURE, OUTPUT, Command

Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        help="Figure file: separability of annealing, shifts of two annealing runs, information along training.",
        metavar="FILE",
        rich_help_panel=OUTPUT,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("diagnose", cls=Command, rich_help_panel=MEASURE)(diagnose)


def diagnose(
    run: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN",
            help="Directories of runs; or a log: a CSV, or TensorBoard's events.  [default: the newest finished "
            "annealing run]",
            autocompletion=complete_runs,
        ),
    ] = None,
    plot: Plot = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    json: options.Json = False,
) -> None:
    """Conclude from runs: separability and predicted diffusion of annealing, diffusion of training.

    Of an annealing run: freezing points per factor, how well each pair can be told apart, and which factor's
    information is predicted to spread. Of two of them, which may differ in data set, image size, network or likelihood:
    how far the second's freezing points lie from the first's, per factor, beside what the closed form predicts. Of
    whole-data annealing: freezing points per latent, whose factor they are about, owners, and how information spread.
    Of training runs: the diffusion index, each factor's owner, at which step and pressure information began to spread,
    and of one by a plan what became of each factor's stage. Of a training that was watched (ifp.watch): when and where
    each latent froze or fell silent, and diffusion where it was told labels. Writes findings.json or diffusion.json
    into each run, but nothing into two annealing runs. Of a log of your own (a CSV or TensorBoard's events with step,
    beta, kl_0, kl_1 and so on): where each latent freezes and melts.

    Examples:
        ifp diagnose
        ifp diagnose runs/first runs/second --plot diffusion.png
        ifp diagnose runs/dsprites runs/dsprites-32 --plot shifts.png
        ifp diagnose log.csv --plot curves.png
    """
    from ifp.api.diagnose import diagnose as diagnosed
    from ifp.cli.diagnosis_table import show_diagnosis
    from ifp.cli.figure_file import require_figure_path, save_figure

    if plot is not None:
        require_figure_path(plot)
    log = options.log_among(run or [])
    asked: Any = log if log is not None else run or [None]
    found: Any = diagnosed(asked, runs=runs)
    figure: Any = None if plot is None else found.plot()  # what cannot be drawn is told before anything is written
    written = show_diagnosis(found, "" if log is None else log.name, json=json)
    if plot is not None:
        save_figure(figure, plot)
        written.append(plot)
    if written:
        typer.echo("written: " + " ".join(map(str, written)), err=True)
