"""What follows a download on stderr: a bar on a terminal, else plain lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer

from ifp.cli.progress import PlainLines
from ifp.cli.terminal import console, is_terminal
from ifp.datasets.download import Received, Report


@dataclass(frozen=True)
class _Bytes:
    done: float
    total: int  # 0 where the server does not say
    doing: str


@contextmanager
def download_bar() -> Iterator[Report]:
    """What is to be told of each download: it shows its bytes, their speed and the time left."""
    if not is_terminal():
        yield _plainly()
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )  # fmt: skip

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TextColumn("ETA"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console(), transient=True) as progress:
        tasks = {}

        def report(received: Received) -> None:
            if received.file not in tasks:
                tasks[received.file] = progress.add_task(received.file, completed=received.done)
            progress.update(tasks[received.file], completed=received.done, total=received.total)

        yield report


def _plainly() -> Report:
    lines: dict[str, PlainLines] = {}

    def report(received: Received) -> None:
        of_file = lines.setdefault(received.file, PlainLines(received.file))
        doing = f"{received.done / 1e6:,.1f} MB"
        if line := of_file.line(_Bytes(received.done, received.total or 0, doing)):
            typer.echo(line, err=True)

    return report
