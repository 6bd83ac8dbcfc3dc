"""Information of every latent about every factor in one sample, and how sure what is computed of it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import mutual_info_score

TableScore: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.float64]], float]  # of nats and entropies

_AT_MOST = 4.0  # nats, of the standard deviation of terms: a score that moves by no such error depends on others
_ROUNDING = 1e-12  # nats: a value that varies by less does not vary


@dataclass(frozen=True, eq=False)
class OtherEdges:
    """Nats of one latent (factors,), had its smallest or largest code come out a standard deviation lower or higher."""

    latent: int
    lower: NDArray[np.float64]
    higher: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InformationTable:
    """I(z_j; v_k) in one sample, with the terms that it is the mean of.

    Attributes:
        nats: (latents, factors).
        entropies: of the factors in the sample, nats, (factors,).
        terms: of latent j and factor k: each row's term (rows,) of ``nats[j, k]``.
        surprisal: minus the log of the share of each row's class, (rows, factors).
        known: which rows have a label of the factor, (rows, factors).
        noise: variance of each entry beyond that of the mean of its terms, (latents, factors); it may be below 0.
        edges: of codes in bins between their extremes: what other extremes would have changed.
        cut_off: whether an estimate that came out below 0 is set to 0.
    """

    nats: NDArray[np.float64]
    entropies: NDArray[np.float64]
    terms: Callable[[int, int], NDArray[np.float64]]
    surprisal: NDArray[np.float64]
    known: NDArray[np.bool_]
    noise: NDArray[np.float64] | float = 0.0
    edges: Sequence[OtherEdges] = field(default=())
    cut_off: bool = False

    def standard_error(self, score: TableScore) -> float:
        r"""Standard error of a score of the table, for other samples of as many rows.

        .. math:: \sigma^2 = \frac1n \mathrm{Var}_i \Big( \sum_{jk} \frac{\partial S}{\partial I_{jk}} t_{ijk}
            + \sum_k \frac{\partial S}{\partial H_k} h_{ik} \Big)
            + \sum_{jk} \Big( \frac{\partial S}{\partial I_{jk}} \Big)^2 \nu_{jk}
            + \sum_e \Big( \frac{S_e^+ - S_e^-}{2} \Big)^2

        the delta method, with t and h the ``terms`` and the ``surprisal`` of row i, then ``noise`` and ``edges``.
        Slopes are differences over an entry's own standard error to either side, as scores have kinks: where two
        latents tell as much, which is the second is chance. An estimate that is cut off at 0 varies less. A term of a
        factor that only some rows have a label of counts as often as it stands for others.
        """
        rows = len(self.surprisal)
        weight = self.known / np.maximum(self.known.mean(axis=0), 1 / rows)
        total = np.zeros(rows)
        variance = 0.0
        for j, k in np.ndindex(self.nats.shape):
            if not _slope(lambda nats: score(nats, self.entropies), self.nats, (j, k), _AT_MOST / math.sqrt(rows)):
                continue
            terms = self.terms(j, k)
            mean = float(terms[self.known[:, k]].mean())
            terms = weight[:, k] * (terms - mean)
            noise = float(np.broadcast_to(self.noise, self.nats.shape)[j, k])
            step = math.sqrt(max(terms.var() / rows + noise, 0.0))
            slope = _slope(lambda nats: score(nats, self.entropies), self.nats, (j, k), step)
            slope *= math.sqrt(_left_above_0(mean / step)) if self.cut_off and step > _ROUNDING else 1.0
            total += slope * terms
            variance += slope**2 * noise
        for k in range(len(self.entropies)):
            terms = weight[:, k] * (self.surprisal[:, k] - self.entropies[k])
            step = math.sqrt(terms.var() / rows)
            total += _slope(lambda entropies: score(self.nats, entropies), self.entropies, (k,), step) * terms
        variance += float(total.var()) / rows
        for other in self.edges:
            lower, higher = self.nats.copy(), self.nats.copy()
            lower[other.latent], higher[other.latent] = other.lower, other.higher
            variance += ((score(higher, self.entropies) - score(lower, self.entropies)) / 2) ** 2
        return math.sqrt(max(variance, 0.0))


def _left_above_0(mean: float) -> float:
    """Share of its variance, which is 1, that a Gaussian of that mean keeps once what lies below 0 is set to 0."""
    above, density = float(norm.cdf(mean)), float(norm.pdf(mean))
    return (mean**2 + 1) * above + mean * density - (mean * above + density) ** 2


def _slope(
    score: Callable[[NDArray[np.float64]], float], at: NDArray[np.float64], place: tuple[int, ...], step: float
) -> float:
    """Difference of the score over a step to either side of one value, which stays above 0."""
    if step <= _ROUNDING:
        return 0.0
    higher, lower = at.copy(), at.copy()
    higher[place] += step
    lower[place] = max(lower[place] - step, 0.0)
    return (score(higher) - score(lower)) / float(higher[place] - lower[place])


def surprisals(factors: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Minus the log share of each row's class (rows, factors), its mean (factors,), and which rows have a label.

    Args:
        factors: classes from 0, -1 where there is no label, (rows, factors).
    """
    known = factors >= 0
    found = np.zeros(factors.shape)
    for k, labels in enumerate(factors.T):
        there = labels[known[:, k]]
        found[known[:, k], k] = -np.log(np.bincount(there)[there] / max(len(there), 1))
    return found, entropies_of(factors), known


def entropies_of(factors: NDArray[np.integer]) -> NDArray[np.float64]:
    """Entropy of each factor's classes, nats (factors,): of rows with a label, those from 0."""
    return np.array([mutual_info_score(labels, labels) for labels in (each[each >= 0] for each in factors.T)])
