r"""Closed-form freezing points: the largest eigenvalue of the whitened covariance of the images.

Loss: :math:`E_x E_{q(z|x)}[-\log p(x|z)] + \beta\, E_x \mathrm{KL}`, reconstruction summed over pixels. Around
the silent decoder, which draws the mean image p with its own variance V, the loss is to second order

.. math:: \tfrac12 \sum_k w_k^\top V w_k - \tfrac{1}{2\beta} \sum_k w_k^\top C w_k,

with C the covariance of the images and w_k the decoder's directions; the best encoder is linear. A latent
starts to carry information at

.. math:: \beta_c = \lambda_{\max}(V^{-1/2} C V^{-1/2}).

V = p(1 - p) for Bernoulli pixels (binary or grey), V = sigma^2 for Gaussian ones. It is exact for the local
stability of any network that can draw the critical mode, and a lower bound on where silence stops being the
global optimum. Gaussian case: Lucas et al. 2019, arXiv:1911.02469.
"""

import torch
from torch import Tensor

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli, Likelihood


def codebook_bound(images: Tensor, likelihood: Likelihood) -> float:
    r"""Pressure below which a code that names one image beats silence, for an encoder of any distribution.

    .. math:: \max_x S(x) / \ln(1 / P(x)), \qquad S(x) = -\log p(x | p) + \log p(x | x)

    S is what the decoder gains by drawing the image instead of the mean image p, ln(1/P) what it costs to name it.
    Where it lies above :func:`freezing_point`, silence stops being the global optimum while it is still stable: the
    transition is of first order, and a heated latent may melt well above its freezing point. A Gaussian posterior
    need not reach the bound. 0 where the images are all the same.
    """
    flat = images.reshape(len(images), -1).to(torch.float64)
    distinct, count = torch.unique(flat, dim=0, return_counts=True)
    if len(distinct) < 2:
        return 0.0
    silent = likelihood.output_for(flat.mean(dim=0))
    gain = (likelihood.nats(silent, distinct) - likelihood.nats(likelihood.output_for(distinct), distinct)).sum(dim=1)
    return float((gain / torch.log(len(flat) / count.to(torch.float64))).max())


def whitened_courses(images: Tensor, likelihood: Likelihood) -> Tensor:
    """(x - p) V^{-1/2} of the pixels that vary: images (n, ...) to float64 (n, varying pixels).

    Raises:
        IFPError: as :func:`whitened_pixels` has it.
    """
    return whitened_pixels(images, likelihood)[0]


def whitened_pixels(images: Tensor, likelihood: Likelihood) -> tuple[Tensor, Tensor]:
    """:func:`whitened_courses`, and the mean image p of the same pixels, float64 (varying pixels,).

    Raises:
        IFPError: fewer than two images, a value that is not finite or, for Bernoulli pixels, outside 0..1.
    """
    if images.ndim < 2 or len(images) < 2:
        raise IFPError(f"need at least 2 images (n, ...) for a freezing point, got shape {tuple(images.shape)}")
    if not images.numel():
        raise IFPError(f"need images of at least one pixel, got shape {tuple(images.shape)}")
    low, high = images.aminmax()
    if not (torch.isfinite(low) and torch.isfinite(high)):
        raise IFPError("need finite pixels, got NaN or infinity")
    if isinstance(likelihood, Bernoulli) and (low < 0 or high > 1):
        raise IFPError(f"need pixels in 0..1 for a Bernoulli likelihood, got {low:g}..{high:g}")
    flat = images.reshape(len(images), -1)
    # a pixel that never varies contributes nothing to a covariance, and its decoder may have no variance
    varying = flat[:, flat.amax(dim=0) > flat.amin(dim=0)].to(torch.float64)
    mean = varying.mean(dim=0)
    variance = likelihood.variance(mean)
    courses = (varying - mean) / variance.sqrt()
    kept = variance > 0
    return (courses, mean) if kept.all() else (courses[:, kept], mean[kept])


def eigenvalues(images: Tensor, likelihood: Likelihood) -> Tensor:
    r"""Eigenvalues of :math:`V^{-1/2} C V^{-1/2}`, falling, in nats: images (n, ...) to float64 (n,).

    From the Gram matrix of the images or of the varying pixels, whichever is smaller; filled up with zeros.
    """
    courses = whitened_courses(images, likelihood)
    n, pixels = courses.shape
    gram = courses @ courses.T if n <= pixels else courses.T @ courses
    values = torch.linalg.eigvalsh(gram / n).flip(0).clamp(min=0)
    return torch.nn.functional.pad(values, (0, n - len(values)))


def freezing_point(images: Tensor, likelihood: Likelihood) -> float:
    """The pressure beta (reconstruction summed over pixels) below which a latent carries information.

    0 where the images are all the same: such a set never freezes.

    >>> images = torch.tensor([[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])  # two pixels move together, one stands
    >>> freezing_point(images, Bernoulli())
    2.0
    """
    return float(eigenvalues(images, likelihood)[0])
