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

Tables = Annotated[
    bool, typer.Option("--tables", help="Also print the long tables behind the findings.", rich_help_panel=OUTPUT)
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("diagnose", cls=Command, rich_help_panel=MEASURE)(diagnose)


def diagnose(
    run: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN",
            help="Directories of runs, or one log: a CSV, or TensorBoard events.  [default: the newest finished "
            "annealing run]",
            autocompletion=complete_runs,
        ),
    ] = None,
    plot: Plot = None,
    tables: Tables = False,
    runs: options.Runs = options.DEFAULT_RUNS,
    json: options.Json = False,
) -> None:
    """Say what runs or a log show: where factors freeze, which latent owns each, and where information spread.

    An annealing run gives the freezing points of each factor, how well each pair of factors can be told apart, and
    whose information is predicted to spread. Two annealing runs, which may differ in data set, image size, network or
    likelihood, give how far the freezing points of the second lie from those of the first, beside what the closed form
    predicts. Whole-data annealing gives the freezing point of each latent, the factor it is about, owners, and how
    information spread.

    Training runs give the diffusion index, the owner of each factor, and the step and pressure at which information
    began to spread. A run with a plan also gives what became of each factor's stage. A watched training (ifp.watch)
    gives when and where each latent froze or fell silent, and diffusion if it was given labels.

    Each step has a heading and a few sentences; --tables prints the long tables behind them, and ifp report shows them
    on a page. The findings go into each run as findings.json or diffusion.json; two annealing runs are only read. A log
    of your own (a CSV, or TensorBoard events, with step, beta, kl_0, kl_1 and so on) gives where each latent freezes
    and melts.

    Examples:
        ifp diagnose
        ifp diagnose runs/dsprites --tables
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
    written = show_diagnosis(found, "" if log is None else log.name, tables=tables, json=json)
    if plot is not None:
        save_figure(figure, plot)
        written.append(plot)
    if written:
        typer.echo("written: " + " ".join(map(str, written)), err=True)
