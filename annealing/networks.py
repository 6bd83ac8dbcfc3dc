"""Encoders and decoders: dense ones stacked so that many cases train in one computation, and convolutional ones."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from annealing.deconvolution import Deconvolution
from annealing.errors import IFPError


class StackedLinear(nn.Module):
    """One affine map per case, (cases, rows, inputs) to (cases, rows, outputs), in one batched product.

    Each case draws its parameters from its own stream at its own size and is padded with zeros to the largest:
    a case starts alike whatever stack it is in.
    """

    def __init__(self, inputs: Sequence[int], outputs: Sequence[int], streams: Sequence[Generator]) -> None:
        super().__init__()
        weight = torch.zeros(len(streams), max(inputs), max(outputs))
        bias = torch.zeros(len(streams), 1, max(outputs))
        for case, (rows, columns, stream) in enumerate(zip(inputs, outputs, streams, strict=True)):
            draw = (2 * torch.rand(rows + 1, columns, generator=stream) - 1) / math.sqrt(max(rows, 1))
            weight[case, :rows, :columns], bias[case, :, :columns] = draw[:-1], draw[-1]
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, rows: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, rows, self.weight)


class StackedDenseVAE(nn.Module):
    """Independent dense VAEs, one per case: columns -> hidden -> posterior, latents -> hidden -> hidden -> columns.

    Encoder mean and decoder output also have a straight path past their hidden layers. The critical mode is
    linear in both, and a network held silent for long may lose it: without the straight path some cooling sweeps
    stayed silent down to less than half their freezing point.

    Args:
        columns: pixels, or merged courses of pixels, that each case's network sees.
        hidden: units of each hidden layer.
        latents: latents of each case.
        silent_output: decoder output of the mean image, (cases, columns): the decoder starts as the silent one
            does, so that learning the mean is not mistaken for silence.
        streams: a random stream per case.
    """

    def __init__(
        self, columns: Sequence[int], hidden: int, latents: int, silent_output: Tensor, streams: Sequence[Generator]
    ) -> None:
        super().__init__()
        cases = len(streams)

        def linear(inputs: int | Sequence[int], outputs: int | Sequence[int]) -> StackedLinear:
            sizes = [[each] * cases if isinstance(each, int) else each for each in (inputs, outputs)]
            return StackedLinear(sizes[0], sizes[1], streams)

        self.encoder = nn.Sequential(linear(columns, hidden), nn.Tanh(), linear(hidden, 2 * latents))
        self.decoder = nn.Sequential(
            linear(latents, hidden), nn.Tanh(), linear(hidden, hidden), nn.Tanh(), linear(hidden, columns)
        )
        self.encoder_straight = linear(columns, latents)
        self.decoder_straight = linear(latents, columns)
        with torch.no_grad():
            self.decoder_straight.bias.copy_(silent_output[:, None, :])

    def expect_scaled(self, gain: Tensor) -> None:
        """Take rows that come multiplied with ``gain`` (cases, 1, 1) for what they were: the same posterior."""
        with torch.no_grad():
            for first in (self.encoder.get_submodule("0"), self.encoder_straight):
                first.get_parameter("weight").div_(gain)

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log-variance, each (cases, images, latents), of rows (cases, images, columns)."""
        mean, logvar = self.encoder(rows).chunk(2, dim=-1)
        return mean + self.encoder_straight(rows), logvar

    def decode(self, latents: Tensor) -> Tensor:
        """Decoder output (cases, rows, columns) of latents (cases, rows, latents)."""
        return self.decoder(latents) + self.decoder_straight(latents)


def _frame(image_shape: tuple[int, int, int], multiple: int) -> tuple[int, int]:
    """Zeros that bring height and width to a multiple: rows below, columns to the right."""
    height, width, _ = image_shape
    if min(height, width) < 1:
        raise IFPError(f"need images of one pixel or more for a conv network, got {height}x{width}")
    return -height % multiple, -width % multiple


