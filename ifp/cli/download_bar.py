"""The bar that follows a download on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ifp.mirrors import Received, Report


@contextmanager
def download_bar() -> Iterator[Report]:
    """What is to be told of each download: it shows its bytes, their speed and the time left."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TextColumn("ETA"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks = {}

        def report(received: Received) -> None:
            if received.file not in tasks:
                tasks[received.file] = progress.add_task(received.file, completed=received.done)
            progress.update(tasks[received.file], completed=received.done, total=received.total)

        yield report
