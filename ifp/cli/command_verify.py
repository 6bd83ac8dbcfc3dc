"""``ifp verify``."""

from pathlib import Path
from typing import Annotated

import typer

from ifp.cli import options
from ifp.cli.completion import complete_runs
from ifp.cli.help import LOOK, Command


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("verify", cls=Command, rich_help_panel=LOOK)(verify)


def verify(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN", help="A finished run.  [default: the newest of any kind]", autocompletion=complete_runs
        ),
    ] = None,
    runs: options.Runs = options.DEFAULT_RUNS,
    json: options.Json = False,
) -> None:
    """Recompute the checksums of a finished run, and print what is missing, altered or not recorded.

    Exits with 1 where there is any such file. What the run was made with (versions, data fingerprint, seed) is told
    beside it.

    Examples:
        ifp verify
        ifp verify runs/mine --json
    """
    from dataclasses import asdict

    from analysis.plain_json import json_bytes
    from ifp.api.verify import verify as verified
    from ifp.cli.tables import named_line

    found = verified(run, runs=runs)
    if json:
        typer.echo(json_bytes({**asdict(found), "run": str(found.run)}).decode(), nl=False)
    else:
        made = ", ".join(f"{name} {version}" for name, version in found.versions.items())
        typer.echo(
            f"{found.run}: {found.kind} of {found.created}, data {found.dataset} {found.fingerprint}, "
            f"seed {found.seed}, {made}",
            err=True,
        )
        for each in found.faults:
            typer.echo(named_line(each.fault, each.file))
        if not found.faults:
            typer.echo("every file is as it was written", err=True)
    if found.faults:
        raise typer.Exit(1)
