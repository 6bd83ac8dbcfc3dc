"""What diagnose prints of runs and of anyone's tables."""

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
from ifp.cli.findings_table import show_findings, show_whole
from ifp.cli.tables import show, show_notes
from ifp.tables.diffusion import events, indices, owners
from ifp.tables.plan_outcome import planned_and_found
from ifp.tables.points import branch_points, latent_points
from ifp.tables.run_shifts import shifts_table
from ifp.tables.watched import watched_latents


def show_diagnosis(found: Diagnoses | RunShifts | FreezingPoints, name: str, *, json: bool = False) -> list[Path]:
    """Save the findings of runs and print them, or print the points of a table of that name; the files written."""
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
            if len(found.points[0].branches) > 2:
                show(branch_points(found, name))
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
        _show_one(found[0])
    return written


def _show_one(one: Diagnosed) -> None:
    if isinstance(one.findings, Findings):
        show_findings(one.findings)
        return
    if isinstance(one.findings, WholeFindings):
        show_whole(one.findings)
    if isinstance(one.findings, WatchedFindings):
        show(watched_latents(one.run.path.name, one.findings))
        show_notes(*one.findings.notes)
    if one.diffusion is not None:
        show(owners(one.run.path.name, one.diffusion))
        if one.diffusion.plan:
            show(planned_and_found(one.diffusion))
        if one.diffusion.events:
            show(events(one.diffusion))
        for first, second in one.diffusion.mixed:
            typer.echo(f"warning: {first} and {second} are mixed in the same latents", err=True)
