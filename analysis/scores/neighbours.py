"""Information of continuous codes about classes from the distances between nearest neighbours."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

from analysis.scores.information_table import InformationTable, surprisals

NEIGHBOURS = 10  # as in InfoMEC
_BLUR = 1e-10  # of a code's scale: noise that sets equal codes apart


def neighbour_terms(
    code: NDArray[np.float64], labels: NDArray[np.integer], neighbours: int = NEIGHBOURS
) -> NDArray[np.float64]:
    r"""Each row's term (rows,) of I(z; v) in nats, of which the estimate is the mean.

    .. math:: t_i = \psi(n) + \psi(k) - \psi(n_{v_i}) - \psi(m_i)

    with n rows, :math:`n_v` of them of class v, and :math:`m_i` rows of any class nearer than the k-th nearest of row
    i's own class. NaN for the only row of its class, which the estimate leaves out. As :mod:`sklearn` has it in
    ``mutual_info_classif``, for one code at a time by sorting; that function rounds distances in classes of fewer than
    2k + 2 rows, so that it counts a neighbour too many in some. Source: Ross 2014, doi:10.1371/journal.pone.0087357.
    """
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    paired = sizes[classes] > 1
    order = np.argsort(code[paired], kind="stable")
    ordered, of_class = code[paired][order], classes[paired][order]
    radius, nearest = np.empty(len(ordered)), np.empty(len(ordered))
    for value in np.unique(of_class):
        place = np.flatnonzero(of_class == value)
        k = min(neighbours, len(place) - 1)
        radius[place], nearest[place] = _distance(ordered[place], k), k
    within = _nearer(ordered, radius)
    found = np.full(len(code), np.nan)
    place = np.flatnonzero(paired)[order]
    found[place] = digamma(len(ordered)) + digamma(nearest) - digamma(sizes[classes[place]]) - digamma(within)
    return found


def neighbour_table(
    codes: NDArray[np.float64], factors: NDArray[np.integer], neighbours: int = NEIGHBOURS
) -> InformationTable:
    """Information of codes (rows, latents) about factors (rows, factors), -1 is no label, 0 where it is below.

    Codes are set apart by noise of 1e-10 of their scale, always the same. The terms of rows side by side share the
    chance in their neighbours; that is another :math:`(\\psi'(k) - \\psi'(m)) / n` of variance, at most, which
    is counted: over fresh samples of codes that tell little 0.6 to 1 of it was found.
    """
    surprisal, entropies, known = surprisals(factors)
    apart = _set_apart(codes)

    def terms(j: int, k: int) -> NDArray[np.float64]:
        there, found = known[:, k], np.zeros(len(codes))
        values = neighbour_terms(apart[there, j], factors[there, k], neighbours)
        paired = ~np.isnan(values)
        found[there] = np.where(paired, values, values[paired].mean() if paired.any() else 0.0)
        return found

    return _table(terms, surprisal, entropies, known, codes.shape[1], neighbours)


def _table(
    terms: Callable[[int, int], NDArray[np.float64]],
    surprisal: NDArray[np.float64],
    entropies: NDArray[np.float64],
    known: NDArray[np.bool_],
    latents: int,
    neighbours: int,
) -> InformationTable:
    nats, noise = np.zeros((latents, len(entropies))), np.zeros((latents, len(entropies)))
    for j, k in np.ndindex(nats.shape):
        mean = float(terms(j, k)[known[:, k]].mean())
        nats[j, k] = max(mean, 0.0)
        # of the rows near, a share exp(I - H) is of the class: psi'(m) is that share of psi'(k)
        others = 1 - math.exp(min(mean - float(entropies[k]), 0.0))
        noise[j, k] = float(polygamma(1, neighbours)) * others / int(known[:, k].sum())
    return InformationTable(nats, entropies, terms, surprisal, known, noise=noise, cut_off=True)


def _set_apart(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    scale = np.where(np.ptp(codes, axis=0) > 0, codes.std(axis=0), 1.0)
    scaled = codes / scale
    blur = _BLUR * np.maximum(1.0, np.abs(scaled).mean(axis=0))
    return scaled + blur * np.random.default_rng(0).standard_normal(codes.shape)


def _nearer(ordered: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of some ordered values, itself among them, are nearer to each than its radius."""
    last = len(ordered) - 1
    above = np.minimum(np.searchsorted(ordered, ordered + radius, "right"), last)
    below = np.maximum(np.searchsorted(ordered, ordered - radius, "left") - 1, 0)
    for _ in range(2):  # a sum is rounded, so that both may stand a place or two too far out
        above -= ordered[above] - ordered >= radius
        below += ordered - ordered[below] >= radius
    return above - below + 1


def _distance(ordered: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Distance of each of some ordered values to the k-th nearest of the others."""
    outside = np.full(k, np.inf)
    padded = np.concatenate([-outside, ordered, outside])
    found = np.full(len(ordered), np.inf)
    for below in range(k + 1):  # of the k nearest, so many lie below
        lowest = padded[k - below : k - below + len(ordered)]
        highest = padded[2 * k - below : 2 * k - below + len(ordered)]
        found = np.minimum(found, np.maximum(ordered - lowest, highest - ordered))
    return found
