"""What a long command shows while it works, and what it says when it is stopped."""

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

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
    """On Ctrl-C say which command goes on, and exit with 130."""
    try:
        yield
    except KeyboardInterrupt:
        again = f"ifp {command} --resume --out {shlex.quote(str(out))}"
        typer.echo(f"\nstopped; nothing finished is lost. Go on with:\n  {again}", err=True)
        raise typer.Exit(130) from None
