"""Networks by name, or the user's own: which encoder and decoder a training run builds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from annealing.choices import require_one_of
from annealing.errors import IFPError
from annealing.networks import conv_decoder, conv_encoder, dense_decoder, dense_encoder

ImageShape = tuple[int, int, int]


OWN = "own"  # what a run records of a network that was given as one


@dataclass(frozen=True)
class Network:
    """How (sub-)encoders and the decoder are built: also of the user's own modules.

    Both are called with ifp's seed set, once per sub-encoder; a class that takes these two arguments will do.

    Attributes:
        encoder: of an image shape (H, W, C) and the number of its outputs: a module from images (batch, C, H, W) in
            0..1 to (batch, outputs), posterior means first, then as many log-variances.
        decoder: of an image shape (H, W, C) and the number of latents: a module from latents (batch, latents) to
            (batch, C, H, W): logits of Bernoulli pixels, or means of Gaussian ones.
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
    if name == OWN:
        raise IFPError("need the own network that the run was trained with, from Python: network=ifp.Network(...)")
    require_one_of("a network", name, NETWORKS)
    return NETWORKS[name]


@torch.no_grad()
def require_network(network: Network, image_shape: ImageShape, latents: int) -> None:
    """Try an own network once on one black image; IFPError where modules or shapes are not as :class:`Network` says."""
    height, width, channels = image_shape
    with torch.random.fork_rng(devices=[]):
        encoder, decoder = network.encoder(image_shape, 2 * latents), network.decoder(image_shape, latents)
        for part, inputs, wanted in (
            (encoder, torch.zeros(2, channels, height, width), (2, 2 * latents)),
            (decoder, torch.zeros(2, latents), (2, channels, height, width)),
        ):
            word = "encoder" if part is encoder else "decoder"
            if not isinstance(part, nn.Module):
                raise IFPError(f"need a torch module from the own {word}, got {type(part).__name__}")
            if not list(part.parameters()):
                raise IFPError(f"need parameters in the own {word}, it has none to train")
            got = part(inputs)
            if not isinstance(got, torch.Tensor) or tuple(got.shape) != wanted:
                shape = tuple(got.shape) if isinstance(got, torch.Tensor) else type(got).__name__
                raise IFPError(f"need {wanted} from the own {word} for inputs {tuple(inputs.shape)}, got {shape}")
