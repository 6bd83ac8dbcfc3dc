"""The engine: learn at low pressure, heat until the latent melts, cool until it freezes again.

Cooling alone measures how long a collapsed network needs to escape, not where silence becomes unstable: it lags
by a factor of several. Heating lags little. So a sweep heats first, and melting and freezing bracket the point.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from annealing.bottleneck import gaussian_kl, reparameterize, stratified_normal
from annealing.errors import IFPError
from annealing.likelihood import Likelihood
from annealing.pressure import geometric
from annealing.stack import Case, ConvStack, DenseStack, Stack

NETWORKS = ("dense", "conv")
_NOISE_BLOCK = 64  # steps of noise drawn at once from each case's stream


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """How a case is swept. Pressures are the case's own, not the config's."""

    network: str = "dense"  # or conv
    learn_steps: int = 600  # at the lowest pressure, until the latent is informative
    heat_steps: int = 5000
    cool_steps: int = 5000
    learning_rate: float = 2e-3  # Adam
    samples: int = 4  # of the posterior per image and step
    hidden: int = 64  # units of a dense network's layers
    latents: int = 1
    record_every: int = 10  # steps

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise IFPError(f"need a network out of {', '.join(NETWORKS)}, got {self.network!r}")
        for name in ("learn_steps", "heat_steps", "cool_steps", "samples", "hidden", "latents", "record_every"):
            if getattr(self, name) < 1:
                raise IFPError(f"need {name} of at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise IFPError(f"need a learning rate above 0, got {self.learning_rate}")

    @property
    def steps(self) -> int:
        """Steps of a whole sweep."""
        return self.learn_steps + self.heat_steps + self.cool_steps


@dataclass(frozen=True)
class SweepRecord:
    """One look at a stack of cases, all images of each case."""

    step: int
    direction: str  # learn, heat, cool
    beta: NDArray[np.float64]  # (cases,)
    kl: NDArray[np.float32]  # (cases, latents), nats, mean over the images
    reconstruction: NDArray[np.float32]  # (cases,), nats, summed over pixels, mean over the images


def _noise(streams: Sequence[Generator], images: int, config: SweepConfig) -> Iterator[Tensor]:
    """Noise (cases, samples, images, latents) of each step, from each case's own stream."""
    while True:
        block = [torch.rand(_NOISE_BLOCK, images, config.latents, generator=stream) for stream in streams]
        yield from stratified_normal(torch.stack(block, dim=1), config.samples)


def _schedule(config: SweepConfig, case: Case) -> Iterator[tuple[str, float]]:
    for _ in range(config.learn_steps):
        yield "learn", case.low
    for step in range(config.heat_steps):
        yield "heat", geometric(step, config.heat_steps, case.low, case.high)
    for step in range(config.cool_steps):
        yield "cool", geometric(step, config.cool_steps, case.high, case.low)


def _networks(
    cases: Sequence[Case], config: SweepConfig, likelihood: Likelihood, streams: Sequence[Generator], device: str
) -> Stack:
    if config.network == "conv":
        return ConvStack(cases, config.latents, likelihood, streams, device)
    return DenseStack(cases, config.hidden, config.latents, likelihood, streams, device)


def sweep(
    cases: Sequence[Case], config: SweepConfig, likelihood: Likelihood, device: str = "cpu"
) -> Iterator[SweepRecord]:
    """Sweep a stack of independent cases, all with the same number of images, and yield a record now and then.

    Each case has its own random stream and its own pressures, and the loss is the sum over cases, so that a case
    takes the steps it would take alone.

    Raises:
        IFPError: no case, or cases with images of different shapes.
    """
    shapes = {tuple(case.images.shape) for case in cases}
    if len(shapes) != 1:
        raise IFPError(f"need cases with images of one shape, got {sorted(shapes) or 'no case'}")
    streams = [Generator().manual_seed(case.seed) for case in cases]
    stack = _networks(cases, config, likelihood, streams, device)
    optimizer = torch.optim.Adam(stack.parameters(), lr=config.learning_rate, fused=True)
    noise = _noise(streams, len(cases[0].images), config)
    schedules = zip(*(_schedule(config, case) for case in cases), strict=True)
    for step, pressures in enumerate(schedules):
        direction = pressures[0][0]
        beta = np.array([value for _, value in pressures])
        mean, logvar = stack.posterior()
        kl = gaussian_kl(mean, logvar).mean(dim=1)  # (cases, latents)
        latents = reparameterize(mean[:, None], logvar[:, None], next(noise).to(device))
        reconstruction = stack.reconstruction(latents)
        loss = (reconstruction + torch.as_tensor(beta, dtype=kl.dtype, device=device) * kl.sum(dim=-1)).sum()
        if step % config.record_every == 0:  # before the step: what beta and these networks gave
            yield SweepRecord(step, direction, beta, kl.detach().cpu().numpy(), reconstruction.detach().cpu().numpy())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
