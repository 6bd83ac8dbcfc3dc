"""Interventional robustness score (IRS)."""

import numpy as np
from numpy.typing import NDArray

from analysis.scores.binned import discretise
from analysis.scores.codes import LabelledCodes
from analysis.scores.measure import Measure
from analysis.scores.protocol import STUDY, SampleSizes
from annealing.errors import IFPError

_BINS = 20  # values of a factor, at most
_QUANTILE = 0.99  # of the deviations within a value, in place of the largest one


def irs(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> float:
    """:func:`interventional_robustness` of a sample drawn from the codes.

    Raises:
        IFPError: a factor has one value only in the sample.
    """
    sample = data.counted(seed, sizes)
    return interventional_robustness(sample.codes, sample.factors)


def interventional_robustness(
    codes: NDArray[np.floating], factors: NDArray[np.integer], *, quantile: float = _QUANTILE
) -> float:
    r"""How little each latent moves while its factor is held and all others change.

    .. math:: \sum_j w_j \max_k \left( 1 - \frac1{n_k w_j} \sum_{v} Q_{0.99} \left|
        \mu_j - E[\mu_j | v_k = v] \right|_{v_k = v} \right) / \sum_j w_j, \quad
        w_j = \max \left| \mu_j - E \mu_j \right|

    A latent's factor is the one that serves it best. Latents that do not move are left out; 0 where none moves, and
    for a factor among whose labelled rows the latent does not. A factor held by several latents costs nothing. Noise
    does not score 0, as its quantile lies below its maximum: Gaussian noise in a sample of 10,000 has 0.35 to 0.4,
    noise of few values can fall a little below 0. Source: Suter et al. 2019, arXiv:1811.00007; quantile and bins as in
    the code of Locatello et al. 2019, arXiv:1811.12359.

    Args:
        codes: posterior means, shape (samples, latents).
        factors: classes, shape (samples, factors), -1 for no label; of more than 20 values in 20 equal-width bins.
        quantile: of the deviations; 1 is the source's maximum.

    Raises:
        IFPError: shapes that do not fit, codes that are not finite, or a quantile not in [0, 1].
    """
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or not codes.size or not factors.size:
        raise IFPError(f"need codes (samples, latents), factors (samples, factors), got {codes.shape}, {factors.shape}")
    if not np.isfinite(codes).all() or not 0 <= quantile <= 1:
        raise IFPError(f"need finite codes and a quantile from 0 to 1, got quantile {quantile} or NaN or infinity")
    moving = codes[:, np.ptp(codes, axis=0) > 0].astype(np.float64)
    if not moving.size:
        return 0.0
    robust = np.max([_robustness(moving, labels, quantile) for labels in factors.T], axis=0)
    return float(np.average(robust, weights=_largest(moving)))


def _robustness(codes: NDArray[np.float64], labels: NDArray[np.integer], quantile: float) -> NDArray[np.float64]:
    """Robustness (latents,) of codes while one factor is held, among the rows that have its label."""
    there = labels >= 0
    if not there.any():
        return np.zeros(codes.shape[1])
    known = codes if there.all() else codes[there]
    largest, within = _largest(known), _deviation(known, discretise(labels[there, None], _BINS)[:, 0], quantile)
    return 1 - np.divide(within, largest, out=np.ones_like(within), where=largest > 0)


def _largest(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(codes - codes.mean(axis=0)).max(axis=0)


def _deviation(codes: NDArray[np.float64], labels: NDArray[np.int64], quantile: float) -> NDArray[np.float64]:
    """Mean over a factor's values of the quantile of deviations from the value's mean code, (latents,)."""
    groups = [codes[labels == value] for value in np.unique(labels)]
    found = [np.quantile(np.abs(group - group.mean(axis=0)), quantile, axis=0) for group in groups]
    return np.mean(found, axis=0)


MEASURES = (Measure.of("irs", irs, place=7, rows="samples"),)
