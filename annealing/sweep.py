"""The engine: networks of a stack of cases trained while each case moves through pressure.

Cooling alone measures how long a collapsed network needs to escape, not where silence becomes unstable: it lags
by a factor of several. So a case is heated as well, slower and slower, and melting and freezing bracket the point.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from annealing.bottleneck import gaussian_kl, reparameterize, shifted_grid, stratified_normal
from annealing.choices import OWN
from annealing.errors import IFPError
from annealing.hysteresis import Bounds, Position, advance
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.likelihoods.pixels import Likelihood
from annealing.own_stack import Build, OwnStack
from annealing.row_stack import RowStack
from annealing.stack import Case, ConvStack, DenseStack, Stack
from annealing.sweep_config import SweepConfig
from annealing.thresholds import ACTIVE, SILENT


@dataclass(frozen=True)
class SweepRecord:
    """One look at a stack of cases, all images of each case; a case that is done shows NaN."""

    step: int
    direction: tuple[str, ...]  # of each case: learn, heat, cool, done
    loop: NDArray[np.int64]  # (cases,), 0 for learning and survey
    beta: NDArray[np.float64]  # (cases,)
    kl: NDArray[np.float32]  # (cases, latents), nats, mean over the images
    reconstruction: NDArray[np.float32]  # (cases,), nats, summed over pixels, mean over the images


Points = tuple[Tensor, Tensor]  # nodes (cases, nodes, latents) and weights (cases, nodes, images)


def _grid_points(streams: Sequence[Generator], config: SweepConfig, mean: Tensor, logvar: Tensor) -> Points:
    uniform = torch.stack([torch.rand(1, 1, generator=stream) for stream in streams]).to(mean)
    return shifted_grid(mean, logvar, uniform, config.nodes)


def _sampled_points(streams: Sequence[Generator], config: SweepConfig, mean: Tensor, logvar: Tensor) -> Points:
    """Samples of each image's own posterior; the other images have no mass there."""
    images, latents = mean.shape[1:]
    uniform = torch.stack([torch.rand(images, latents, generator=stream) for stream in streams]).to(mean)
    noise = stratified_normal(uniform, config.samples)  # (cases, samples, images, latents)
    own = torch.eye(images).repeat(config.samples, 1).to(mean) / config.samples
    return reparameterize(mean[:, None], logvar[:, None], noise).flatten(1, 2), own.expand(len(mean), -1, -1)


def _networks(
    cases: Sequence[Case],
    config: SweepConfig,
    likelihood: Likelihood | RowLikelihood,
    streams: Sequence[Generator],
    device: str,
    build: Build | None,
) -> Stack:
    if (config.network == OWN) != (build is not None):
        raise IFPError(f"need a function that builds networks with the network {OWN}, and with no other")
    if build is not None:
        return OwnStack(cases, build, config.latents, _of_pixels(likelihood), streams, device)
    if isinstance(likelihood, RowLikelihood):
        if config.network != "dense":
            raise IFPError(f"need the network dense for rows, got {config.network}")
        return RowStack(cases, config.hidden, config.latents, likelihood, streams, device)
    if config.network == "conv":
        return ConvStack(cases, config.latents, likelihood, streams, device)
    return DenseStack(cases, config.hidden, config.latents, likelihood, streams, device)


def _of_pixels(likelihood: Likelihood | RowLikelihood) -> Likelihood:
    if isinstance(likelihood, RowLikelihood):
        raise IFPError(f"need a likelihood of pixels, got {likelihood.name} of rows")
    return likelihood


