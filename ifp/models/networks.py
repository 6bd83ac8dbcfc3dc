"""Networks by name, or the user's own: which encoder and decoder a training run builds."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from annealing.choices import OWN, require_one_of
from annealing.errors import IFPError
from annealing.networks import conv_decoder, conv_encoder, dense_decoder, dense_encoder

ImageShape = tuple[int, int, int]


ROWS_NETWORK = "dense"  # the one by name that rows have


@dataclass(frozen=True)
class Network:
    """How (sub-)encoders and the decoder are built: also of the user's own modules.

    Both are called with ifp's seed set, once per sub-encoder; a class that takes these two arguments will do. Each call
    gives a new module, on the CPU, in float32; lazy layers are given their sizes by two black images. Training takes
    its steps in training mode, and whatever looks at a model (records, scores, codes, traversals) in evaluation mode,
    so that dropout is off there and batch norm's running statistics are those of the batches trained on alone. In the
    annealing test (:class:`annealing.own_stack.OwnStack`) they are in evaluation mode throughout.

    Of rows of D features the encoder is built for the shape (D,), or (D + 1,) where rows have an exposure, and takes
    (batch, D), standardised (:class:`ifp.models.row_network.RowEncoder`); the decoder for (D,), or (P, D) of a
    likelihood of P > 1 parameters, and gives (batch, D) or (batch, P, D), to which the silent decoder's are added.

    Attributes:
        encoder: of an image shape (H, W, C) and the number of its outputs: a module from images (batch, C, H, W) in
            0..1 to (batch, outputs), posterior means first, then as many log-variances.
        decoder: of an image shape (H, W, C) and the number of latents: a module from latents (batch, latents) to
            (batch, C, H, W): logits of Bernoulli pixels, or means of Gaussian ones.
        channels_last: whether images and features lie in memory pixel by pixel (``torch.channels_last``), in which
            convolutions are faster on a processor; else plane by plane, as ``view`` of features needs them.
    """

    encoder: Callable[[ImageShape, int], nn.Module]
    decoder: Callable[[ImageShape, int], nn.Module]
    channels_last: bool = False


def convolutional(channels: int, hidden: int) -> Network:
    """Convolutional networks of a size of their own, encoder and decoder alike."""
    sized: dict[str, Any] = {"channels": channels, "hidden": hidden}
    return Network(partial(conv_encoder, **sized), partial(conv_decoder, **sized), channels_last=True)


def dense(hidden: int) -> Network:
    """Dense networks of a size of their own, encoder and decoder alike."""
    return Network(partial(dense_encoder, hidden=hidden), partial(dense_decoder, hidden=hidden))


def _conv(decoder: Callable[[ImageShape, int], nn.Module] = conv_decoder, **settings: Any) -> Network:
    """Convolutional networks whose encoder has settings of its own."""
    return Network(partial(conv_encoder, **settings), decoder, channels_last=True)


NETWORKS: Mapping[str, Network] = {
    # Locatello et al. 2019 as their paper prints it: 4x4 kernels throughout
    "conv": _conv(),
    # ... and as their code has it: 2x2 kernels in the last two convolutions of the encoder
    "conv-locatello": _conv(kernels=(4, 4, 2, 2)),
    # for an encoder per group: half the feature maps, half the hidden units
    "conv-small": _conv(channels=16, hidden=128),
    # the sub-encoders of DEFT's code of 2022 and 2023
    "conv-8": _conv(channels=8, hidden=64),
    # images of 32x32 after three convolutions are where images of 64x64 are after four
    "conv-32": _conv(partial(conv_decoder, layers=3), kernels=(4, 4, 4)),
    "dense": Network(dense_encoder, dense_decoder),
}


def network_named(name: str) -> Network:
    """The network called ``name``; IFPError for any other than those of ``NETWORKS``."""
    if name == OWN:
        raise IFPError("need the own network that the run was trained with, from Python: network=ifp.Network(...)")
    require_one_of("a network", name, NETWORKS)
    return NETWORKS[name]


def settle(part: nn.Module, *sizes: int) -> None:
    """Give layers that take their sizes from their first input (``nn.LazyLinear``) their parameters.

    Two black inputs pass through, in evaluation mode: running statistics do not see them. A sketch on the meta device
    is left alone where nothing of it waits: what its modules compute may need numbers.

    Args:
        part: changed in place.
        sizes: of an input, without the batch.
    """
    waits = any(is_lazy(each) for each in (*part.parameters(), *part.buffers()))
    device = device_of(part)
    if waits or device.type != "meta":
        with torch.no_grad(), evaluating(part):
            part(torch.zeros(2, *sizes, device=device))


def device_of(part: nn.Module) -> torch.device:
    """Where a module's parameters are, or would be."""
    return next((each.device for each in part.parameters()), torch.get_default_device())


@contextmanager
def evaluating(part: nn.Module) -> Iterator[None]:
    """Evaluation mode while this lasts (no dropout, batch norm by its running statistics), then each module's own."""
    modes = [(module, module.training) for module in part.modules()]
    part.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
