"""Pressure beta, the weight of the KL, as a pure function of the step."""

from collections.abc import Sequence

from annealing.errors import IFPError


def geometric(step: int, steps: int, start: float, end: float) -> float:
    r""":math:`\beta_t = \beta_0 (\beta_1 / \beta_0)^{t / (T - 1)}`: equal ratios, from start at t = 0 to end at T - 1.

    >>> [round(geometric(t, 3, 100.0, 1.0), 6) for t in range(3)]
    [100.0, 10.0, 1.0]
    """
    if not (0 < start < float("inf") and 0 < end < float("inf")):
        raise IFPError(f"need finite pressures above 0, got {start} and {end}")
    return start if steps < 2 else start * (end / start) ** (step / (steps - 1))


def stage_at(step: int, boundaries: Sequence[int]) -> int:
    """Stage of a step when stage s ends before step ``boundaries[s]``; the last stage never ends.

    >>> [stage_at(t, [2, 5]) for t in (0, 1, 2, 4, 5, 9)]
    [0, 0, 1, 1, 1, 1]
    """
    if not boundaries:
        raise IFPError("need one stage or more, got none")
    return min(sum(step >= end for end in boundaries), len(boundaries) - 1)
