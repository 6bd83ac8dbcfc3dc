"""``ifp diagnose``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annealing.errors import IFPError
from ifp.cli import options
from ifp.cli.completion import complete_runs
from ifp.cli.help import MEASURE, OUTPUT, Command
from ifp.run_directory.kinds import Kind

if TYPE_CHECKING:
    from ifp.run_directory.run import RunDirectory

Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        help="Figure file: separability of annealing, information along training.",
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
            help="Directories of runs, or a table, LOG.csv.  [default: the newest finished annealing run]",
            autocompletion=complete_runs,
        ),
    ] = None,
    plot: Plot = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    json: options.Json = False,
) -> None:
    """Conclude from runs: separability and predicted diffusion of annealing, diffusion of training.

    Of an annealing run: freezing points per factor, how well each pair can be told apart, and which factor's
    information is predicted to spread. Of whole-data annealing: freezing points per latent, whose factor they are
    about, owners, and how information spread. Of training runs: the diffusion index, each factor's owner, and at which
    step and pressure information began to spread. Writes findings.json or diffusion.json into each run. Of a table of
    your own (LOG.csv with step, beta, kl_0, kl_1 and so on): where each latent freezes and melts.

    Examples:
        ifp diagnose
        ifp diagnose runs/first runs/second --plot diffusion.png
        ifp diagnose log.csv --plot curves.png
    """
    from ifp.run_directory.run import open_run

    if plot is not None:
        from ifp.cli.figure_file import require_figure_path

        require_figure_path(plot)
    if run and any(path.suffix.lower() == ".csv" for path in run):
        if len(run) > 1:
            raise IFPError(f"need one table at a time, or runs alone, got {len(run)} paths: diagnose them one by one")
        _diagnose_table(run[0], plot, json=json)
        return
    given = [open_run(path) for path in run] if run else [options.annealing_run(None, runs)]
    kinds = {each.kind for each in given}
    if kinds == {Kind.ANNEALING_TEST} and len(given) == 1:
        _diagnose_annealing(given[0], plot, json=json)
    elif Kind.ANNEALING_TEST in kinds:
        raise IFPError(f"need one annealing run, or any number of runs of training, got {len(given)} runs")
    else:
        _diagnose_training(given, plot, json=json)
    written = [each.path / ("diffusion.json" if each.kind == Kind.TRAINING else "findings.json") for each in given]
    typer.echo("written: " + " ".join(map(str, [*written, *([plot] if plot else [])])), err=True)


def _diagnose_annealing(run: "RunDirectory", plot: Path | None, *, json: bool) -> None:
    from analysis.plain_json import json_bytes
    from ifp.annealing_test.diagnosis import diagnose_annealing
    from ifp.cli.figure_file import save_figure
    from ifp.cli.tables import show
    from ifp.tables.findings import distributions, freezing_points, pairs, risks, separability

    findings = diagnose_annealing(run)
    if not json:
        for table in (distributions(findings), separability(findings), *pairs(findings), risks(findings)):
            show(table)
        show(freezing_points(findings))
    else:
        typer.echo(json_bytes(findings).decode(), nl=False)
    if plot is not None:
        save_figure(findings.plot(), plot)


def _diagnose_table(path: Path, plot: Path | None, *, json: bool) -> None:
    """A table of (step, beta, KL per latent) from any program."""
    from analysis.plain_json import json_bytes
    from ifp.api.freezing_points import freezing_points
    from ifp.cli.figure_file import save_figure
    from ifp.cli.tables import show
    from ifp.tables.points import latent_points

    found = freezing_points(path)
    if json:
        typer.echo(json_bytes(found.points).decode(), nl=False)
    else:
        show(latent_points(found, path.name))
    if plot is not None:
        save_figure(found.plot(), plot)
        typer.echo(f"written: {plot}", err=True)


def _diagnose_training(runs: "list[RunDirectory]", plot: Path | None, *, json: bool) -> None:
    """Runs of training and of whole-data annealing."""
    from analysis.diffusion import diagnose_diffusion
    from analysis.figures.information import draw_information
    from analysis.plain_json import json_bytes
    from analysis.whole_findings import WholeFindings
    from ifp.cli.figure_file import save_figure
    from ifp.cli.tables import show
    from ifp.cli.whole_table import show_whole
    from ifp.evaluation.diffusion import diagnose_training, information_trace
    from ifp.tables.diffusion import events, indices, owners
    from ifp.whole_annealing.results import diagnose_whole, whole_findings

    labelled = [
        each for each in runs if each.kind != Kind.WHOLE_ANNEALING or whole_findings(each).diffusion is not None
    ]
    traces = [information_trace(each) for each in labelled]
    # before anything is written
    if len({trace.names for trace in traces}) > 1:
        raise IFPError("need runs on the same factors to set side by side, got runs on different ones")
    if plot is not None and not labelled:
        raise IFPError("need a run whose data have labelled factors for a figure of information, got none")
    concluded = [
        diagnose_whole(each) if each.kind == Kind.WHOLE_ANNEALING else diagnose_training(each) for each in runs
    ]
    found = [diagnose_diffusion(trace) for trace in traces]
    named = [each.path.name for each in labelled]
    if json:
        every = [{"run": str(run.path), "findings": each} for run, each in zip(runs, concluded, strict=True)]
        typer.echo(json_bytes(every if len(runs) > 1 else concluded[0]).decode(), nl=False)
    elif len(runs) > 1:
        show(indices(list(zip(named, found, strict=True))))
    else:
        if isinstance(concluded[0], WholeFindings):
            show_whole(concluded[0])
        for name, each in zip(named, found, strict=True):
            show(owners(name, each))
            if each.events:
                show(events(each))
            for first, second in each.mixed:
                typer.echo(f"warning: {first} and {second} are mixed in the same two latents", err=True)
    if plot is not None:
        save_figure(draw_information(list(zip(named, traces, found, strict=True))), plot)
