"""Pieces of work and where they are done: here, in processes of this machine, or on a Dask cluster."""

import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from annealing.choices import require_count
from annealing.errors import IFPError, RunError
from ifp.machine.progress import Progress

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of a container's cores together in every period
TRIES = 3  # of a piece on a cluster, before it is set aside


@dataclass(frozen=True)
class Task:
    """A piece of work: a function that other processes can import, and its arguments.

    The function may be a generator of :class:`ifp.machine.progress.Progress` that returns its result.
    """

    name: str
    work: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Underway:
    """How far a task has come: the share of it that is done, 0..1, and what is at work."""

    name: str
    share: float
    doing: str


@dataclass(frozen=True)
class Outcome:
    """What became of a task: its result or, where it was set aside, the last error."""

    name: str
    value: Any = None
    error: str | None = None


Event: TypeAlias = Underway | Outcome


class Pool(Protocol):
    """Where pieces of work are done."""

    @property
    def sees_files(self) -> bool:
        """Whether a piece can write where the caller does."""
        ...

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Event]:
        """Outcomes in the order in which they come, and between them how far tasks have come.

        Tasks are drawn as there is room for them; what is left when the caller stops is given up.
        """
        ...


class Here:
    """This process, one piece after the other; what a piece raises is raised."""

    sees_files = True

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Event]:
        """As :class:`Pool` has it."""
        for task in tasks:
            yield Outcome(task.name, (yield from carried_out(task)))


HERE = Here()
S = TypeVar("S")
R = TypeVar("R")


def carried_out(task: Task) -> Generator[Underway, None, Any]:
    """Do a task, and tell meanwhile how far it has come; returns its result."""
    result = task.work(*task.arguments)
    if not isinstance(result, Generator):
        return result
    while True:
        try:
            step = next(result)
        except StopIteration as end:
            return end.value
        yield Underway(task.name, min(step.done / step.total, 1.0) if step.total else 0.0, step.doing)


def result_of(steps: Generator[S, None, R], told: Callable[[S], object] = lambda step: None) -> R:
    """What a generator returns, once all its steps are taken; each is ``told``."""
    while True:
        try:
            told(next(steps))
        except StopIteration as end:
            return end.value


@dataclass
class Tally:
    """Progress over all pieces, of those that are done and those at work."""

    total: int
    done: int = 0
    _shares: dict[str, float] = field(default_factory=dict, init=False)

    def after(self, event: Event, doing: str) -> Progress:
        """Progress after an event: what is done, with the shares of the pieces at work."""
        if isinstance(event, Outcome):
            self.done += 1
            self._shares.pop(event.name, None)
        else:
            self._shares[event.name] = event.share
        return Progress(self.done + sum(self._shares.values()), self.total, doing)


def require_all(aside: list[Outcome], where: Path) -> None:
    """RunError that names the pieces set aside, if there are any."""
    if aside:
        told = "; ".join(f"{each.name} ({each.error})" for each in aside[:3])
        more = f" and {len(aside) - 3} more" if len(aside) > 3 else ""
        raise RunError(
            f"need every piece of {where}, set aside after {TRIES} tries: {told}{more}; all others are done and kept: "
            f"--resume --out {where} tries these again"
        )


def cores_at_hand() -> int:
    """Cores that the system, a container's quota and IFP_JOBS grant this process, whichever is least."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("IFP_JOBS", "")
    if asked and not (asked.isdecimal() and int(asked) > 0):
        raise IFPError(f"need a whole number above 0 as IFP_JOBS, got {asked[:40]!r}")
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        granted = math.ceil(int(quota) / int(period))  # of a quota of max, none, there is no number
    except (OSError, ValueError, ArithmeticError):
        granted = cores
    return max(min(cores, granted, int(asked) if asked else cores), 1)


def jobs_for(jobs: int | None, *, threads: int = 1) -> int:
    """Processes that a call uses side by side: as many as it was told or, with None, as the cores at hand allow.

    A process that ``multiprocessing`` made, a pool's or a cluster's, has one.

    Raises:
        IFPError: none was asked for.
    """
    if jobs is None:
        return 1 if parent_process() is not None else max(cores_at_hand() // threads, 1)
    require_jobs(jobs)
    return jobs


def require_jobs(jobs: int | None) -> None:
    """IFPError where a number of processes is asked for that cannot be: told before any work."""
    if jobs is not None and jobs < 1:
        raise IFPError(f"need one job or more, got {jobs}")
    if jobs is not None:
        require_count("jobs", jobs)
