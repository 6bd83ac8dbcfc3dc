r"""The KL term of a whole data set decomposed: what latents know about images, share, and spend on leaving the prior.

.. math:: \underbrace{E_x\, \mathrm{KL}(q(z|x) \,\|\, p(z))}_{\text{KL}} = \underbrace{I(x; z)}_{\text{information}} +
    \underbrace{\mathrm{KL}\Big(q(z) \,\Big\|\, \prod_j q(z_j)\Big)}_{\text{total correlation}} +
    \sum_j \underbrace{\mathrm{KL}(q(z_j) \,\|\, p(z_j))}_{\text{dimension-wise}}

q(z) is the mean of the posteriors of *all* rows given: exact for these rows, without the bias of estimators that see a
batch at a time. Only the expectation over z is sampled. With N rows the information is at most ln N, as it is in truth
for a data set of N images. Source: Hoffman & Johnson 2016 (NIPS workshop); Chen et al. 2018, arXiv:1802.04942.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from annealing.bottleneck import gaussian_kl, log_density
from annealing.errors import IFPError

_CHUNK = 4096  # posteriors at a time


@dataclass(frozen=True)
class KLDecomposition:
    """Nats. ``error`` is the standard error of ``information`` and ``total_correlation`` from sampling z.

    Attributes:
        kl: analytic, per latent (latents,), mean over the rows; their sum is the KL term.
        information: I(x; z).
        total_correlation: what the latents share.
        latent_information: I(x; z_j), (latents,); their sum exceeds ``information`` if latents share some.
        dimension_kl: KL(q(z_j) || p), (latents,).
    """

    kl: tuple[float, ...]
    information: float
    total_correlation: float
    latent_information: tuple[float, ...]
    dimension_kl: tuple[float, ...]
    error: float


def decompose_kl(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], *, seed: int = 0, samples: int = 1024
) -> KLDecomposition:
    """Decomposition of the KL of Gaussian posteriors to the standard normal prior.

    The parts are estimated from one sample of z for each of ``samples`` random rows; the KL itself is analytic, and the
    dimension-wise parts are what it leaves: ``kl - latent_information`` of each latent.

    Args:
        mean, logvar: of the posteriors of all images, (images, latents).
        seed: of the rows and of z.
        samples: how many z are drawn.

    Raises:
        IFPError: shapes that do not fit, posteriors that are not finite, or fewer than two samples.
    """
    if mean.ndim != 2 or mean.shape != logvar.shape or not mean.size or samples < 2:
        raise IFPError(
            f"need mean and logvar (images, latents) and two samples or more, got {mean.shape}, {logvar.shape} and "
            f"{samples}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(logvar).all()):
        raise IFPError("need finite posteriors to take their KL apart, got NaN or infinity")
    m, v = mean.astype(np.float64), logvar.astype(np.float64)
    kl = gaussian_kl(torch.from_numpy(m), torch.from_numpy(v)).mean(dim=0).numpy()
    rng = np.random.default_rng([seed, 6])
    rows = rng.integers(len(m), size=samples)
    z = m[rows] + np.exp(v[rows] / 2) * rng.standard_normal((samples, m.shape[1]))
    own = _log_density(z, m[rows], v[rows])
    alone, joint = _log_mixtures(z, m, v)
    information = own.sum(axis=1) - joint
    shared = joint - alone.sum(axis=1)
    # a latent that is silent for all rows knows exactly nothing
    latent = np.where(np.ptp(m, axis=0) + np.ptp(v, axis=0) > 0, (own - alone).mean(axis=0), 0.0)
    return KLDecomposition(
        kl=tuple(kl.tolist()),
        information=float(information.mean()),
        total_correlation=float(shared.mean()),
        latent_information=tuple(latent.tolist()),
        dimension_kl=tuple((kl - latent).tolist()),
        error=float(max(information.std(ddof=1), shared.std(ddof=1)) / np.sqrt(samples)),
    )


def _log_density(z: NDArray[np.float64], m: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    return log_density(torch.from_numpy(z), torch.from_numpy(m), torch.from_numpy(v)).numpy()


def _log_mixtures(
    z: NDArray[np.float64], m: NDArray[np.float64], v: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-densities at z (samples, latents) of each q(z_j), (samples, latents), and of q(z), (samples,)."""
    alone = np.full(z.shape, -np.inf)
    joint = np.full(len(z), -np.inf)
    for start in range(0, len(m), _CHUNK):
        part = slice(start, start + _CHUNK)
        total = np.zeros((len(z), len(m[part])))
        for j in range(z.shape[1]):
            each = _log_density(z[:, j, None], m[None, part, j], v[None, part, j])
            alone[:, j] = np.logaddexp(alone[:, j], logsumexp(each, axis=1))
            total += each
        joint = np.logaddexp(joint, logsumexp(total, axis=1))
    return alone - np.log(len(m)), joint - np.log(len(m))
