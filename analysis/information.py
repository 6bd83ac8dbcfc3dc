"""Mutual information between latents and factors, from Gaussian posteriors."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
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
    found = _masses(mean, logvar, factors, bins)
    shared = _shuffled_shares(factors, seed, shuffles)
    return np.array([_chance(masses, shared) for masses in found])


def information_and_chance(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer], *, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """:func:`information` and :func:`shuffle_null` of the same codes, for little more than the price of one."""
    found = _masses(mean, logvar, factors, _BINS)
    shared, shuffled = _class_shares(factors), _shuffled_shares(factors, seed, _SHUFFLES)
    nats, chance = zip(*((_nats(masses, shared), _chance(masses, shuffled)) for masses in found), strict=True)
    return np.array(nats), np.array(chance)


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


_Shares = list[tuple[NDArray[np.float64], csr_array]]  # per factor: see _class_shares


def _shuffled_shares(factors: NDArray[np.integer], seed: int, shuffles: int) -> list[_Shares]:
    rng = np.random.default_rng(seed)
    return [_class_shares(factors[rng.permutation(len(factors))]) for _ in range(shuffles)]


def _chance(masses: NDArray[np.float64], shuffled: list[_Shares]) -> NDArray[np.float64]:
    return np.mean([_nats(masses, each) for each in shuffled], axis=0)


def _masses(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer], bins: int
) -> Iterator[NDArray[np.float64]]:
    """Mass of each image's posterior in each bin, (images, bins), one latent after the other."""
    if mean.ndim != 2 or mean.shape != logvar.shape or factors.ndim != 2 or len(factors) != len(mean) or not mean.size:
        raise IFPError(
            f"need mean and logvar (images, latents) and factors (images, factors), "
            f"got {mean.shape}, {logvar.shape} and {factors.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(logvar).all()):
        raise IFPError("need finite posteriors to measure information, got NaN or infinity")
    means, deviations = mean.astype(np.float64), np.exp(logvar.astype(np.float64) / 2)
    return (_mass(m, s, bins) for m, s in zip(means.T, deviations.T, strict=True))


def _mass(m: NDArray[np.float64], s: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    edges = np.linspace((m - _REACH * s).min(), (m + _REACH * s).max(), bins - 1)
    below = ndtr((edges[None, :] - m[:, None]) / s[:, None])
    return np.diff(below, axis=1, prepend=0.0, append=1.0)


def _class_shares(factors: NDArray[np.integer]) -> _Shares:
    """Per factor, each class's share of the images (classes,), and weights that average over its images.

    The weights (classes, images) are sparse: a factor may have as many classes as there are images. Empty classes are
    left out.
    """
    images, shares = np.arange(len(factors)), []
    for labels in factors.T:
        _, place, count = np.unique(labels, return_inverse=True, return_counts=True)
        shares.append((count / len(labels), csr_array((1 / count[place], (place, images)))))
    return shares


def _nats(masses: NDArray[np.float64], shares: _Shares) -> NDArray[np.float64]:
    if not np.ptp(masses, axis=0).any():  # one posterior for all images: nothing to round
        return np.zeros(len(shares))
    overall = masses.mean(axis=0)
    nats = np.empty(len(shares))
    for k, (frequency, averaging) in enumerate(shares):
        nats[k] = frequency @ rel_entr(averaging @ masses, overall).sum(axis=1)
    return np.maximum(nats, 0.0)
