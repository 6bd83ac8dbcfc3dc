"""SAP, DCI and InfoE of continuous factors: regressions on their values in the place of classifiers of classes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.utils.parallel import Parallel, delayed

from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.dci import DCI, PARTS, completeness, disentanglement
from analysis.scores.factor_values import factor_values
from analysis.scores.infomec import linear_input
from analysis.scores.measure import Estimate, Measure
from analysis.scores.protocol import STUDY, SampleSizes
from analysis.scores.sap import gap_of_the_two_best
from annealing.errors import IFPError

DCI_REGRESSION = "dci-regression"
_MOVING = 1e-12  # variance of a code above which it is correlated with anything, as in the field's code


def sap_regression(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> float:
    r"""SAP of continuous factors: mean over factors of best less second best :func:`squared_correlations`.

    On the rows that information is counted on, of each factor those that have its label; a single latent is compared
    with one that never moves. Source: Kumar et al. 2018, arXiv:1711.00848.

    Raises:
        IFPError: labels of a factor that are no numbers, or one value only in the sample.
    """
    values, train = factor_values(data, "sap-regression"), data.counted(seed, sizes)
    told = [squared_correlations(codes, known) for codes, known in _labelled(train, values)]
    return gap_of_the_two_best(np.stack([np.append(each, 0.0) for each in told], axis=1))


def squared_correlations(codes: NDArray[np.floating], values: NDArray[np.floating]) -> NDArray[np.float64]:
    r"""How much of a factor's variance a line reads from each latent, (latents,); 0 of a variance of 1e-12 or less.

    .. math:: S_j = \frac{\mathrm{Cov}(z_j, v)^2}{\mathrm{Var}(z_j)\, \mathrm{Var}(v)}

    Args:
        codes: (rows, latents).
        values: (rows,), that vary.

    >>> squared_correlations(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([2.0, 6.0])).tolist()
    [1.0, 0.0]
    """
    centred, target = codes - codes.mean(axis=0), values - values.mean()
    variance = np.mean(centred**2, axis=0)
    moves = variance > _MOVING
    shared = np.mean(centred * target[:, None], axis=0) ** 2
    return np.where(moves, shared / np.where(moves, variance, 1.0) / np.mean(target**2), 0.0)


def dci_regression(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY, n_jobs: int = 1) -> DCI:
    """DCI of continuous factors: boosted trees that predict values, scikit-learn's ``GradientBoostingRegressor``.

    With its defaults (100 rounds of depth 3), as the counterpart of the classifier of :func:`analysis.scores.dci.dci`;
    disentanglement and completeness are of the importances in the trees, as there. Informativeness is R^2 on the test
    sample, no less than 0, mean over factors, so that 1 is best; the paper reports the error in its place, with trees
    of a random forest or lasso. Of each factor the rows that have its label. Source: Eastwood & Williams 2018 (ICLR,
    openreview By-7dz-AZ).

    Args:
        n_jobs: factors fitted side by side, -1 for one per core; the result does not depend on it.

    Raises:
        IFPError: fewer than two factors vary, labels of one that are no numbers, or one value only in a sample.
    """
    data.need_factors("DCI")
    values, train, test = factor_values(data, DCI_REGRESSION), data.train(seed, sizes), data.test(seed, sizes)
    fits = Parallel(n_jobs=n_jobs)(
        delayed(_fit)(*seen, *unseen, data.varying[k], seed)
        for k, (seen, unseen) in enumerate(zip(_labelled(train, values), _labelled(test, values), strict=True))
    )
    importance = np.stack([importances for importances, _ in fits], axis=1)
    return DCI(
        name=DCI_REGRESSION,
        disentanglement=disentanglement(importance),
        completeness=completeness(importance),
        informativeness=float(np.mean([told for _, told in fits])),
    )


def infoe_regression(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> float:
    r"""InfoE of continuous factors: R^2 of a linear regression on all latents, mean over factors.

    .. math:: \frac1K \sum_k 1 - \frac{\sum_i (v_{ik} - \hat v_{ik})^2}{\sum_i (v_{ik} - \bar v_k)^2}

    on the rows that it was fitted to, of standardised codes, or of classes one-hot. Source: Hsu et al. 2023,
    arXiv:2305.18378.

    Raises:
        IFPError: labels of a factor that are no numbers, or one value only in the sample.
    """
    values, sample = factor_values(data, "infoe-regression"), data.distinct(seed, sizes)
    seen = linear_input(sample.codes, discrete=data.discrete)
    told = []
    for target in values[sample.rows].T:
        there = ~np.isnan(target)
        told.append(LinearRegression().fit(seen[there], target[there]).score(seen[there], target[there]))
    return float(np.mean(told))


def _labelled(sample: Sample, values: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Factor by factor codes (rows, latents) and values (rows,) of the rows that have its label."""
    for k, target in enumerate(values[sample.rows].T):
        yield sample.of(k)[0], target[~np.isnan(target)]


def _fit(
    codes: NDArray[np.float64],
    values: NDArray[np.float64],
    unseen: NDArray[np.float64],
    truth: NDArray[np.float64],
    factor: int,
    seed: int,
) -> tuple[NDArray[np.float64], float]:
    """Importance of each latent for a factor, (latents,), and R^2 on other rows, no less than 0."""
    if np.ptp(truth) == 0:
        raise IFPError(f"need two values of factor {factor} among the rows drawn to test on, got one in {len(truth)}")
    model = GradientBoostingRegressor(random_state=seed).fit(codes, values)
    return np.abs(model.feature_importances_), max(float(r2_score(truth, model.predict(unseen))), 0.0)


def _dci(data: LabelledCodes, seed: int, sizes: SampleSizes, n_jobs: int) -> tuple[Estimate, ...]:
    found = dci_regression(data, seed=seed, sizes=sizes, n_jobs=n_jobs)
    return Estimate(found.disentanglement), Estimate(found.completeness), Estimate(found.informativeness)


_DCI = tuple(f"{DCI_REGRESSION}_{part}" for part in PARTS)
MEASURES = (
    Measure(_DCI, _dci, "named", place=1, rows="samples", labels="values"),
    Measure.of("sap-regression", sap_regression, when="named", place=2, rows="samples", labels="values"),
    Measure.of("infoe-regression", infoe_regression, when="named", place=8, rows="samples", labels="values"),
)
