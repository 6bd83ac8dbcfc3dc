"""InfoMEC: information-theoretic modularity, compactness and explicitness."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from analysis.scores.binned import plug_in_table
from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.information_table import InformationTable, TableScore
from analysis.scores.measure import Estimate, Measure, estimate
from analysis.scores.neighbours import neighbour_table
from analysis.scores.protocol import STUDY, SampleSizes

_PRUNED = 1 / 20  # of the largest range among continuous codes: a latent of a smaller one takes no part
_NOTHING = 1e-4  # of a factor's entropy: less is told by chance alone
_TOLERANCE, _ROUNDS = 1e-4, 100  # of the logistic regressions: gradient of the loss summed over rows, L-BFGS steps


def info_modularity(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> Estimate:
    """InfoM: :func:`modularity_of_shares` of the information in :func:`active_latents`.

    Codes that are whole numbers by their type are classes, with plug-in information; of others it is estimated from 10
    nearest neighbours. Source: Hsu et al. 2023, arXiv:2305.18378.

    Raises:
        IFPError: fewer than two factors vary, or one has a single value in the sample.
    """
    data.need_factors("InfoM")
    sample = data.distinct(seed, sizes)
    return _of_table(modularity_of_shares, sample, data.discrete)


def info_compactness(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> Estimate:
    """InfoC: :func:`compactness_of_shares` of the information in :func:`active_latents`; as :func:`info_modularity`."""
    sample = data.distinct(seed, sizes)
    return _of_table(compactness_of_shares, sample, data.discrete)


def info_explicitness(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> float:
    r"""InfoE: how much of each factor a linear classifier reads from all latents together.

    .. math:: \frac1K \sum_k \frac{\ln n_k - L_k}{\ln n_k}

    with :math:`n_k` the values of factor k and L its log loss in nats on the rows that a logistic regression without
    penalty was fitted to, classes balanced, of standardised codes, or of classes one-hot; latents that are not active
    take part, too. The fit ends after 100 steps, as its authors' does. Source: Hsu et al. 2023, arXiv:2305.18378.
    """
    sample = data.distinct(seed, sizes)
    seen = linear_input(sample.codes, discrete=data.discrete)
    told = []
    for labels in sample.factors.T:
        there = labels >= 0
        loss = _loss(seen[there], labels[there])
        most = np.log(len(np.unique(labels[there])))
        told.append((most - loss) / most)
    return float(np.mean(told))


def linear_input(codes: NDArray[np.float64], *, discrete: bool) -> Any:
    """What a linear model sees of codes (rows, latents): classes one-hot, others standardised."""
    return (OneHotEncoder() if discrete else StandardScaler()).fit_transform(codes)


def active_latents(codes: NDArray[np.number], *, discrete: bool) -> NDArray[np.bool_]:
    """Which latents take part in InfoM and InfoC, (latents,): codes (rows, latents) that move.

    Of continuous ones those whose range is more than a twentieth of the largest range.
    """
    ranges = np.ptp(codes, axis=0)
    return ranges > (0 if discrete else ranges.max() * _PRUNED)


def modularity_of_shares(nats: NDArray[np.floating], entropies: NDArray[np.floating]) -> float:
    r"""How much of what a latent tells is of one factor, mean over latents, from 0 for evenly spread to 1.

    .. math:: \Big( \frac1J \sum_j \frac{\max_k N_{jk}}{\sum_k N_{jk}} - \frac1K \Big) \Big/ \Big( 1 - \frac1K \Big),
        \quad N_{jk} = \frac{I(z_j; v_k)}{H(v_k)}

    A latent that tells nothing at all, for which the authors' code has no number, is left out; 0 where none is left.

    Args:
        nats, entropies: I (active latents, two or more factors) and H (factors,).
    """
    shares = nats / entropies
    telling = shares[shares.sum(axis=1) > _NOTHING]
    return _above_even(telling.max(axis=1) / telling.sum(axis=1), nats.shape[1]) if len(telling) else 0.0


def compactness_of_shares(nats: NDArray[np.floating], entropies: NDArray[np.floating]) -> float:
    r"""How much of what is told of a factor one latent tells, mean over factors: the above with both exchanged.

    .. math:: \Big( \frac1K \sum_k \frac{\max_j N_{jk}}{\sum_j N_{jk}} - \frac1J \Big) \Big/ \Big( 1 - \frac1J \Big)

    A factor that no latent tells of counts as evenly spread. One active latent is as compact as can be: 1.
    """
    shares = (nats / entropies).T
    total = shares.sum(axis=1)
    told = total > _NOTHING
    if not told.any():
        return 0.0
    if len(nats) == 1:
        return float(told.mean())
    best = np.where(told, shares.max(axis=1) / np.where(told, total, 1.0), 1 / len(nats))
    return _above_even(best, len(nats))


def _above_even(shares: NDArray[np.floating], among: int) -> float:
    return float((shares.mean() - 1 / among) / (1 - 1 / among))


def information_of_sample(
    codes: NDArray[np.float64], factors: NDArray[np.integer], *, discrete: bool
) -> InformationTable:
    """The information that InfoM and InfoC are computed of, of every latent."""
    if discrete:
        classes = np.stack([np.unique(code, return_inverse=True)[1] for code in codes.T], axis=1)
        return plug_in_table(classes, factors)
    return neighbour_table(codes, factors)


def _of_table(score: TableScore, sample: Sample, discrete: bool) -> Estimate:
    active = active_latents(sample.codes, discrete=discrete)
    if not active.any():
        return Estimate(0.0)
    return estimate(score, information_of_sample(sample.codes[:, active], sample.factors, discrete=discrete), sample)


def _loss(seen: Any, labels: NDArray[np.integer]) -> float:
    """Log loss on the rows it was fitted to of a logistic regression without penalty, nats."""
    model = LogisticRegression(
        C=np.inf, class_weight="balanced", tol=_TOLERANCE / len(labels), max_iter=_ROUNDS  # of the mean loss here
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it ends after its steps by definition
        model.fit(seen, labels)
    return float(log_loss(labels, model.predict_proba(seen), labels=model.classes_))


MEASURES = (
    Measure.of("infom", info_modularity, place=8, rows="samples"),
    Measure.of("infoc", info_compactness, place=9, rows="samples"),
    Measure.of("infoe", info_explicitness, place=10, rows="samples"),
)
