"""Separated attribute predictability (SAP)."""

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.measure import Measure
from analysis.scores.protocol import STUDY, SampleSizes
from annealing.errors import IFPError


def sap(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> float:
    """How much better the best single latent predicts a factor than the second best, mean over factors.

    A linear support vector machine (C 0.01, balanced classes) sees one latent at a time; its accuracy on other
    samples is what it predicts. One-against-rest lines along one axis hardly find a value between two others, so
    that factors of many values score low whatever the code; the penalty holds it down where codes are small or far
    from 0. Source: Kumar et al. 2018, arXiv:1711.00848, for classes as in Locatello et al. 2019, arXiv:1811.12359.

    A single latent is compared with one that never moves. Rows that lack the label of a factor take no part for it.

    Raises:
        IFPError: a factor has one value only in the sample.
    """
    return gap_of_the_two_best(accuracies(data.train(seed, sizes), data.test(seed, sizes)))


def accuracies(train: Sample, test: Sample) -> NDArray[np.float64]:
    """Test accuracy of each factor from each latent alone, shape (latents, factors); two latents at least."""
    found = np.empty((max(train.codes.shape[1], 2), train.factors.shape[1]))
    for k in range(found.shape[1]):
        (codes, labels), (unseen, truth) = train.of(k), test.of(k)
        if codes.shape[1] == 1:
            codes, unseen = (np.hstack([each, np.zeros_like(each)]) for each in (codes, unseen))
        for j in range(len(found)):
            # the primal problem: it converges and needs no random numbers, and its optimum is the dual one's
            machine = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=0).fit(codes[:, [j]], labels)
            found[j, k] = np.mean(machine.predict(unseen[:, [j]]) == truth)
    return found


def gap_of_the_two_best(accuracy: NDArray[np.floating]) -> float:
    r"""Mean over factors of best less second best latent, from accuracies (latents, factors).

    .. math:: \frac1K \sum_k S_{(1) k} - S_{(2) k}

    Raises:
        IFPError: another shape, or fewer than two latents.
    """
    if accuracy.ndim != 2 or len(accuracy) < 2 or not accuracy.size:
        raise IFPError(f"need accuracies (latents, factors) of two or more latents, got shape {accuracy.shape}")
    second, first = np.sort(accuracy, axis=0)[-2:]
    return float(np.mean(first - second))


MEASURES = (Measure.of("sap", sap, place=2, rows="samples"),)
