"""Rows: what one case of a study gave, a JSON file each, written at once when the case is done."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from analysis.plain_json import json_bytes
from ifp.files.atomic import write_atomically
from ifp.files.plain import load_json
from ifp.machine.pool import HERE, Outcome, Pool, Task
from ifp.machine.processes import Processes
from ifp.machine.threads import use_threads
from studies.size import Size

Row = dict[str, Any]


class Case(ABC):
    """One piece of a study: where its row stands under the rows' folder, and how it is measured."""

    @property
    @abstractmethod
    def path(self) -> str:
        """Name of the row."""

    @abstractmethod
    def measure(self, size: Size, device: str) -> Row:
        """The row, from where an earlier measurement was stopped."""

    def prepare(self) -> None:  # noqa: B027
        """What is needed first and shared with other cases, made in one process."""

    def keep(self, size: Size) -> None:  # noqa: B027
        """Keep beside the row what a new definition would need to compute it again."""

    def clean(self, size: Size) -> None:  # noqa: B027
        """Drop what was kept to go on from, once the row is written."""


def missing(cases: Iterable[Case], size: Size) -> list[Case]:
    """Cases that have no row yet; those that several studies share stand once."""
    return [case for case in dict.fromkeys(cases) if not row_file(case, size).is_file()]


def row_file(case: Case, size: Size) -> Path:
    """Where a case's row is kept."""
    return size.rows / f"{case.path}.json"


def rows_of(cases: Iterable[Case], size: Size) -> list[Row]:
    """The rows that are done, in the cases' order."""
    return [load_json(row_file(case, size)) for case in cases if row_file(case, size).is_file()]


def measure_all(cases: Iterable[Case], size: Size, *, jobs: int = 1, device: str = "cpu") -> Iterator[str]:
    """Measure what is missing, in so many processes of one thread each, and name each row once it is written.

    A case that fails is named with its error; the others go on, and it is tried again the next time.
    """
    todo = missing(cases, size)
    with ExitStack() as stack:
        pool: Pool = HERE
        if jobs > 1:
            for case in todo:
                case.prepare()
            pool = stack.enter_context(Processes(jobs))
        for event in pool.outcomes(Task(case.path, _told, (case, size, device)) for case in todo):
            if isinstance(event, Outcome):
                yield event.value


def _told(case: Case, size: Size, device: str) -> str:
    """Measure a case; its name, with the error where it failed."""
    try:
        _measure(case, size, device)
    except Exception as error:  # whatever it was, the other cases are measured
        return f"{case.path}: {type(error).__name__}: {error}"
    return case.path


@use_threads(1)
def _measure(case: Case, size: Size, device: str) -> None:
    file = row_file(case, size)
    file.parent.mkdir(parents=True, exist_ok=True)
    row = case.measure(size, device)
    case.keep(size)
    write_atomically(file, json_bytes(row))
    case.clean(size)
