"""A stack of independent cases: their images, networks and loss, dense in one computation or convolutional."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Likelihood
from annealing.networks import StackedDenseVAE, conv_decoder, conv_encoder

_WIDE = 400  # columns: as many as the widest action sequences of dSprites have


@dataclass(frozen=True)
class Case:
    """An action sequence, the pressures it is swept between, and the seed of its random stream."""

    images: Tensor  # (n, H, W, C) in 0..1; or rows (n, D) of any data
    low: float
    high: float
    seed: int
    exposure: Tensor | None = None  # of rows (n,)

    def __post_init__(self) -> None:
        if self.images.dtype != torch.float32:
            raise IFPError(f"need images as float32 in 0..1, got {self.images.dtype}")
        if not 0 < self.low < self.high < float("inf"):
            raise IFPError(f"need pressures 0 < low < high, got {self.low} and {self.high}")


class Stack(Protocol):
    """What the sweep needs of the networks of a stack of cases."""

    def parameters(self) -> list[nn.Parameter]:
        """All networks' parameters."""
        ...

    def posterior(self) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of every image, each (cases, images, latents)."""
        ...

    def reconstruction(self, nodes: Tensor, weights: Tensor) -> Tensor:
        """Nats per image (cases,), summed over pixels, expected over the latents.

        Args:
            nodes: points of the latent space, (cases, nodes, latents).
            weights: mass that each image's posterior has at each, (cases, nodes, images).
        """
        ...


def merge_pixels(images: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels of one course merged: images (n, ...) to columns (n, c) and their multiplicity (c,).

    Pixels with the same n values have the same mean, variance and gradient, so that one column weighted with
    their number replaces them exactly. Pixels that never vary are dropped: a decoder draws them at no loss.

    >>> columns, multiplicity = merge_pixels(torch.tensor([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]]))
    >>> columns.tolist(), multiplicity.tolist()
    ([[0.0, 1.0], [1.0, 0.0]], [2.0, 1.0])
    """
    flat = images.reshape(len(images), -1)
    first, number = _likely_distinct(flat[:, flat.amax(0) > flat.amin(0)])
    columns, place = torch.unique(first, dim=1, return_inverse=True)
    return columns, torch.zeros(columns.shape[1], dtype=flat.dtype).index_add_(0, place, number.to(flat.dtype))


def _likely_distinct(varying: Tensor) -> tuple[Tensor, Tensor]:
    """Columns (n, c) and how often each comes (c,); where many are alike, few come twice.

    A sum over each tells courses apart, and sorting sums is ten times as fast as sorting courses. Where two courses
    have one sum, it is seen, and none is merged here.
    """
    sums = torch.arange(1, len(varying) + 1, dtype=torch.float64).sin() @ varying.to(torch.float64)
    _, which, number = torch.unique(sums, return_inverse=True, return_counts=True)
    if 2 * len(number) < len(which):
        first = torch.full((len(number),), len(which)).scatter_reduce_(0, which, torch.arange(len(which)), "amin")
        columns = varying[:, first]
        if torch.equal(columns[:, which], varying):
            return columns, number
    return varying, torch.ones(varying.shape[1])


def input_gain(columns: int) -> float:
    """Factor of a dense network's inputs, 1 up to 400 columns and falling as their number above.

    A step of Adam moves every weight by the learning rate, so that the steps of a code's mean grow with the number of
    its inputs: above a thousand they throw a silent latent out of its silence again and again. Smaller inputs, and
    weights that start larger by as much, leave the network as it is and its steps as large as with 400.
    """
    return min(1.0, _WIDE / max(columns, 1))


def _padded(tensors: Sequence[Tensor], width: int) -> Tensor:
    return torch.stack([nn.functional.pad(each, (0, width - each.shape[-1])) for each in tensors])