class _Crop(nn.Module):
    """The part of a decoded picture that is the image's, without the frame of :func:`_frame`."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, images: Tensor) -> Tensor:
        return images[..., : self.height, : self.width]


def _feature_maps(channels: int, layers: int) -> tuple[int, ...]:
    """Feature maps of each layer from the image inward: as many, then twice as many from the middle on."""
    return tuple(channels if layer < layers // 2 else 2 * channels for layer in range(layers))


def conv_encoder(
    image_shape: tuple[int, int, int],
    outputs: int,
    channels: int = 32,
    hidden: int = 256,
    kernels: Sequence[int] = (4, 4, 4, 4),
) -> nn.Module:
    """Images (batch, C, H, W) to (batch, outputs): convolutions of stride 2, a hidden layer, ReLU.

    The layers of Burgess et al. 2018 (arXiv:1804.03599), as the table of Locatello et al. 2019 prints them, with
    ``channels`` (32 there), ``channels``, twice and twice as many feature maps. Sides that the strides do not divide
    are framed with zeros.

    Args:
        kernels: side of each convolution's kernel, even; the code of that study has 2 in its last two.
    """
    below, right = _frame(image_shape, 2 ** len(kernels))
    maps = (image_shape[2], *_feature_maps(channels, len(kernels)))
    convolutions = [
        layer
        for (before, after), kernel in zip(itertools.pairwise(maps), kernels, strict=True)
        for layer in (nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2 - 1), nn.ReLU(inplace=True))
    ]
    features = (image_shape[0] + below) * (image_shape[1] + right) * maps[-1] // 4 ** len(kernels)
    return nn.Sequential(
        *([nn.ZeroPad2d((0, right, 0, below))] if below or right else []),
        *convolutions,
        nn.Flatten(),
        nn.Linear(features, hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, outputs),
    )


def conv_decoder(
    image_shape: tuple[int, int, int], latents: int, channels: int = 32, hidden: int = 256, layers: int = 4
) -> nn.Module:
    """Latents (batch, latents) to decoder output (batch, C, H, W): the encoder's layers, mirrored, of 4x4 kernels."""
    below, right = _frame(image_shape, 2**layers)
    height, width = (image_shape[0] + below) // 2**layers, (image_shape[1] + right) // 2**layers
    maps = (*reversed(_feature_maps(channels, layers)), image_shape[2])
    deconvolutions: list[nn.Module] = []
    for before, after in itertools.pairwise(maps):
        deconvolutions += [Deconvolution(before, after), nn.ReLU(inplace=True)]
    crop = [_Crop(*image_shape[:2])] if below or right else []
    return nn.Sequential(
        nn.Linear(latents, hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, height * width * maps[0]),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (maps[0], height, width)),
        *deconvolutions[:-1],
        *crop,
    )


def dense_encoder(image_shape: tuple[int, ...], outputs: int, hidden: int = 1200) -> nn.Module:
    """Images (batch, C, H, W), or rows of a shape of their own, to (batch, outputs): two hidden layers, ReLU.

    The layers of Locatello et al. 2019.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(image_shape), hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs),
    )


def dense_decoder(image_shape: tuple[int, ...], latents: int, hidden: int = 1200) -> nn.Module:
    """Latents (batch, latents) to decoder output (batch, C, H, W): three hidden layers, tanh, as in that study.

    Of any other shape than an image's, (H, W, C), the output is laid out as that says.
    """
    laid_out = (image_shape[2], *image_shape[:2]) if len(image_shape) == 3 else image_shape
    return nn.Sequential(
        nn.Linear(latents, hidden),
        nn.Tanh(),
        nn.Linear(hidden, hidden),
        nn.Tanh(),
        nn.Linear(hidden, hidden),
        nn.Tanh(),
        nn.Linear(hidden, math.prod(image_shape)),
        nn.Unflatten(1, laid_out),
    )
