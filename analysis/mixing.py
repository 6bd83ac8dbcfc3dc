r"""Which factors' information is likely to end up in one latent: what the code of one tells about the others by itself.

Near its freezing point, a latent codes a factor b by a single direction of the images, the score
:math:`s_b = y_b \cdot V^{-1/2} (x - p)`, with y_b the leading direction of the factor's mean images, whitened. What
that score tells about another factor a comes with it, under any objective:

.. math:: I_{ab} = -\tfrac12 \ln(1 - \eta^2_{ab}), \qquad
          \eta^2_{ab} = \frac{\mathrm{Var}\, E[s_b | a]}{\mathrm{Var}\, s_b} .

If b shares its freezing point with a third factor c, nothing distinguishes their directions (O(2) symmetry), and a
latent may take any :math:`\cos\theta\, s_b + \sin\theta\, s_c`; the mean over theta is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.information import factor_entropy
from analysis.modes import DEGENERATE
from annealing.errors import IFPError

_TURNS = 8  # angles of two directions that nothing tells apart


@dataclass(frozen=True)
class PairMixing:
    """Nats that the code of ``other`` tells about ``factor`` by itself."""

    factor: str
    other: str
    nats: float


def predicted_mixing(
    names: Sequence[str], scores: NDArray[np.floating], classes: NDArray[np.integer], values: Sequence[float]
) -> tuple[PairMixing, ...]:
    """Nats of every ordered pair of factors, by the equation above.

    Args:
        names: of the factors.
        scores: s_b of each image and factor (images, factors).
        classes: of each image (images, factors), from 0.
        values: marginal freezing points by factor, nats: within 5% they count as one.

    Raises:
        IFPError: shapes that do not fit.
    """
    if scores.shape != classes.shape or scores.shape[1:] != (len(names),) or len(values) != len(names):
        raise IFPError(
            f"need scores and classes (images, {len(names)}) and {len(names)} values, got shapes {scores.shape} and "
            f"{classes.shape} and {len(values)} values"
        )
    deviation = scores.std(axis=0)
    unit = scores / np.where(deviation > 0, deviation, 1.0)
    told = np.empty((len(names), len(names)))
    for b in range(len(names)):
        alike = [c for c in range(len(names)) if c != b and _tied(values[b], values[c])]
        angles = np.arange(_TURNS) * np.pi / _TURNS
        turned = [np.cos(angle) * unit[:, b] + np.sin(angle) * unit[:, c] for c in alike for angle in angles]
        told[:, b] = np.mean([_told(score, classes) for score in turned or [unit[:, b]]], axis=0)
    return tuple(
        PairMixing(names[a], names[b], float(told[a, b]))
        for a in range(len(names))
        for b in range(len(names))
        if a != b
    )


def _tied(one: float, other: float) -> bool:
    return min(one, other) > (1 - DEGENERATE) * max(one, other) > 0


def _told(score: NDArray[np.floating], classes: NDArray[np.integer]) -> NDArray[np.float64]:
    """I of one score about each factor (factors,), at most its entropy, the correlation ratio of chance taken off."""
    images = len(score)
    variance = score.var()
    found, most = np.zeros(classes.shape[1]), factor_entropy(classes)
    for k, labels in enumerate(classes.T if variance > 0 else ()):
        counts = np.bincount(labels)
        there = counts > 0
        means = np.bincount(labels, score)[there] / counts[there]
        between = float(counts[there] @ (means - score.mean()) ** 2) / images
        ratio = between / variance - (there.sum() - 1) / images
        found[k] = min(-0.5 * np.log1p(-np.clip(ratio, 0.0, 1 - 1e-12)), most[k])
    return found
