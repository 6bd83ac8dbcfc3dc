"""``ifp runs``."""

import typer

from ifp.cli import options
from ifp.cli.help import LOOK, Command


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("runs", cls=Command, rich_help_panel=LOOK)(runs_)


def runs_(runs: options.Runs = options.DEFAULT_RUNS, json: options.Json = False) -> None:
    """List the runs at hand, oldest first: kind, state, data, objective, seed, time of creation.

    To go on with an unfinished run, call the command that began it with --resume --out DIR.

    Examples:
        ifp runs
        ifp runs --runs elsewhere --json
    """
    from ifp.api.run import runs as runs_under
    from ifp.cli.tables import show
    from ifp.tables.runs import runs_at_hand

    show(runs_at_hand(runs_under(runs), f"runs under {runs}/, oldest first"), json=json)
