"""``ifp plan-stages``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("plan-stages")(plan_stages)


def plan_stages(
    run: options.RunPath = None,
    depth: Annotated[float, typer.Option(help="Stage pressure over its group's lowest freezing point.")] = 0.35,
    final_pressure: Annotated[float, typer.Option(help="beta of the last stage, in nats.")] = 1.0,
    group_size: Annotated[int, typer.Option(help="Latents of a group that has room.", min=1)] = 2,
    check: Annotated[Path | None, typer.Option(help="Only check a plan file.", metavar="FILE")] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
) -> None:
    """Plan the stages of DEFT; the plan is JSON on stdout, warnings go to stderr.

    Example: ifp plan-stages | ifp train --plan - --dataset dsprites
    """
    from analysis.stages import plan_stages as plan
    from ifp.diagnosis import findings_of
    from ifp.plan_file import read_plan
    from ifp.runs import json_bytes

    if check is not None:
        read_plan(str(check))
        typer.echo(f"{check}: a valid plan", err=True)
        return
    findings = findings_of(options.annealing_run(run, runs))
    made = plan(findings, depth=depth, final_pressure=final_pressure, group_size=group_size)
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(json_bytes(made).decode(), nl=False)
