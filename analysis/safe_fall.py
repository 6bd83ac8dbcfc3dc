r"""How far pressure may fall before what a frozen factor has not told yet pays in a latent that opens.

A latent at equilibrium leaves of its factor, whose freezing point is lambda, a residual that an encoder sees and that
a new latent could hold. At the pressure beta at which the latent has settled that residual freezes at

.. math:: \beta f(\beta / \lambda), \qquad f(e) = \max_k e (k + 1) (1 - e)^k, \quad 1/e_{\text{Euler}} < f < 1

for a decoder that may take products of both latents: never at the same pressure, but after a fall below it, before the
latent has settled anew. f(0.05) = 0.377, f(0.5) = 0.5: falls by a factor of 2 to 2.7 are safe.
"""

import numpy as np

from annealing.errors import IFPError


def residual_share(depth: float) -> float:
    """f of ``depth``, a pressure over the freezing point of what is held there, in 0..1.

    >>> round(residual_share(0.05), 3), residual_share(0.5), residual_share(1.0)
    (0.377, 0.5, 1.0)

    Raises:
        IFPError: a depth that is not above 0 and at most 1.
    """
    if not 0 < depth <= 1:
        raise IFPError(f"need a depth above 0 and at most 1, got {depth:g}")
    # the terms rise while (k + 1) / k > 1 / (1 - e), that is up to k = 1 / e
    powers = np.arange(int(min(1 / depth, 1e7)) + 1)
    return float((depth * (powers + 1) * (1 - depth) ** powers).max())


def lowest_safe(pressure: float, values: list[float]) -> float:
    """The lowest pressure to which a fall is safe where factors of these freezing points are settled, nats.

    Those that are not frozen at the pressure yet have nothing to lose.
    """
    held = [value for value in values if value > pressure]
    return pressure * max((residual_share(pressure / value) for value in held), default=0.0)


def safe_falls(pressure: float, target: float, values: list[float]) -> tuple[float, ...]:
    """Pressures between the two, from above, at which what is held settles: each fall, the last to the target, is safe.

    >>> safe_falls(20.0, 8.0, [40.0])
    (10.0,)
    """
    found = []
    lowest = lowest_safe(pressure, values)
    while lowest > target * (1 + 1e-9):
        found.append(lowest)
        lowest = lowest_safe(lowest, values)
    return tuple(found)
