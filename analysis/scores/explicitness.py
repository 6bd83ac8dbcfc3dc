"""Explicitness: can a linear classifier read each factor from all latents together."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from analysis.scores.beta_vae import logistic_classifier
from analysis.scores.codes import LabelledCodes
from analysis.scores.measure import Measure
from analysis.scores.protocol import STUDY, SampleSizes
from annealing.errors import IFPError


def explicitness(data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY) -> float:
    """Area under the ROC curve of one-against-rest logistic regressions, mean over a factor's values, then factors.

    The regressions of a factor see mean codes of the rows that have its label, standardised by those of the training
    sample; a latent that does not move there is 0. Areas are of probabilities that add up to 1 over the values, on
    other samples. A code that tells nothing scores 0.5; a perfect code may score below 1, as values between two others
    are not linearly told apart. Source: Ridgeway & Mozer 2018, arXiv:1802.05312, as in Locatello et al. 2019,
    arXiv:1811.12359.

    Raises:
        IFPError: a factor has one value only in the training or in the test sample.
    """
    train, test = data.train(seed, sizes), data.test(seed, sizes)
    areas = []
    for k in range(len(data.sizes)):
        (codes, labels), (new, truth) = train.of(k), test.of(k)
        centre, moves = codes.mean(axis=0), np.ptp(codes, axis=0) > 0
        scale = np.where(moves, codes.std(axis=0), 1.0)
        seen, unseen = (np.where(moves, (each - centre) / scale, 0.0) for each in (codes, new))
        model = logistic_classifier(seed).fit(seen, labels)
        areas.append(mean_area(model.predict_proba(unseen), model.classes_, truth))
    return float(np.mean(areas))


def mean_area(probabilities: NDArray[np.floating], classes: NDArray[np.integer], labels: NDArray[np.integer]) -> float:
    """Mean over classes of the area under the ROC curve, from probabilities (samples, classes) and true labels.

    A class that none of the labels is has no curve and is left out.

    Raises:
        IFPError: there is no curve: the labels are all one class or none of the classes.
    """
    curves = [
        float(roc_auc_score(labels == one, likely))
        for one, likely in zip(classes, probabilities.T, strict=True)
        if 0 < np.count_nonzero(labels == one) < len(labels)
    ]
    if not curves:
        raise IFPError("need two values of a factor among the rows drawn to test on, got one")
    return float(np.mean(curves))


MEASURES = (Measure.of("explicitness", explicitness, place=6, rows="samples"),)
