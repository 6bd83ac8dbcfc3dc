"""How a case moves through pressure: it is steered by its own KL, around the point where it freezes and melts.

A case learns at low pressure and is heated over its whole range at a survey's pace, which gives the curve KL(beta).
Then it runs loops: it cools until it has frozen, and is heated until it has melted. Each loop is slower than
the one before. A loop reaches only a little beyond freezing and melting, wherever they were met, so that time goes
where the transition is and nothing depends on the range a user gave. The loop, not the survey, is read: a state
learnt far below the freezing point may be another than the one that freezes, and stay metastable far above it.
"""

import math
from dataclasses import dataclass, replace

from annealing.choices import require_counts
from annealing.errors import IFPError
from annealing.thresholds import ACTIVE, SILENT

_BEYOND_MELTING = 1.1  # how far above the last active pressure a case is heated before it turns
_BELOW_FREEZING = 0.88  # how far below its freezing point it is cooled: KL well above any threshold by then
_FEWEST_LOOPS = 2  # two speeds tell lag, which shrinks with the speed, from a jump, which does not


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Speeds as ln(beta) per step, and when to stop."""

    learn_steps: int = 400  # at the lowest pressure, until the latent is informative
    survey: float = 1.5e-3
    first_loop: float = 1e-3
    slowdown: float = 2.5  # of each loop over the one before
    tolerance: float = 1.25  # loops go on until the point is bracketed within this factor ...
    max_steps: int = 16_000  # ... or this many steps are spent

    def __post_init__(self) -> None:
        require_counts(self, "max_steps")
        if self.learn_steps >= 1:  # one below is told together with the other
            require_counts(self, "learn_steps")
        if self.learn_steps < 1 or self.max_steps <= self.learn_steps:
            raise IFPError(
                f"need max_steps above learn_steps of at least 1, got {self.max_steps} and {self.learn_steps}"
            )
        if not (0 < self.survey < 0.1 and 0 < self.first_loop < 0.1):
            raise IFPError(f"need speeds between 0 and 0.1 in ln(beta) a step, got {self.survey} and {self.first_loop}")
        if not (1 < self.slowdown < math.inf and 1 < self.tolerance < math.inf):
            raise IFPError(f"need slowdown and tolerance above 1, got {self.slowdown} and {self.tolerance}")

    def speed(self, loop: int) -> float:
        """Of the survey (loop 0) and of each loop after it."""
        return self.survey if loop == 0 else self.first_loop / self.slowdown ** (loop - 1)


@dataclass(frozen=True)
class Bounds:
    """Pressures a case must not leave, and the nats at which a latent counts as active and as silent."""

    low: float
    high: float
    active: float = ACTIVE
    silent: float = SILENT


@dataclass(frozen=True)
class Position:
    """Where a case stands: what it is doing, at which pressure, and what its loop has met so far (NaN: not yet)."""

    phase: str  # learn, heat, cool, done
    beta: float
    step: int = 0  # steps taken
    loop: int = 0  # 0: learning and survey
    froze: float = math.nan  # highest pressure of this cooling at which the latent was active
    last_active: float = math.nan  # highest pressure of this heating at which it was not silent


def advance(position: Position, kl: float, pace: Pace, bounds: Bounds) -> Position:
    """The position after one step at which the KL, of the most active latent, was ``kl`` nats.

    A case is done when a loop has bracketed its point within the tolerance (from where it froze to where it fell
    silent), when its steps are spent, when it is still active at the top of its range or still silent at the bottom.
    """
    if position.phase == "done":
        return position
    position = replace(position, step=position.step + 1)
    if position.phase == "learn":
        return replace(position, phase="heat" if position.step >= pace.learn_steps else "learn")
    moved = (_heat if position.phase == "heat" else _cool)(position, kl, pace, bounds)
    return replace(moved, phase="done") if position.step >= pace.max_steps else moved


def _heat(position: Position, kl: float, pace: Pace, bounds: Bounds) -> Position:
    if kl >= bounds.silent:
        position = replace(position, last_active=position.beta)
    reach = bounds.low if math.isnan(position.last_active) else position.last_active
    at_top = position.beta >= bounds.high
    if not at_top and position.beta < _BEYOND_MELTING * reach:
        return replace(position, beta=min(position.beta * math.exp(pace.speed(position.loop)), bounds.high))
    # NaN, where nothing was active on this heating, is no bracket
    narrow = position.loop >= _FEWEST_LOOPS and position.last_active <= pace.tolerance * position.froze
    if narrow or (at_top and kl >= bounds.active):
        return replace(position, phase="done")
    return replace(position, phase="cool", loop=position.loop + 1, froze=math.nan)


def _cool(position: Position, kl: float, pace: Pace, bounds: Bounds) -> Position:
    if kl >= bounds.active and math.isnan(position.froze):
        position = replace(position, froze=position.beta)
    at_bottom = position.beta <= bounds.low
    if not at_bottom and not position.beta < _BELOW_FREEZING * position.froze:
        return replace(position, beta=max(position.beta * math.exp(-pace.speed(position.loop)), bounds.low))
    if math.isnan(position.froze):
        return replace(position, phase="done")
    return replace(position, phase="heat", last_active=math.nan)
