"""Progress protocol: done, total, doing. It imports nothing heavy, for the command line's sake."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar


class Step(Protocol):
    """How far a pass has come."""

    @property
    def done(self) -> float:
        """How much of it is over."""
        ...

    @property
    def total(self) -> int:
        """How much there is."""
        ...

    @property
    def doing(self) -> str:
        """What is counted, in a word or two."""
        ...


@dataclass(frozen=True)
class Progress:
    """Where a run stands: what is done (with a share of the piece at work) of what there is, and what is at work."""

    done: float
    total: int
    doing: str


S = TypeVar("S", bound=Step)


class Watch(Protocol):
    """Who follows the work of a call: the command line with a bar, from Python nobody unless one is given."""

    def begun(self, about: str, run: Path | None = None, files: Sequence[str] = ()) -> None:
        """Told once, before the work: what is worked on and, of a run, where which files will be."""
        ...

    def follow(self, steps: Iterator[S], title: str) -> Iterator[S]:
        """Passes the steps of a pass through."""
        ...


class Unwatched:
    """Nobody: nothing is told, steps are passed through."""

    def begun(self, about: str, run: Path | None = None, files: Sequence[str] = ()) -> None:
        """Nothing."""

    def follow(self, steps: Iterator[S], title: str) -> Iterator[S]:
        """The steps themselves."""
        return steps


UNWATCHED: Watch = Unwatched()
