"""Networks by name: which encoder and decoder a training run builds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from torch import nn

from annealing.errors import IFPError, did_you_mean
from annealing.networks import conv_decoder, conv_encoder, dense_decoder, dense_encoder

ImageShape = tuple[int, int, int]


@dataclass(frozen=True)
class Network:
    """How (sub-)encoders and the decoder are built.

    Attributes:
        encoder: of an image shape and the number of its outputs.
        decoder: of an image shape and the number of latents.
    """

    encoder: Callable[[ImageShape, int], nn.Module]
    decoder: Callable[[ImageShape, int], nn.Module]


def convolutional(channels: int, hidden: int) -> Network:
    """Convolutional networks of a size of their own, encoder and decoder alike."""
    return Network(
        partial(conv_encoder, channels=channels, hidden=hidden), partial(conv_decoder, channels=channels, hidden=hidden)
    )


NETWORKS: Mapping[str, Network] = {
    # Locatello et al. 2019 as their paper prints it: 4x4 kernels throughout
    "conv": Network(conv_encoder, conv_decoder),
    # ... and as their code has it: 2x2 kernels in the last two convolutions of the encoder
    "conv-locatello": Network(partial(conv_encoder, kernels=(4, 4, 2, 2)), conv_decoder),
    # for an encoder per group: half the feature maps, half the hidden units
    "conv-small": Network(partial(conv_encoder, channels=16, hidden=128), conv_decoder),
    # the sub-encoders of DEFT's code of 2022 and 2023
    "conv-8": Network(partial(conv_encoder, channels=8, hidden=64), conv_decoder),
    # images of 32x32 after three convolutions are where images of 64x64 are after four
    "conv-32": Network(partial(conv_encoder, kernels=(4, 4, 4)), partial(conv_decoder, layers=3)),
    "dense": Network(dense_encoder, dense_decoder),
}


def network_named(name: str) -> Network:
    """The network called ``name``; IFPError for any other than those of ``NETWORKS``."""
    if name not in NETWORKS:
        raise IFPError(f"need a network out of {', '.join(NETWORKS)}, got {name!r}{did_you_mean(name, NETWORKS)}")
    return NETWORKS[name]
