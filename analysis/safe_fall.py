r"""How far pressure may fall before what a frozen factor has not told yet is worth a newly opened latent.

A latent at equilibrium does not tell all of its factor, whose freezing point is lambda. An encoder sees the residual,
and a new latent could hold it. At the pressure beta at which the latent has settled, that residual freezes at

.. math:: \beta f(\beta / \lambda), \qquad f(e) = \max_k e (k + 1) (1 - e)^k, \quad 1/e_{\text{Euler}} < f < 1

for a decoder that may take products of both latents. So it never freezes at the same pressure, but it does after a fall
below that point, before the latent has settled anew. f(0.05) = 0.377, f(0.5) = 0.5: falls by a factor of 2 to 2.7 are
safe.
"""

import numpy as np

from annealing.errors import IFPError


def residual_share(depth: float) -> float:
    """f at ``depth``, the pressure divided by the freezing point of what is held, in 0..1.

    >>> round(residual_share(0.05), 3), residual_share(0.5), residual_share(1.0)
    (0.377, 0.5, 1.0)

    Raises:
        IFPError: the depth is not above 0 and at most 1.
    """
    if not 0 < depth <= 1:
        raise IFPError(f"need a depth above 0 and at most 1, got {depth:g}")
    # the terms rise while (k + 1) / k > 1 / (1 - e), that is up to k = 1 / e
    powers = np.arange(int(min(1 / depth, 1e7)) + 1)
    return float((depth * (powers + 1) * (1 - depth) ** powers).max())


def lowest_safe(pressure: float, values: list[float]) -> float:
    """The lowest pressure in nats to which a fall is safe if factors with these freezing points have settled.

    Factors that have not frozen at the pressure have nothing to lose.
    """
    held = [value for value in values if value > pressure]
    return pressure * max((residual_share(pressure / value) for value in held), default=0.0)


def safe_falls(pressure: float, target: float, values: list[float]) -> tuple[float, ...]:
    """Falling pressures between the two at which what is held settles, so that each fall is safe, also the last.

    >>> safe_falls(20.0, 8.0, [40.0])
    (10.0,)
    """
    found = []
    lowest = lowest_safe(pressure, values)
    while lowest > target * (1 + 1e-9):
        found.append(lowest)
        lowest = lowest_safe(lowest, values)
    return tuple(found)
