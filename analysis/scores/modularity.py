"""Modularity: does each latent tell of one factor only."""

import numpy as np
from numpy.typing import NDArray

from analysis.scores.binned import binned_table
from analysis.scores.codes import LabelledCodes
from analysis.scores.measure import Estimate, Measure, estimate
from analysis.scores.protocol import STUDY, SampleSizes
from annealing.errors import IFPError


def modularity(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> Estimate:
    """:func:`modularity_of_information` of mean codes in 20 bins: plug-in information, no bias correction.

    Source: Ridgeway & Mozer 2018, arXiv:1802.05312, as in Locatello et al. 2019, arXiv:1811.12359.

    Raises:
        IFPError: fewer than two factors vary, or one has a single value in the sample.
    """
    data.need_factors("modularity")
    sample = data.counted(seed, sizes)
    table = binned_table(sample.codes, sample.factors)
    return estimate(lambda nats, entropies: modularity_of_information(np.maximum(nats, 0.0)), table, sample)


def modularity_of_information(nats: NDArray[np.floating]) -> float:
    r"""Mean over latents of 1 less the squared information about all factors but the best, relative to the best.

    .. math:: \frac1J \sum_j 1 - \frac{\sum_{k \ne k_j} I_{jk}^2}{(K - 1)\, I_{j k_j}^2}, \quad
        k_j = \arg\max_k I_{jk}

    A latent that tells nothing has 0 and counts, so that silent latents lower the score. Codes held twice do not;
    the score does not ask whether a factor is held at all.

    Args:
        nats: information of each latent about each factor, shape (latents, factors).

    Raises:
        IFPError: another shape, fewer than two factors, or information below 0.
    """
    if nats.ndim != 2 or not nats.size or nats.shape[1] < 2 or not (nats >= 0).all():
        raise IFPError(f"need information (latents, two or more factors), none below 0 or NaN, got shape {nats.shape}")
    squared = np.square(nats, dtype=np.float64)
    best = squared.max(axis=1)
    telling = best > 0
    others = (squared.sum(axis=1) - best)[telling] / (best[telling] * (nats.shape[1] - 1))
    return float((1 - others).sum() / len(nats))


MEASURES = (Measure.of("modularity", modularity, place=5, rows="samples"),)
