r"""Which likelihood rows suggest where none is named: by their values alone, with the reason.

Of counts the spread beside Poisson's decides, Pearson's statistic over its degrees of freedom:

.. math:: \frac{1}{(N - 1)(D - 1)} \sum_{ij} \frac{(x_{ij} - l_i b_j)^2}{l_i b_j}, \qquad
    b_j = \frac{\sum_i x_{ij}}{\sum_i l_i}

with l the exposures; over (N - 1) D where they are not the sums of the rows. It is 1 of Poisson's counts; what rows
share widens it a little where features are many.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from annealing.errors import DataError
from ifp.datasets.samples import SampleRows

WIDE = 1.25  # spread beside Poisson's from which counts are taken for more widely spread
_CHUNK = 2**20  # values that are looked at together


@dataclass(frozen=True)
class Proposal:
    """A likelihood for some rows, whether each row's sum is its exposure, and why, in words."""

    likelihood: str
    total: bool
    because: str


def proposed_likelihood(samples: SampleRows, *, exposure_named: bool = False) -> Proposal:
    """bernoulli of 0 and 1 and of pixels, counts of whole numbers from 0 on, else gaussian with a learned variance.

    Args:
        samples: the rows.
        exposure_named: whether somebody said what exposes the rows, perhaps nothing: then their sums do not.

    Raises:
        DataError: counts, one row of which is empty.
    """
    if samples.pictures:
        return Proposal("bernoulli", False, "pixels in 0..1")
    low, high, whole = _seen(samples)
    if whole and low >= 0 and high <= 1:
        return Proposal("bernoulli", False, "every value is 0 or 1")
    if not whole or low < 0:
        kind = "whole numbers" if whole else "numbers"
        return Proposal("gaussian-shared", False, f"{kind} from {low:.3g} to {high:.3g}: a mean, one learned variance")
    counted = samples if exposure_named else samples.with_total()
    spread = pearson_spread(counted)
    name = "negative-binomial" if spread > WIDE else "poisson"
    said = f"whole numbers from 0 on, that spread {spread:.3g} times as widely as Poisson's"
    return Proposal(name, not exposure_named, said)


def pearson_spread(samples: SampleRows) -> float:
    """Pearson's statistic over its degrees of freedom, of the equation above; features that are all 0 left out."""
    exposure = np.ones(len(samples)) if samples.exposure is None else samples.exposure
    total = np.asarray(samples.values.sum(axis=0, dtype=np.float64)).ravel()
    squares = np.zeros(samples.features)
    for start in range(0, len(samples), max(_CHUNK // samples.features, 1)):
        part = samples.values[start : start + max(_CHUNK // samples.features, 1)].astype(np.float64)
        square = part.multiply(part) if sparse.issparse(part) else np.square(part)
        squares += (1 / exposure[start : start + part.shape[0]]) @ square
    there = total > 0
    if not there.any():
        raise DataError(f"need counts above 0 in {samples.source}, got none")
    statistic = (squares[there] / (total[there] / exposure.sum())).sum() - total.sum()
    sums = np.asarray(samples.values.sum(axis=1, dtype=np.float64)).ravel()
    fitted = int(np.allclose(sums, exposure))  # each row's own rate is fitted, too
    return float(statistic / ((len(samples) - 1) * max(int(there.sum()) - fitted, 1)))


def _seen(samples: SampleRows) -> tuple[float, float, bool]:
    """Least and largest value, and whether all are whole."""
    values = samples.values
    if sparse.issparse(values):
        implied = values.nnz < values.shape[0] * values.shape[1]  # zeros
        stored = np.append(values.data, 0) if implied or not values.nnz else values.data
        return float(stored.min()), float(stored.max()), bool((stored == np.floor(stored)).all())
    low, high, whole = np.inf, -np.inf, True
    for start in range(0, len(values), max(_CHUNK // values.shape[1], 1)):
        part = values[start : start + max(_CHUNK // values.shape[1], 1)]
        low, high = min(low, float(part.min())), max(high, float(part.max()))
        whole = whole and (part.dtype.kind != "f" or bool((part == np.floor(part)).all()))
    return low, high, whole
