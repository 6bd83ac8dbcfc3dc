r"""Decoder likelihoods: nats per pixel of an image given the decoder's output, and the decoder's own variance.

Reconstruction is always **summed** over pixels and averaged over images; that sum fixes the scale of beta.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from annealing.choices import require_one_of
from annealing.errors import IFPError


@dataclass(frozen=True)
class Bernoulli:
    r"""Pixels in [0, 1], output the logit l: :math:`-x l + \log(1 + e^l)`; V = p(1 - p)."""

    name: str = "bernoulli"

    def nats(self, output: Tensor, image: Tensor) -> Tensor:
        """-log p(x | output) of each pixel, in nats; shapes broadcast, nothing is summed."""
        return functional.softplus(output) - image * output

    def log_partition(self, output: Tensor) -> Tensor:
        """A of -log p(x | output) = A(output) - x output + ..., what does not depend on the output left out."""
        return functional.softplus(output)

    def weighted_nats(self, output: Tensor, weights: Tensor, images: Tensor) -> Tensor:
        """Sum over images of weight times nats: what nodes (..., nodes, pixels) cost that stand for several images.

        Args:
            output: (..., nodes, pixels). weights: (..., nodes, images). images: (..., images, pixels).

        Returns:
            (..., nodes, pixels). The nats are linear in the image, so that one product with the images does.
        """
        return weights.sum(dim=-1, keepdim=True) * functional.softplus(output) - (weights @ images) * output

    def mean(self, output: Tensor) -> Tensor:
        """E[x | output], the image the decoder draws."""
        return output.sigmoid()

    def output_for(self, mean: Tensor) -> Tensor:
        """The output whose mean is ``mean``: where a decoder that ignores its latents ends."""
        return torch.logit(mean, eps=1e-6)

    def variance(self, mean: Tensor) -> Tensor:
        """The decoder's variance V of each pixel when it draws ``mean`` (not that of the data)."""
        return mean * (1 - mean)


@dataclass(frozen=True)
class Gaussian:
    r"""Output the mean, variance :math:`\sigma^2` given: :math:`\tfrac12 (x - m)^2 / \sigma^2`.

    The constant :math:`\tfrac12 \log 2\pi\sigma^2` is left out: it moves no freezing point.
    """

    sigma2: float = 1.0
    name: str = "gaussian"

    def __post_init__(self) -> None:
        if not self.sigma2 > 0:
            raise IFPError(f"need a Gaussian variance above 0, got {self.sigma2}")

    def nats(self, output: Tensor, image: Tensor) -> Tensor:
        """As for :class:`Bernoulli`."""
        return (image - output).square() / (2 * self.sigma2)

    def log_partition(self, output: Tensor) -> Tensor:
        """A of -log p(x | output) = A(output) - x output / sigma^2 + ..., as for :class:`Bernoulli`."""
        return output.square() / (2 * self.sigma2)

    def weighted_nats(self, output: Tensor, weights: Tensor, images: Tensor) -> Tensor:
        """As for :class:`Bernoulli`; the nats are linear in the image and its square."""
        total = weights.sum(dim=-1, keepdim=True)
        first, second = weights @ images, weights @ images.square()
        return (total * output.square() - 2 * first * output + second) / (2 * self.sigma2)

    def mean(self, output: Tensor) -> Tensor:
        """The output itself."""
        return output

    def output_for(self, mean: Tensor) -> Tensor:
        """The mean itself."""
        return mean

    def variance(self, mean: Tensor) -> Tensor:
        """The given variance, whatever is drawn."""
        return torch.full_like(mean, self.sigma2)


Likelihood = Bernoulli | Gaussian

LIKELIHOODS: Mapping[str, Likelihood] = {each.name: each for each in (Bernoulli(), Gaussian())}


def likelihood_named(name: str) -> Likelihood:
    """The likelihood called ``name``; IFPError for any other than bernoulli and gaussian (variance 1)."""
    require_one_of("a likelihood", name, LIKELIHOODS)
    return LIKELIHOODS[name]
