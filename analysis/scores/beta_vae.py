"""The BetaVAE score: how well the latents that stay tell which factor two images share."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from analysis.scores.codes import LabelledCodes
from analysis.scores.measure import Measure
from analysis.scores.protocol import STUDY, SampleSizes
from analysis.scores.shared_values import draw_pairs


def beta_vae(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> float:
    r"""Accuracy with which a linear classifier tells the shared factor from the mean distance of codes.

    .. math:: f_j = \frac1{64} \sum_{i=1}^{64} \left| \mu_j(x_i) - \mu_j(x_i') \right|

    x and x' of a pair share the value of the group's factor and are else independent. The classifier,
    :func:`logistic_classifier`, is fitted to groups with one random factor each, and the score is its accuracy on
    new groups. A code that tells nothing scores about 1 / K, by always naming the same of K factors. Rotated
    codes, too, score high: the classifier may use all latents. Source: Higgins et al. 2017 (ICLR, openreview
    Sy2fzU9gl), as in Locatello et al. 2019, arXiv:1811.12359.

    Raises:
        IFPError: fewer than two factors vary.
    """
    data.need_factors("the BetaVAE score")
    train_points, train_factor = points(data, sizes.train, sizes.group, np.random.default_rng([seed, 2]))
    test_points, test_factor = points(data, sizes.test, sizes.group, np.random.default_rng([seed, 3]))
    model = logistic_classifier(seed).fit(train_points, train_factor)
    return float(np.mean(model.predict(test_points) == test_factor))


def points(
    data: LabelledCodes, count: int, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean absolute differences of codes in groups of ``size`` pairs, (count, latents), and each group's factor."""
    factor, first, second = draw_pairs(data, count, size, rng)
    found = np.empty((count, data.codes.shape[1]))
    for j, code in enumerate(data.codes.T):  # latent by latent: all at once would need hundreds of megabytes
        column = code.astype(np.float64)
        found[:, j] = np.abs(column[first] - column[second]).mean(axis=1)
    return found, factor


def logistic_classifier(seed: int) -> OneVsRestClassifier:
    """One logistic regression per class against the rest, as in the study.

    There it was scikit-learn's default. Since scikit-learn 0.22 the default is one regression for all classes,
    which scores differently, so that it is named here.
    """
    return OneVsRestClassifier(LogisticRegression(solver="liblinear", random_state=seed))


MEASURES = (Measure.of("beta_vae", beta_vae, place=4),)
