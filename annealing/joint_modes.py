r"""Modes of two factors together: what the leading codes of their classes tell of either one alone.

Let the pairs (a, b) of the classes of two factors be coded by the same :math:`\mu(a, b)` in all contexts. With pairs
as classes the matrix :math:`F^{-1/2} B F^{-1/2}` of :mod:`annealing.conditional` has the freezing points of such codes
as eigenvalues, and :math:`u = F^{-1/2} e` of each eigenvector e as the code behind it. A code is split into what each
factor tells of it alone and what only both tell,

.. math:: u(a, b) = m + g(a) + h(b) + r(a, b), \qquad
          \frac{\mathrm{Var}\, E[u | a]}{\mathrm{Var}\, u}, \quad \frac{\mathrm{Var}\, E[u | b]}{\mathrm{Var}\, u},
          \quad \frac{\mathrm{Var}\, r}{\mathrm{Var}\, u},

with m + g + h the best fit by least squares, all over the pairs as often as they come. Where all pairs come equally
often, the three shares sum to 1.

A latent that freezes in a mode which only both tell carries both factors, whatever the pressure it freezes at: no
stage can part them, and no latent will hold one of them alone.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annealing.errors import IFPError

OWN_MODE = 0.5  # share of a mode that a factor tells alone, from which on the mode is taken for the factor's own
_ROUNDING = 1e-9  # of the largest value: what lies below is none


@dataclass(frozen=True)
class JointMode:
    """One mode of two factors together.

    Attributes:
        value: pressure in nats below which its code carries information.
        first, second: share of the code's variance that this factor tells alone, 0..1.
        both: share that no sum of a function of each tells, 0..1.
    """

    value: float
    first: float
    second: float
    both: float


def joint_modes(gram: Tensor, counts: Tensor, number: int) -> tuple[JointMode, ...]:
    """The leading modes, falling; fewer where fewer have a freezing point.

    Args:
        gram: the sum of :func:`annealing.conditional.context_gram` over all contexts, (A * B, A * B), the class of a
            pair being a * B + b.
        counts: images of each pair in all contexts, (A, B); a pair without images is left out.
        number: how many modes at most.

    Raises:
        IFPError: shapes that do not fit.
    """
    if counts.ndim != 2 or gram.shape != (counts.numel(), counts.numel()):
        raise IFPError(
            f"need counts (A, B) and a matrix (A * B, A * B), got shapes {tuple(counts.shape)} and {tuple(gram.shape)}"
        )
    images = counts.flatten().to(torch.float64)
    there = images > 0
    root = images[there].sqrt()
    values, vectors = torch.linalg.eigh(gram[there][:, there] / (root[:, None] * root))
    weights = (images[there] / images.sum()).numpy()
    classes = np.argwhere(there.reshape(counts.shape).numpy())
    codes = (vectors / root[:, None]).T.flip(0).numpy()
    falling = values.flip(0).tolist()
    above = sum(value > _ROUNDING * falling[0] for value in falling)
    modes = zip(falling[: min(number, above)], codes, strict=False)
    return tuple(JointMode(value, *_shares(code, classes, weights)) for value, code in modes)


def _shares(
    code: NDArray[np.float64], classes: NDArray[np.intp], weights: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Var E[u|a], Var E[u|b] and Var r over Var u; classes (pairs, 2) of the pairs, weights (pairs,) that sum to 1."""
    centred = code - weights @ code
    variance = weights @ centred**2
    indicators = [np.eye(labels.max() + 1)[labels] for labels in classes.T]
    of_one = []
    for indicator in indicators:
        mass = weights @ indicator
        means = (weights * centred) @ indicator / np.where(mass > 0, mass, 1)
        of_one.append(float(mass @ means**2 / variance))
    root = np.sqrt(weights)
    additive = np.hstack(indicators)
    fit = np.linalg.lstsq(root[:, None] * additive, root * centred, rcond=None)[0]
    rest = float(weights @ (centred - additive @ fit) ** 2 / variance)
    return of_one[0], of_one[1], rest
