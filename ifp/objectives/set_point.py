"""The KL that a controller steers to: it rises in steps from a start to a target; and what controllers share."""

import math
from dataclasses import dataclass
from typing import ClassVar

from ifp.objectives.objective import Objective, require


def set_point(step: int, *, start: float, target: float, increment: float, window: float, ramp: float = 0.0) -> float:
    """Nats wanted at a step: ``increment`` more with every window after the first, up to ``target``.

    Args:
        window: steps from one increment to the next.
        ramp: share of a window over which its increment is spread.

    >>> [set_point(t, start=0.5, target=1.0, increment=0.2, window=2) for t in (0, 1, 2, 4, 6, 8)]
    [0.5, 0.5, 0.7, 0.9, 1.0, 1.0]
    >>> [round(set_point(t, start=0.5, target=1.0, increment=0.2, window=4, ramp=0.5), 3) for t in (3, 4, 5, 6)]
    [0.5, 0.6, 0.7, 0.7]
    """
    risen, within = divmod(step, window)
    if risen:
        risen -= 1 - min(1.0, (within + 1) / max(ramp * window, 1.0))
    return min(target, start + increment * risen)


def window_of(*, start: float, target: float, increment: float, growth: float, steps: int) -> float:
    """Steps from one increment to the next when the target is to be reached after a share ``growth`` of the steps.

    >>> window_of(start=0.5, target=1.1, increment=0.2, growth=0.5, steps=600)
    100.0
    """
    rises = max(round((target - start) / increment, 6), 1.0)
    return max(growth * steps / rises, 1.0)


@dataclass(kw_only=True)
class Steered(Objective):
    """An objective whose pressure a PI controller sets, so that the KL follows the set point.

    Attributes:
        target: nats, the last set point.
        start, increment: nats; the first set point and how much each later one is above the one before.
        growth: share of the steps over which the set point rises.
        kp, ki, beta_min: of the controller.
    """

    louder: ClassVar[str] = "raise its target, or lower its beta_min"
    ramp: ClassVar[float] = 0.0  # share of a window over which its increment is spread
    target: float
    start: float = 0.5
    increment: float = 0.15
    growth: float = 0.4
    kp: float = 0.01
    ki: float
    beta_min: float

    def __post_init__(self) -> None:
        require("set points 0 <= start <= target", self.target, 0 <= self.start <= self.target < math.inf)
        require("an increment above 0", self.increment, 0 < self.increment < math.inf)
        require("a growth above 0 and at most 1", self.growth, 0 < self.growth <= 1)
        for name in ("kp", "ki", "beta_min"):
            require(f"a {name} of 0 or more", getattr(self, name), 0 <= getattr(self, name) < math.inf)

    def set_point(self, step: int) -> float:
        """Nats wanted at a step."""
        rises = {"start": self.start, "target": self.target, "increment": self.increment}
        window = window_of(**rises, growth=self.growth, steps=self.setup.steps)
        return set_point(step, **rises, window=window, ramp=self.ramp)