def sweep(
    cases: Sequence[Case],
    config: SweepConfig,
    likelihood: Likelihood | RowLikelihood,
    device: str = "cpu",
    thresholds: Sequence[float] = (ACTIVE, SILENT),
    build: Build | None = None,
) -> Iterator[SweepRecord]:
    """Sweep a stack of independent cases, all with the same number of images, and yield a record now and then.

    Each case has its own random stream and its own pressures, and the loss is the sum over cases, so that a case
    takes the steps it would take alone. The sweep ends when every case is done.

    Args:
        thresholds: nats of KL at which a latent is active (the first) and silent (the lowest).
        build: of the network ``own``, for images of the cases' shape.

    Raises:
        IFPError: no case, or cases with images of different shapes.
    """
    shapes = {tuple(case.images.shape) for case in cases}
    if len(shapes) != 1:
        raise IFPError(f"need cases with images of one shape, got {sorted(shapes) or 'no case'}")
    streams = [Generator().manual_seed(case.seed) for case in cases]
    stack = _networks(cases, config, likelihood, streams, device, build)
    optimizer = torch.optim.Adam(stack.parameters(), lr=config.learning_rate or 0.0, fused=True)
    points: Callable[..., Points] = _grid_points if config.latents == 1 else _sampled_points
    bounds = [Bounds(case.low, case.high, thresholds[0], min(thresholds)) for case in cases]
    positions = [Position("learn", case.low) for case in cases]
    inside = list(range(len(cases)))  # the cases that the stack holds
    step = 0
    while any(position.phase != "done" for position in positions):
        beta = np.array([positions[case].beta for case in inside])
        mean, logvar = stack.posterior()
        kl = gaussian_kl(mean, logvar).mean(dim=1)  # (cases, latents)
        reconstruction = stack.reconstruction(*points([streams[case] for case in inside], config, mean, logvar))
        nats = kl.detach().cpu().numpy()
        if step % config.record_every == 0:  # before the step: what beta and these networks gave
            yield _record(step, positions, inside, nats, reconstruction.detach().cpu().numpy())
        loss = (reconstruction + torch.as_tensor(beta, dtype=kl.dtype, device=device) * kl.sum(dim=-1)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for case, highest in zip(inside, nats.max(axis=1).tolist(), strict=True):
            positions[case] = advance(positions[case], highest, config.pace, bounds[case])
        step += 1
        going = [place for place, case in enumerate(inside) if positions[case].phase != "done"]
        if isinstance(stack, DenseStack) and 0 < 2 * len(going) <= len(inside):  # no steps for cases that are done
            inside = [inside[place] for place in going]
            stack, optimizer = _shrunk(stack, optimizer, going)


def _shrunk(stack: DenseStack, optimizer: torch.optim.Adam, kept: Sequence[int]) -> tuple[DenseStack, torch.optim.Adam]:
    """The stack and its optimizer with its moments, of the cases kept."""
    smaller = stack.kept(kept)
    fresh = torch.optim.Adam(smaller.parameters(), lr=optimizer.param_groups[0]["lr"], fused=True)
    for before, after in zip(stack.parameters(), smaller.parameters(), strict=True):
        state = optimizer.state[before]
        moments = {name: state[name][list(kept)] for name in ("exp_avg", "exp_avg_sq")}
        fresh.state[after] = {"step": state["step"], **moments}
    return smaller, fresh


def _record(
    step: int,
    positions: Sequence[Position],
    inside: Sequence[int],
    kl: NDArray[np.float32],
    reconstruction: NDArray[np.float32],
) -> SweepRecord:
    """A record of all cases from what those inside the stack show."""
    going = np.array([position.phase != "done" for position in positions])
    nats = np.full((len(positions), kl.shape[1]), np.nan, np.float32)
    costs = np.full(len(positions), np.nan, np.float32)
    nats[inside], costs[inside] = kl, reconstruction
    return SweepRecord(
        step=step,
        direction=tuple(position.phase for position in positions),
        loop=np.array([position.loop for position in positions]),
        beta=np.where(going, [position.beta for position in positions], np.nan),
        kl=np.where(going[:, None], nats, np.float32(np.nan)),
        reconstruction=np.where(going, costs, np.float32(np.nan)),
    )
