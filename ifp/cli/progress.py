"""What stderr is told of long work: what it writes, how far it is and, where it is stopped, which command goes on."""

import datetime
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from annealing.errors import RunError
from ifp.cli.stopping import STOPPED, exit_code
from ifp.cli.terminal import console, is_terminal
from ifp.machine.progress import S, Step

_OFTEN, _SELDOM = 10.0, 600.0  # seconds from line to line: at least, and at most while steps come


def announce(what: str, where: object, files: Sequence[str] = ()) -> None:
    """Before the work, on stderr: what is worked on, and which files are written where."""
    typer.echo(f"{what}; writing {where}{': ' if files else ''}{', '.join(files)}", err=True)


class Following:
    """Follows the work of one command: :class:`ifp.machine.progress.Watch` on stderr.

    Args:
        writes: what is written by a command that makes no run.
    """

    def __init__(self, writes: str = "") -> None:
        self._writes = writes
        self.run: Path | None = None  # once it is begun

    def begun(self, about: str, run: Path | None = None, files: Sequence[str] = ()) -> None:
        """A line about what is worked on, and where its files will be."""
        self.run = run
        where = self._writes if run is None else f"{run}/"
        if where:
            announce(about, where, files)
        else:
            typer.echo(about, err=True)

    def follow(self, steps: Iterator[S], title: str) -> Iterator[S]:
        """A bar, or lines: :func:`show_progress`."""
        return show_progress(steps, title)

    @contextmanager
    def resumable(self, command: str) -> Iterator[None]:
        """Where the command is stopped or the disk fails, say which command goes on; stopped, exit as the signal asks.

        Raises:
            RunError: the run could not be written to.
        """
        try:
            yield
        except STOPPED as stopped:
            if self.run is None:
                raise
            typer.echo(f"\nstopped; nothing finished is lost. Go on with:\n  {self._again(command)}", err=True)
            raise typer.Exit(exit_code(stopped)) from None
        except RunError as error:
            if self.run is not None and isinstance(error.__cause__, OSError):  # no room, say
                again = f"nothing finished is lost. Go on, once that is mended, with: {self._again(command)}"
                raise RunError(f"{error}; {again}") from error
            raise

    def _again(self, command: str) -> str:
        return f"ifp {command} --resume --out {shlex.quote(str(self.run))}"


class PlainLines:
    """Which steps are told where there is no terminal: a line for every tenth, none within 10 seconds of another.

    Where a tenth takes longer than ten minutes, a line every ten minutes; what is done within 10 seconds has none.
    """

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._clock = title, clock
        self._told = self._begun = clock()
        self._tenth, self._total, self._from = 0, -1, 0.0

    def line(self, step: Step) -> str | None:
        """The line about a step, or None where it has none."""
        now, share = self._clock(), min(step.done / step.total, 1.0) if step.total else 0.0
        if step.total != self._total:  # another part of the work, or one that goes on: the time left is of this one
            self._total, self._from, self._begun, self._tenth = step.total, share, now, int(10 * share)
        since, tenth = now - self._told, int(10 * share)
        if since < _OFTEN or (tenth <= self._tenth and since < _SELDOM):
            return None
        self._told, self._tenth = now, tenth
        left = (now - self._begun) * (1 - share) / (share - self._from) if self._from < share < 1 else None
        eta = "" if left is None else f", ETA {datetime.timedelta(seconds=round(left))}"
        return f"{self._title}: {step.doing}, {share:.0%}{eta}"


def show_progress(steps: Iterable[S], title: str) -> Iterator[S]:
    """Pass the steps through while stderr follows them: a bar with the time left or, in a pipe, plain lines."""
    if not is_terminal():
        lines = PlainLines(title)
        for step in steps:
            if line := lines.line(step):
                typer.echo(line, err=True)
            yield step
        return
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
        TimeElapsedColumn(), TextColumn("ETA"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task(title, total=None)
        for step in steps:
            progress.update(task, total=step.total, completed=step.done, description=f"{title}: {step.doing}")
            yield step
