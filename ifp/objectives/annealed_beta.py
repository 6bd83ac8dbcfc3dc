"""One encoder under a pressure that falls exponentially."""

from dataclasses import dataclass

from annealing.pressure import geometric
from ifp.objectives.objective import Control


@dataclass(frozen=True)
class AnnealedBeta:
    """beta falls from ``start`` to ``end`` in equal ratios over the steps, all latents open throughout."""

    latents: int
    start: float
    end: float
    steps: int
    name: str = "annealed-beta"
    channels: int = 32
    hidden: int = 256

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """All latents in one group."""
        return (tuple(range(self.latents)),)

    def at(self, step: int) -> Control:
        """The pressure of a step; one stage."""
        return Control(0, geometric(min(step, self.steps - 1), self.steps, self.start, self.end), 1, (1.0,))
