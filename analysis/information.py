"""Mutual information between latents and factors, from Gaussian posteriors."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import entr, ndtr, rel_entr

from annealing.errors import IFPError

_BINS = 512
_SHUFFLES = 4
_NO_ROOM = 1e-9  # nats of entropy above chance that are rounding
_REACH = 5.0  # standard deviations of the posteriors that the grid covers beyond their means


def information(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer], *, bins: int = _BINS
) -> NDArray[np.float64]:
    r"""I(z_j; factor k) in nats, latent by factor.

    .. math:: I(z_j; k) = \sum_c p(c)\, \mathrm{KL}\left( q(z_j | k = c) \,\|\, q(z_j) \right)

    where q(z_j | k = c) is the mean of the Gaussian posteriors of the images of class c and q(z_j) that of all
    images. Each posterior's exact mass is taken in ``bins`` equal bins, so the value never exceeds the true one and
    a posterior narrower than a bin is not missed. A silent latent, whose posterior is the prior for every image, has
    exactly 0. With few images per class, a sharp code shows information by chance; :func:`shuffle_null` measures how
    much.

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


def information_terms(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], labels: NDArray[np.integer], *, bins: int = _BINS
) -> NDArray[np.float64]:
    r"""Each image's term of one latent's :func:`information` about one factor, nats (images,): their mean is it.

    .. math:: t_i = \int q(z | x_i) \ln \frac{q(z | k = c_i)}{q(z)} \, dz

    Args:
        mean, logvar: of the latent, shape (images,).
        labels: classes from 0, shape (images,).
    """
    masses = next(_masses(mean[:, None], logvar[:, None], labels[:, None], bins))
    ((_, averaging),) = _class_shares(labels[:, None])
    place = np.unique(labels, return_inverse=True)[1]
    by_class, overall = averaging @ masses, masses.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.log(by_class / overall)
    return np.einsum("ib,ib->i", masses, np.where(by_class > 0, gain, 0.0)[place])


def shuffle_null(
    mean: NDArray[np.floating],
    logvar: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    shuffles: int = _SHUFFLES,
    bins: int = _BINS,
) -> NDArray[np.float64]:
    """Mean of :func:`information` over random pairings of codes and labels, same shape: what chance alone shows."""
    found = _masses(mean, logvar, factors, bins)
    shared = _shuffled_shares(factors, seed, shuffles)
    return np.array([_chance(masses, shared) for masses in found])


def information_and_chance(
    mean: NDArray[np.floating],
    logvar: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    shuffles: int = _SHUFFLES,
    bins: int = _BINS,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """:func:`information` and :func:`shuffle_null` of the same codes, for little more than the cost of one."""
    found = _masses(mean, logvar, factors, bins)
    shared, shuffled = _class_shares(factors), _shuffled_shares(factors, seed, shuffles)
    nats, chance = zip(*((_nats(masses, shared), _chance(masses, shuffled)) for masses in found), strict=True)
    return np.array(nats), np.array(chance)


def adjusted_information(
    information: NDArray[np.floating], null: NDArray[np.floating], entropy: NDArray[np.floating]
) -> NDArray[np.float64]:
    r"""Information adjusted for chance, nats: 0 for a random code, H for one that determines the factor.

    .. math:: I_{adj} = H \, \frac{I - I_0}{H - I_0}, \quad 0 \le I_{adj} \le H

    with I_0 the :func:`shuffle_null`. Subtracting I_0 alone would take it from informative codes too, which have
    next to no such bias: a perfect code of 32 classes would read 2.3 of its 3.4 nats with 400 images. Between the two
    ends it is near: a code of 32 classes that is right half of the time, 1.11 nats, reads 1.15, 1.24 and 1.13 with
    400, 1,000 and 10,000 images (the plain difference 0.78, 1.04, 1.12). 0 where chance alone shows all there is.
    The form is that of the adjusted Rand index (Hubert & Arabie 1985, doi:10.1007/BF01908075; of information: Vinh
    et al. 2010, JMLR 11:2837).

    Args:
        information, null: nats (..., factors), of :func:`information` and :func:`shuffle_null`.
        entropy: of each factor on the same images (factors,), nats: :func:`factor_entropy`.

    >>> adjusted_information(np.array([1.2, 0.2, 0.1]), np.array([0.2, 0.2, 0.2]), np.array([1.2, 1.2, 1.2])).round(9)
    array([1.2, 0. , 0. ])
    """
    share = _above_chance(entropy, null)
    return np.clip((information - null) * share, 0.0, entropy)


def chance_deviation(
    null: NDArray[np.floating], images: int | NDArray[np.integer], entropy: NDArray[np.floating]
) -> NDArray[np.float64]:
    r"""Standard deviation of a random code's :func:`adjusted_information`, at most: nats, of the shape of ``null``.

    Under a random pairing of codes and labels :math:`2 N I` is to leading order :math:`\sum_i w_i \chi^2_1`, weights
    in 0..1, of mean :math:`\sum_i w_i` and variance :math:`2 \sum_i w_i^2 \le 2 \sum_i w_i`; so a mean of null nats
    has a deviation of at most sqrt(null / N), which the adjustment widens by H / (H - null).

    Args:
        null: nats (..., factors).
        images: N, or an array of them that fits beside the nats.
        entropy: of each factor (factors,), nats.

    >>> chance_deviation(np.array([0.04]), 400, np.array([0.08])).tolist()
    [0.02]
    """
    return np.sqrt(np.maximum(null, 0.0) / images) * _above_chance(entropy, null)


def _above_chance(entropy: NDArray[np.floating], null: NDArray[np.floating]) -> NDArray[np.float64]:
    """H / (H - I_0); 0 where nothing is left above chance."""
    room = entropy - null
    return np.divide(np.broadcast_to(entropy, room.shape), room, out=np.zeros_like(room), where=room > _NO_ROOM)


def factor_entropy(factors: NDArray[np.integer]) -> NDArray[np.float64]:
    """Entropy of each factor's classes, nats: (images, factors) to (factors,).

    >>> factor_entropy(np.array([[0, 0], [1, 0]])).round(4).tolist()
    [0.6931, 0.0]
    """
    counts = [np.unique(labels, return_counts=True)[1] for labels in factors.T]
    return np.array([entr(count / len(factors)).sum() for count in counts])


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
