"""What a long command shows while it works, and what it says when it is stopped."""

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from annealing.errors import RunError
from ifp.cli.stopping import STOPPED, exit_code
from ifp.watching import S


def show_progress(steps: Iterable[S], title: str) -> Iterator[S]:
    """Pass the steps through while a bar with the time left follows them on stderr."""
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
        TimeElapsedColumn(), TextColumn("ETA"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        for step in steps:
            progress.update(task, total=step.total, completed=step.done, description=f"{title}: {step.doing}")
            yield step


@contextmanager
def resumable(command: str, out: Path) -> Iterator[None]:
    """Where the command is stopped or the disk fails, say which command goes on; stopped, exit as the signal asks.

    Raises:
        RunError: the run could not be written to.
    """
    again = f"ifp {command} --resume --out {shlex.quote(str(out))}"
    try:
        yield
    except STOPPED as stopped:
        typer.echo(f"\nstopped; nothing finished is lost. Go on with:\n  {again}", err=True)
        raise typer.Exit(exit_code(stopped)) from None
    except RunError as error:
        if isinstance(error.__cause__, OSError):  # no room, say
            raise RunError(f"{error}; nothing finished is lost. Go on, once that is mended, with: {again}") from error
        raise