class DenseStack:
    """Dense networks on merged pixels; the columns of all cases are padded to one width, with weight 0."""

    def __init__(
        self,
        cases: Sequence[Case],
        hidden: int,
        latents: int,
        likelihood: Likelihood,
        streams: Sequence[Generator],
        device: str,
    ) -> None:
        merged = [merge_pixels(case.images) for case in cases]
        widths = [columns.shape[1] for columns, _ in merged]
        width = max(widths)
        target = _padded([columns for columns, _ in merged], width)
        weight = _padded([count for _, count in merged], width)[:, None, :]
        mean = target.mean(dim=1, keepdim=True)
        # the networks see whitened pixels, of unit mean square over the case's own columns
        rows = (target - mean) * (weight / likelihood.variance(mean).clamp(min=1e-12)).sqrt()
        power = rows.square().mean(dim=1).sum(dim=1) / torch.tensor(widths).clamp(min=1)
        rows = rows / power.clamp(min=1e-12).sqrt()[:, None, None]
        gain = torch.tensor([input_gain(width) for width in widths])[:, None, None]
        self._rows, self._target, self._weight = (rows * gain).to(device), target.to(device), weight.to(device)
        self._likelihood = likelihood
        silent = likelihood.output_for(mean)[:, 0]
        self._networks = StackedDenseVAE(widths, hidden, latents, silent, streams).to(device)
        self._networks.expect_scaled(gain.to(device))

    def kept(self, cases: Sequence[int]) -> "DenseStack":
        """The stack of some of its cases, as they are trained by now."""
        smaller = copy.copy(self)
        chosen = list(cases)
        smaller._rows, smaller._target, smaller._weight = (
            each[chosen] for each in (self._rows, self._target, self._weight)
        )
        smaller._networks = copy.deepcopy(self._networks)
        for parameter in smaller._networks.parameters():
            parameter.data = parameter.data[chosen]
        return smaller

    def parameters(self) -> list[nn.Parameter]:
        """See :class:`Stack`."""
        return list(self._networks.parameters())

    def posterior(self) -> tuple[Tensor, Tensor]:
        """See :class:`Stack`."""
        return self._networks.encode(self._rows)

    def reconstruction(self, nodes: Tensor, weights: Tensor) -> Tensor:
        """See :class:`Stack`."""
        nats = self._likelihood.weighted_nats(self._networks.decode(nodes), weights, self._target)
        return (nats.sum(dim=1) * self._weight[:, 0]).sum(dim=1) / self._target.shape[1]


class ConvStack:
    """Convolutional networks on whole images, one pair per case, each in turn."""

    def __init__(
        self, cases: Sequence[Case], latents: int, likelihood: Likelihood, streams: Sequence[Generator], device: str
    ) -> None:
        shape = tuple(cases[0].images.shape[1:])
        if len(shape) != 3:
            raise IFPError(f"need images (n, H, W, C) for a conv network, got (n, {', '.join(map(str, shape))})")
        self._targets = [case.images.permute(0, 3, 1, 2).to(device) for case in cases]
        self._likelihood = likelihood
        self._encoders, self._decoders = [], []
        for stream in streams:
            encoder, decoder = conv_encoder(shape, 2 * latents), conv_decoder(shape, latents)
            for parameter in [*encoder.parameters(), *decoder.parameters()]:
                _initialise(parameter, stream)
            self._encoders.append(encoder.to(device))
            self._decoders.append(decoder.to(device))

    def parameters(self) -> list[nn.Parameter]:
        """See :class:`Stack`."""
        return [each for network in (*self._encoders, *self._decoders) for each in network.parameters()]

    def posterior(self) -> tuple[Tensor, Tensor]:
        """See :class:`Stack`."""
        outputs = [encoder(target) for encoder, target in zip(self._encoders, self._targets, strict=True)]
        mean, logvar = torch.stack(outputs).chunk(2, dim=-1)
        return mean, logvar

    def reconstruction(self, nodes: Tensor, weights: Tensor) -> Tensor:
        """See :class:`Stack`."""
        nats = [
            self._likelihood.weighted_nats(decoder(z).flatten(1), weight, target.flatten(1)).sum()
            for decoder, z, weight, target in zip(self._decoders, nodes, weights, self._targets, strict=True)
        ]
        return torch.stack(nats) / weights.shape[-1]


def _initialise(parameter: nn.Parameter, stream: Generator) -> None:
    """He-uniform weights and zero biases from the case's own stream."""
    with torch.no_grad():
        if parameter.ndim == 1:
            parameter.zero_()
        else:
            bound = (6 / parameter[0].numel()) ** 0.5
            parameter.copy_((2 * torch.rand(parameter.shape, generator=stream) - 1) * bound)
