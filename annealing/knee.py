"""The knee of a curve KL(beta): where its law reaches silence, free of any threshold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annealing.freezing import crossing

WINDOW = (0.01, 0.1)  # nats: above lag's rounding, below where higher orders bend the curve
_FEWEST = 4  # records in the window


@dataclass(frozen=True)
class Knee:
    """Where KL = g ln(beta_c / beta) vanishes, and its slope g; NaN where the law could not be fitted."""

    beta: float
    slope: float


def fit_knee(beta: NDArray[np.floating], kl: NDArray[np.floating]) -> Knee:
    r"""Least squares of :math:`\mathrm{KL} = g \ln(\beta_c / \beta)`, g free, on one branch's records in 0.01..0.1 nat.

    The law holds near a continuous transition whose second mode stays clear of the first; g is 1/2 for a
    linear-Gaussian model and often 1 to 4 for images, so it must be free. A threshold tau reads beta_c exp(-tau / g)
    instead: 5% low at 0.1 nat for g = 2.

    Args:
        beta, kl: nats of one latent, shape (records,).

    Returns:
        The knee; NaN where fewer than 4 records lie in the window, as after a jump, or KL does not fall with beta
        there.

    >>> beta = np.geomspace(40, 60, 200)
    >>> round(fit_knee(beta, 2 * np.maximum(np.log(50 / beta), 0)).beta, 9)
    50.0
    """
    beta, kl = np.asarray(beta, np.float64), np.asarray(kl, np.float64)
    if len(beta) < _FEWEST:
        return Knee(np.nan, np.nan)
    silent, active = (crossing(beta, kl, nats).beta for nats in WINDOW)  # noise beyond them is not the law's
    inside = (beta >= active) & (beta <= silent)
    if inside.sum() < _FEWEST:
        return Knee(np.nan, np.nan)
    slope, start = np.polyfit(np.log(beta[inside]), kl[inside], 1)
    if not slope < 0:
        return Knee(np.nan, np.nan)
    return Knee(float(np.exp(-start / slope)), float(-slope))
