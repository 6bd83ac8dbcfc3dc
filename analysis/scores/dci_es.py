"""Explicitness and size, which DCI-ES adds to DCI: how simple a probe does for the codes, and how few they are."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils.parallel import Parallel, delayed

from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.measure import Estimate, Measure
from analysis.scores.protocol import STUDY, SampleSizes
from annealing.errors import IFPError

DEPTHS = (1, 2, 3, 4, 8, 10, 12, 14, 16, 18, 20, 32)  # of the forests, the authors'
_TREES = 100


def dci_es_explicitness(
    data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY, n_jobs: int = 1
) -> tuple[float, ...]:
    """E of each factor, (factors,): :func:`explicitness_of_curve` of random forests of growing depth.

    Forests of scikit-learn (``RandomForestClassifier``, 100 trees, depths from 1 to 32) are fitted to mean codes; the
    loss is 1 less the accuracy on other samples, that of guessing 1 - 1/n for a factor of n values. The authors take a
    regression for factors whose values have an order; here every factor is of classes, as in DCI.

    **E does not ask whether a factor is told at all**: of codes that tell nothing, every forest has the same loss, the
    curve is level, and E is 1. Read it beside ``dci_informativeness``. Source: Eastwood et al. 2023, arXiv:2210.00364,
    by the authors' code.

    Args:
        n_jobs: forests fitted side by side, -1 for one per core; the result does not depend on it.

    Raises:
        IFPError: a factor has a single value in the sample.
    """
    train, test = data.train(seed, sizes), data.test(seed, sizes)
    factors = range(len(data.sizes))
    fits = Parallel(n_jobs=n_jobs)(delayed(forest_loss)(train, test, k, d, seed) for k in factors for d in DEPTHS)
    curves = np.reshape(fits, (len(factors), len(DEPTHS)))
    return tuple(
        explicitness_of_curve(DEPTHS, curve, 1 - 1 / size) for curve, size in zip(curves, data.sizes, strict=True)
    )


def explicitness_of_curve(capacities: ArrayLike, losses: ArrayLike, baseline: float) -> float:
    r"""E of one factor: 1 less the area under the loss of probes of growing capacity, relative to a straight fall.

    .. math:: E = 1 - \frac{2 A}{(c_T - c_1)\, b}, \quad
        A = \sum_{t<T} (c_{t+1} - c_t) \Big( \frac{m_t + m_{t+1}}{2} - m_T \Big), \quad m_t = \min_{s \le t} l_s

    with b the loss of guessing. 1 where the least capacity does as well as any, **at however large a loss**; 0 for a
    straight line from b to 0; below where only the largest capacities do. The area is above the best loss, its
    measure takes a best loss of 0, as in the authors' code.

    Args:
        capacities: c, two or more, rising.
        losses: l, as many, not negative.
        baseline: b, above 0.

    Raises:
        IFPError: other shapes, capacities that do not rise, losses below 0 or NaN, or no baseline above 0.
    """
    c, loss = np.asarray(capacities, np.float64), np.asarray(losses, np.float64)
    if c.ndim != 1 or c.shape != loss.shape or len(c) < 2 or not (np.diff(c) > 0).all():
        raise IFPError(f"need two or more rising capacities and as many losses, got shapes {c.shape}, {loss.shape}")
    if not (loss >= 0).all() or not baseline > 0:
        raise IFPError(f"need losses of 0 or more and a baseline above 0, got {loss.min()} and {baseline}")
    least = np.minimum.accumulate(loss)
    area = float(np.trapezoid(least - least[-1], c))
    return 1 - 2 * area / (float(c[-1] - c[0]) * baseline)


def forest_loss(train: Sample, test: Sample, k: int, depth: int, seed: int) -> float:
    """1 less the accuracy on the test sample of a random forest for factor ``k``, among rows with a label of it."""
    seen, unseen = (each.factors[:, k] >= 0 for each in (train, test))
    model = RandomForestClassifier(n_estimators=_TREES, max_depth=depth, random_state=seed)
    model.fit(train.codes[seen], train.factors[seen, k])
    return 1 - float(model.score(test.codes[unseen], test.factors[unseen, k]))


def size_of_codes(data: LabelledCodes) -> float:
    """S: factors that vary over latents, K / L. Of the paper; the authors' code has no such number."""
    return len(data.sizes) / data.codes.shape[1]


def _explicitness(data: LabelledCodes, seed: int, sizes: SampleSizes, n_jobs: int) -> tuple[Estimate, ...]:
    return (Estimate(float(np.mean(dci_es_explicitness(data, seed=seed, sizes=sizes, n_jobs=n_jobs)))),)


def _size(data: LabelledCodes, seed: int, sizes: SampleSizes, n_jobs: int) -> tuple[Estimate, ...]:
    return (Estimate(size_of_codes(data)),)


MEASURES = (
    Measure(("dci-es_explicitness",), _explicitness, when="named", place=1, rows="samples"),
    Measure(("dci-es_size",), _size, when="named", place=1, rows="samples"),
)
