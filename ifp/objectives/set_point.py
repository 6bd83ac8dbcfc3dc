"""The KL that a controller steers to: it rises in steps from a start to a target."""


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
