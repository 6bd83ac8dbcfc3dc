r"""Published annealing protocols under their own names, so that their bias can be measured.

They cool only, from a pressure fixed beforehand, and read the freezing point off the falling branch. The networks
start untrained: what they show is when a network escapes from silence (or first learns the mean image), not where
silence becomes unstable. Source of the settings: the reference implementation of DEFT (Wu et al. 2022), its
annealing test of 2022 and the factor threshold experiment of 2021 that came before it.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from annealing.bottleneck import gaussian_kl, reparameterize
from annealing.errors import IFPError
from annealing.likelihoods.pixels import Likelihood
from annealing.networks import conv_decoder, conv_encoder
from annealing.sweep import SweepRecord


@dataclass(frozen=True)
class PublishedProtocol:
    """One latent and convolutional networks, batches drawn at random from one action sequence, Adam."""

    name: str
    steps: int
    pressure: Callable[[int], float]  # beta of a step, in nats
    batch_size: int = 64
    learning_rate: float = 1e-4
    stop_below: float = -math.inf  # nats of reconstruction of a batch at which the test ends

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1 or not self.learning_rate > 0:
            raise IFPError(
                f"need steps, batch size and learning rate above 0, "
                f"got {self.steps}, {self.batch_size} and {self.learning_rate}"
            )


PUBLISHED: Mapping[str, PublishedProtocol] = {
    protocol.name: protocol
    for protocol in (
        PublishedProtocol("deft-2022", 8000, lambda t: 70 * math.exp(-15 * t / 8000) + 1, stop_below=1.0),
        PublishedProtocol("deft-2021", 30_000, lambda t: 40 + (1 - 40) * t / 29_999),
    )
}


def published_sweep(
    images: Tensor,
    protocol: PublishedProtocol,
    likelihood: Likelihood,
    *,
    seed: int,
    record_every: int = 10,
    device: str = "cpu",
) -> Iterator[SweepRecord]:
    """Run a protocol on one action sequence and yield a record, of one case, now and then.

    The encoder sees every distinct image once a step and its posteriors are dealt out to the batch: the same loss
    and gradient as encoding the batch, at a fraction of the cost. The KL recorded is that of all images, the
    reconstruction that of the batch.

    Args:
        images: (n, H, W, C), float32 in 0..1.
        seed: of networks, batches and noise.

    Raises:
        IFPError: images of a shape that the networks do not take.
    """
    if images.ndim != 4 or images.dtype != torch.float32:
        raise IFPError(f"need float32 images (n, H, W, C), got {images.dtype} of shape {tuple(images.shape)}")
    height, width, channels = images.shape[1:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = conv_encoder((height, width, channels), 2)
        decoder = conv_decoder((height, width, channels), 1)
    encoder, decoder = encoder.to(device), decoder.to(device)
    for network in (encoder, decoder):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=protocol.learning_rate, fused=True)
    target = images.permute(0, 3, 1, 2).to(device)
    stream = Generator().manual_seed(seed)
    for step in range(protocol.steps):
        beta = protocol.pressure(step)
        drawn = torch.randint(len(images), (protocol.batch_size,), generator=stream).to(device)
        noise = torch.randn(protocol.batch_size, 1, generator=stream).to(device)
        mean, logvar = encoder(target).chunk(2, dim=1)
        nats = gaussian_kl(mean, logvar)  # (images, 1)
        output = decoder(reparameterize(mean[drawn], logvar[drawn], noise))
        reconstruction = likelihood.nats(output, target[drawn]).sum() / protocol.batch_size
        if step % record_every == 0:
            yield SweepRecord(
                step=step,
                direction=("cool",),
                loop=np.array([1]),
                beta=np.array([beta]),
                kl=nats.detach().mean(dim=0).cpu().numpy()[None],
                reconstruction=reconstruction.detach().cpu().numpy()[None],
            )
        if reconstruction.item() < protocol.stop_below:
            return
        optimizer.zero_grad()
        (reconstruction + beta * nats[drawn].mean()).backward()
        optimizer.step()
