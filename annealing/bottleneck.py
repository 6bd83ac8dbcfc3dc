"""The bottleneck: diagonal Gaussian posteriors, their nats of KL, and samples from them."""

import math

import torch
from torch import Tensor

_LOG_2PI = math.log(2 * math.pi)


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    r"""KL of each latent's Gaussian posterior from the unit Gaussian prior.

    .. math:: \mathrm{KL}_j = \tfrac12 \left( \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 \right)

    Source: Kingma & Welling, Auto-Encoding Variational Bayes, appendix B (there with the opposite sign).

    Args:
        mean: :math:`\mu`, shape (..., latents).
        logvar: :math:`\log \sigma^2`, shape (..., latents).

    Returns:
        Nats per image and latent, shape (..., latents); nothing is averaged here.

    >>> gaussian_kl(torch.tensor([1.0]), torch.tensor([0.0]))
    tensor([0.5000])
    """
    # expm1 keeps the digits of a nearly silent latent, where exp(logvar) - 1 would round them away
    return (mean.square() + torch.expm1(logvar) - logvar) / 2


def log_density(sample: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    r""":math:`\log q(z | x)` of each latent's Gaussian posterior, in nats; shapes broadcast, nothing is summed.

    >>> log_density(torch.tensor(0.0), torch.tensor(0.0), torch.tensor(0.0))
    tensor(-0.9189)
    """
    return -(_LOG_2PI + logvar + (sample - mean).square() * torch.exp(-logvar)) / 2


def reparameterize(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    r"""Sample of the posterior, :math:`z = \mu + \sigma \epsilon`; shapes broadcast."""
    return mean + (logvar / 2).exp() * noise


def stratified_normal(uniform: Tensor, samples: int) -> Tensor:
    """Unit Gaussian noise, one sample in each of ``samples`` equally likely strata (randomised quasi-Monte Carlo).

    Every sample alone is exactly Gaussian; together they cover the line evenly, which lowers the noise of the
    gradient. The nodes move with ``uniform`` at each step: with fixed nodes a decoder learns to tell images
    apart by the nodes' positions and the reconstruction falls at no KL.

    Args:
        uniform: one draw from U(0, 1) per image and latent, shape (..., images, latents).

    Returns:
        Noise of shape (..., samples, images, latents). Neighbouring latents run through the strata in different
        orders, so that they do not rise together.
    """
    latents = uniform.shape[-1]
    # a stride without a common factor visits every stratum once
    strides = [step for step in range(1, samples + 1) if math.gcd(step, samples) == 1]
    stride = torch.tensor([strides[latent % len(strides)] for latent in range(latents)]).to(uniform)
    stratum = torch.arange(samples).to(uniform)[:, None, None]
    u = (uniform[..., None, :, :] + stratum * stride / samples) % 1.0
    tiny = torch.finfo(u.dtype).eps
    return torch.special.ndtri(u.clamp(tiny, 1 - tiny))


def shifted_grid(mean: Tensor, logvar: Tensor, uniform: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    r"""Even nodes over the posteriors of one latent, shifted at random, and each posterior's mass at each node.

    .. math:: E_{q(z|x)} f(z) \approx \sum_g w_{g,x} f(z_g), \qquad w_{g,x} = q(z_g | x) / \sum_{g'} q(z_{g'} | x)

    with nodes from 5 standard deviations below the posteriors to 5 above. All images share the nodes, so the decoder
    runs on few points. For a spacing below the standard deviation the sum is exact to many digits: gradients without
    the noise of samples, and no fixed nodes for a decoder to tell images apart by. A posterior narrower than the
    spacing counts as one about as wide as the spacing: it gains nothing by being narrower, and costs KL. (With the
    masses h q(z_g | x) of spacing h, not made to sum to one, such a posterior is seen by no node or by one of huge
    mass, and a network that learns narrow codes is thrown to hundreds of nats.)

    Args:
        mean, logvar: of one latent, each (cases, images, 1).
        uniform: a draw from U(0, 1) per case, (cases, 1, 1).

    Returns:
        Nodes (cases, nodes, 1), which carry no gradient, and weights (cases, nodes, images), which do.
    """
    deviation = (logvar / 2).exp()
    with torch.no_grad():
        low = (mean - 5 * deviation).amin(dim=1, keepdim=True)
        spacing = ((mean + 5 * deviation).amax(dim=1, keepdim=True) - low) / nodes
        grid = low + spacing * (torch.arange(nodes).to(mean)[:, None] + uniform)
    away = (grid - mean.transpose(1, 2)) / deviation.transpose(1, 2)
    return grid, torch.softmax(-away.square() / 2, dim=1)
