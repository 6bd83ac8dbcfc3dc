r"""Freezing points of rows of any data under any likelihood: the spectrum of whitened scores.

.. math:: \beta_k = \lambda_k \left( H^{-1/2}\, \mathrm{Cov}(s)\, H^{-1/2} \right)

with s the scores at the silent decoder and H its curvature (:mod:`annealing.likelihoods.likelihood`). The loss is
the negative log-likelihood, summed over features and averaged over rows, plus beta times the KL. The first value is the
pressure at which a latent starts to carry information, and it is exact for the local stability of silence: the best
encoder is linear in s, for any network that can draw the direction. Later ones are freezing points for linear decoders
of Gaussian rows alone.

To second order in directions :math:`w_k` of the decoder and codes :math:`c_k(x) = w_k \cdot s(x)/\beta`, the loss is

.. math:: \tfrac12 \sum_k w_k^\top H w_k - \tfrac{1}{2 \beta} \sum_k w_k^\top \mathrm{Cov}(s)\, w_k .
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annealing.choices import require_count
from annealing.errors import DataError
from annealing.leading_modes import leading_modes
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.rows import Rows


@dataclass(frozen=True)
class ScoreSpectrum:
    """Leading freezing points.

    Attributes:
        points: nats, falling, (modes,): ``points[0]`` is where silence ends.
        directions: what the decoder adds to the silent outputs per unit of the code, (modes, parameters, features),
            scaled to a curvature of 1; 0 of features that never vary.
        silent: the silent decoder's outputs, (parameters, features).
        varying: which features vary, (features,).
        rows: how many the values are from.
        likelihood: its name.
        notes: what a reader of the points should know.
    """

    points: NDArray[np.float64]
    directions: NDArray[np.float64]
    silent: NDArray[np.float64]
    varying: NDArray[np.bool_]
    rows: int
    likelihood: str
    notes: tuple[str, ...] = ()


def score_spectrum(rows: Rows, likelihood: RowLikelihood, modes: int = 10) -> ScoreSpectrum:
    """The leading freezing points of rows, of whose condition the decoder is told nothing.

    Sparse rows stay sparse, and nothing of features times features is made of wide ones.
    :mod:`annealing.conditions` has the points of a decoder that is told a condition.

    Args:
        rows: N rows of D features.
        likelihood: of :func:`annealing.likelihoods.row_likelihood`, or one's own.
        modes: how many points; fewer come back where there are fewer rows or features.

    Raises:
        IFPError: no mode, rows that the likelihood cannot draw, or of which no feature varies.
    """
    require_count("modes", modes)
    silence = likelihood.silence(rows)
    require_varying(silence.varying)
    values, directions = leading_modes(silence.scores, silence.curvature, modes)
    return ScoreSpectrum(
        points=likelihood.points(values, rows.features),
        directions=directions.T.reshape(len(values), len(likelihood.parameters), rows.features),
        silent=silence.outputs,
        varying=silence.varying,
        rows=len(rows),
        likelihood=likelihood.name,
        notes=silence.notes,
    )


def require_varying(varying: NDArray[np.bool_]) -> None:
    """DataError where no feature varies."""
    if not varying.any():
        raise DataError("need a feature that varies, got rows that are all the same: nothing freezes there")
