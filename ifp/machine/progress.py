"""Progress protocol: done, total, doing. It imports nothing heavy, for the command line's sake."""

from collections.abc import Iterator
from dataclasses import dataclass
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
    """Passes the steps of a pass through, as a progress bar does."""

    def __call__(self, steps: Iterator[S], /) -> Iterator[S]: ...


def unwatched(steps: Iterator[S], /) -> Iterator[S]:
    """The steps themselves."""
    return steps
