"""The FactorVAE score: which latent moves least while one factor is held."""

import numpy as np
from numpy.typing import NDArray

from analysis.scores.codes import LabelledCodes
from analysis.scores.measure import Measure
from analysis.scores.protocol import STUDY, SampleSizes
from analysis.scores.shared_values import draw_groups

ACTIVE = 0.05  # standard deviation of the mean code from which a latent takes part


def factor_vae(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> float:
    r"""Accuracy with which the latent that moves least tells which factor was held.

    .. math:: d = \arg\min_j \frac{\mathrm{Var}_{x | v_k}\, \mu_j}{\mathrm{Var}_x\, \mu_j}

    Each vote is a group of 64 images that share the value of one random factor k; it goes from k to the latent d.
    A latent is then taken to mean the factor from which it had most votes, and the score is the share of new votes
    for which that is right. Several latents may mean one factor: codes held twice score 1. Latents whose standard
    deviation is below 0.05 take no part; 0 where none does. With K factors, a latent that is always chosen scores
    1 / K. Source: Kim & Mnih 2018, arXiv:1802.05983, as in Locatello et al. 2019, arXiv:1811.12359.

    Raises:
        IFPError: fewer than two factors vary, or one has a single value in the sample.
    """
    data.need_factors("the FactorVAE score")
    variance = data.counted(seed, sizes).codes.var(axis=0, ddof=1)
    active = np.sqrt(variance) >= ACTIVE
    if not active.any():
        return 0.0
    codes, variance = data.codes[:, active].astype(np.float64), variance[active]
    counted = []
    for stream, count in ((2, sizes.train), (3, sizes.test)):
        factor, rows = draw_groups(data, count, sizes.group, np.random.default_rng([seed, stream]))
        counted.append(votes(factor, least_moving(codes, rows, variance), len(data.sizes), codes.shape[1]))
    return majority_accuracy(*counted)


def least_moving(
    codes: NDArray[np.floating], rows: NDArray[np.integer], variance: NDArray[np.floating]
) -> NDArray[np.int64]:
    """The latent of least variance relative to ``variance`` (latents,), in each group of ``rows`` (groups, size)."""
    # latent by latent: all codes of all groups at once would need as many copies of the groups as latents
    within = np.stack([np.ascontiguousarray(code)[rows].var(axis=1, ddof=1) for code in codes.T], axis=1)
    return (within / variance).argmin(axis=1)


def votes(factor: NDArray[np.integer], latent: NDArray[np.integer], factors: int, latents: int) -> NDArray[np.int64]:
    """How often each latent was chosen while each factor was held, shape (factors, latents)."""
    return np.bincount(factor * latents + latent, minlength=factors * latents).reshape(factors, latents)


def majority_accuracy(train: NDArray[np.integer], test: NDArray[np.integer]) -> float:
    """Share of the test votes (factors, latents) whose factor is the one most frequent for their latent in training.

    A latent without a vote in training means the first factor.
    """
    meant = train.argmax(axis=0)
    return float(test[meant, np.arange(test.shape[1])].sum() / test.sum())


MEASURES = (Measure.of("factor_vae", factor_vae, place=3),)
