"""What the training loop asks of an objective."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Control:
    """How one step is taken: loss = reconstruction + pressure * KL of the open groups."""

    stage: int
    pressure: float  # beta, nats, reconstruction summed over pixels
    open_groups: int  # the first so many groups are open
    scales: tuple[float, ...]  # of each group's steps


class Objective(Protocol):
    """Groups of latents and how each step treats them."""

    @property
    def name(self) -> str: ...
    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each sub-encoder."""
        ...

    @property
    def channels(self) -> int:
        """Feature maps of a sub-encoder's first layer."""
        ...

    @property
    def hidden(self) -> int:
        """Units of a sub-encoder's hidden layer."""
        ...

    def at(self, step: int) -> Control:
        """What acts at a step."""
        ...
