"""What a long pass shows of itself, and who may watch it: imports nothing heavy, for the command line's sake."""

from collections.abc import Iterator
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


S = TypeVar("S", bound=Step)


class Watch(Protocol):
    """Passes the steps of a pass through, as a progress bar does."""

    def __call__(self, steps: Iterator[S], /) -> Iterator[S]: ...


def unwatched(steps: Iterator[S], /) -> Iterator[S]:
    """The steps themselves."""
    return steps
