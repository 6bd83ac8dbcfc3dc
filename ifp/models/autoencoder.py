"""A network of one's own as a case of the annealing test has it, and the layout by which it is known again."""

import hashlib

import torch

from ifp.models.networks import ImageShape, Network
from ifp.models.vae import MultiGroupVAE


def autoencoder(network: Network, image_shape: ImageShape, latents: int) -> MultiGroupVAE:
    """One encoder for all latents and a decoder, new."""
    return MultiGroupVAE(image_shape, (tuple(range(latents)),), network)


def layout_of(network: Network, image_shape: ImageShape, latents: int) -> str:
    """A digest of the names and shapes of all parameters and buffers; torch's random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        state = autoencoder(network, image_shape, latents).state_dict()
    told = [(name, tuple(value.shape)) for name, value in state.items()]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
