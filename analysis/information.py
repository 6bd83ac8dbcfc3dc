"""Mutual information between latents and factors, from Gaussian posteriors."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, rel_entr
from scipy.stats import entropy

from annealing.errors import IFPError

_BINS = 512
_SHUFFLES = 4
_REACH = 5.0  # standard deviations of the posteriors that the grid covers beyond their means


def information(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer], *, bins: int = _BINS
) -> NDArray[np.float64]:
    r"""I(z_j; factor k) in nats, latent by factor.

    .. math:: I(z_j; k) = \sum_c p(c)\, \mathrm{KL}\left( q(z_j | k = c) \,\|\, q(z_j) \right)

    where q(z_j | k = c) is the mean of the Gaussian posteriors of the images of class c and q(z_j) that of all
    images. Each posterior's exact mass is taken in ``bins`` equal bins, so that the value never exceeds the true
    one and a posterior narrower than a bin is not missed. A silent latent, whose posterior is the prior whatever
    the image, has exactly 0. With few images a class a sharp code shows information by chance:
    :func:`shuffle_null` measures that.

    Args:
        mean: posterior means, shape (images, latents).
        logvar: posterior log-variances, shape (images, latents).
        factors: classes from 0, shape (images, factors).

    Returns:
        Nats, shape (latents, factors).

    Raises:
        IFPError: shapes that do not fit, or a posterior that is not finite.
    """
    found = _masses(mean, logvar, factors, bins)
    shared = _class_shares(factors)
    return np.array([_nats(masses, shared) for masses in found])


def shuffle_null(
    mean: NDArray[np.floating],
    logvar: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    shuffles: int = _SHUFFLES,
    bins: int = _BINS,
) -> NDArray[np.float64]:
    """Mean of :func:`information` over random pairings of codes and labels: what chance alone shows, same shape."""
    return _chance(_masses(mean, logvar, factors, bins), factors, seed, shuffles)


def information_and_chance(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer], *, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """:func:`information` and :func:`shuffle_null` of the same codes, for little more than the price of one."""
    found, shared = _masses(mean, logvar, factors, _BINS), _class_shares(factors)
    return np.array([_nats(masses, shared) for masses in found]), _chance(found, factors, seed, _SHUFFLES)


def chance_deviation(null: NDArray[np.floating], images: int) -> NDArray[np.float64]:
    r"""Standard deviation of what chance alone shows, at most: nats, of the shape of a :func:`shuffle_null`.

    Under a random pairing of codes and labels :math:`2 N I` is to leading order :math:`\sum_i w_i \chi^2_1`, weights
    in 0..1, of mean :math:`\sum_i w_i` and variance :math:`2 \sum_i w_i^2 \le 2 \sum_i w_i`; so a mean of null nats
    has a deviation of at most sqrt(null / N).

    >>> float(chance_deviation(np.array(0.04), 400))
    0.01
    """
    return np.sqrt(np.maximum(null, 0.0) / images)


def factor_entropy(factors: NDArray[np.integer]) -> NDArray[np.float64]:
    """Entropy of each factor's classes, nats: (images, factors) to (factors,).

    >>> factor_entropy(np.array([[0, 0], [1, 0]])).round(4).tolist()
    [0.6931, 0.0]
    """
    return np.array([entropy(np.unique(labels, return_counts=True)[1]) for labels in factors.T])


def _chance(
    found: list[NDArray[np.float64]], factors: NDArray[np.integer], seed: int, shuffles: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    shared = [_class_shares(factors[rng.permutation(len(factors))]) for _ in range(shuffles)]
    return np.array([np.mean([_nats(masses, each) for each in shared], axis=0) for masses in found])


def _masses(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer], bins: int
) -> list[NDArray[np.float64]]:
    """Mass of each image's posterior in each bin, (images, bins), per latent."""
    if mean.ndim != 2 or mean.shape != logvar.shape or factors.ndim != 2 or len(factors) != len(mean) or not mean.size:
        raise IFPError(
            f"need mean and logvar (images, latents) and factors (images, factors), "
            f"got {mean.shape}, {logvar.shape} and {factors.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(logvar).all()):
        raise IFPError("need finite posteriors to measure information, got NaN or infinity")
    means, deviations = mean.astype(np.float64), np.exp(logvar.astype(np.float64) / 2)
    found = []
    for m, s in zip(means.T, deviations.T, strict=True):
        edges = np.linspace((m - _REACH * s).min(), (m + _REACH * s).max(), bins - 1)
        below = ndtr((edges[None, :] - m[:, None]) / s[:, None])
        found.append(np.diff(below, axis=1, prepend=0.0, append=1.0))
    return found


def _class_shares(factors: NDArray[np.integer]) -> list[NDArray[np.float64]]:
    """Per factor, weights (classes, images) that average over the images of a class; empty classes are left out."""
    shares = []
    for labels in factors.T:
        member = labels[None, :] == np.unique(labels)[:, None]
        shares.append(member / member.sum(axis=1, keepdims=True))
    return shares


def _nats(masses: NDArray[np.float64], shares: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    if not np.ptp(masses, axis=0).any():  # one posterior for all images: nothing to round
        return np.zeros(len(shares))
    overall = masses.mean(axis=0)
    nats = np.empty(len(shares))
    for k, share in enumerate(shares):
        frequency = 1 / ((share > 0) * share).max(axis=1) / len(masses)  # images of the class / all images
        nats[k] = frequency @ rel_entr(share @ masses, overall).sum(axis=1)
    return np.maximum(nats, 0.0)
