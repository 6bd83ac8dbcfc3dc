"""What diagnose prints of runs and of anyone's tables: a heading for each step, findings, then where to look."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import typer

from analysis.findings import Findings
from analysis.freezing_points import FreezingPoints
from analysis.names import in_one_line
from analysis.plain_json import json_bytes
from analysis.run_shifts import RunShifts
from analysis.watched_findings import WatchedFindings
from analysis.whole_findings import WholeFindings
from ifp.api.diagnose import Diagnoses
from ifp.api.kinds import Diagnosed
from ifp.cli.tables import show, show_notes
from ifp.cli.terminal import console
from ifp.run_directory.kinds import Kind
from ifp.tables.account import Chapter, annealing_chapters, training_chapters, watched_chapters, whole_chapters
from ifp.tables.diffusion import indices
from ifp.tables.points import branch_points, latent_points
from ifp.tables.run_shifts import shifts_table
from ifp.tables.whole import whole_remarks


def show_diagnosis(
    found: Diagnoses | RunShifts | FreezingPoints, name: str, *, tables: bool = False, json: bool = False
) -> list[Path]:
    """Save the findings of runs and print them, or print the points of a table of that name; the files written.

    Args:
        found: what was concluded.
        name: of the table, where it is one.
        tables: also print the long tables.
        json: print findings as JSON on stdout instead.
    """
    if isinstance(found, RunShifts):
        if json:
            typer.echo(json_bytes(found).decode(), nl=False)
        else:
            typer.echo(in_one_line(str(found)), err=True)
            show(shifts_table(found))
            show_notes(*found.notes)
        return []
    if isinstance(found, FreezingPoints):
        if json:
            typer.echo(json_bytes(found.points).decode(), nl=False)
        else:
            show(latent_points(found, name))
            branches = len(found.points[0].branches)
            if branches > 2 and tables:
                show(branch_points(found, name))
            elif branches > 2:
                show_notes(f"beta turned several times; --tables has a table of the {branches} branches")
            for note in found.notes:
                typer.echo(f"note: {note}", err=True)
        return []
    written = found.save()
    for one in found:
        if one.diffusion is not None:
            named = f"{one.run.path.name}: " if len(found) > 1 else ""
            show_notes(*(f"{named}{note}" for note in one.diffusion.notes))
    if json:
        every = [{"run": str(one.run.path), "findings": one.findings} for one in found]
        typer.echo(json_bytes(every if len(found) > 1 else found[0].findings).decode(), nl=False)
    elif len(found) > 1:
        show(indices([(one.run.path.name, one.diffusion) for one in found.traced if one.diffusion is not None]))
    else:
        _show_one(found[0], tables=tables)
    return written


def _show_one(one: Diagnosed, *, tables: bool) -> None:
    for chapter in _chapters(one):
        _show_chapter(chapter, tables=tables)
    if isinstance(one.findings, WholeFindings):
        for remark in whole_remarks(one.findings):
            typer.echo(remark, err=True)
    if isinstance(one.findings, WatchedFindings):
        show_notes(*one.findings.notes)
    if one.diffusion is not None:
        for first, second in one.diffusion.mixed:
            typer.echo(f"warning: {first} and {second} are mixed in the same latents", err=True)
    _show_chapter(Chapter("Where to look", tuple(_ways_on(one, tables=tables))), tables=False)


def _chapters(one: Diagnosed) -> list[Chapter]:
    chapters = []
    if isinstance(one.findings, Findings):
        chapters += annealing_chapters(one.findings)
    if isinstance(one.findings, WholeFindings):
        chapters += whole_chapters(one.findings)
    if isinstance(one.findings, WatchedFindings):
        chapters += watched_chapters(one.run.path.name, one.findings)
    if one.diffusion is not None:
        chapters += training_chapters(one.run.path.name, one.diffusion)
    return chapters


def _show_chapter(chapter: Chapter, *, tables: bool) -> None:
    from rich.text import Text

    terminal = console()
    terminal.print(Text(f"\n{chapter.heading}", style="bold"))
    for sentence in chapter.sentences:
        terminal.print(Text(in_one_line(sentence)))
    for table in (*chapter.tables, *(chapter.details if tables else ())):
        show(table)


def _ways_on(one: Diagnosed, *, tables: bool) -> Iterator[str]:
    """The commands that show more of a run, each with what it shows."""
    run = shlex.quote(str(one.run.path))
    if not tables:
        yield f"ifp diagnose {run} --tables  # the tables behind these sentences"
    yield f"ifp report {run}  # figures and tables on one page"
    if isinstance(one.findings, Findings | WholeFindings):
        yield f"ifp plan-stages {run}  # the stages of DEFT that follow"
    else:
        yield f"ifp score {run}  # how well the factors are separated"
    mixed = one.diffusion.mixed if one.diffusion is not None else ()
    if mixed and one.run.kind == Kind.TRAINING and one.run.data.rows is None:
        data, pair = shlex.quote(one.run.origin.dataset), shlex.quote(",".join(mixed[0]))
        yield f"ifp spectrum --dataset {data} --pair {pair}  # could any pressure part these two?"
