"""A stack of networks of somebody's own, one per case, each built from the case's own random stream."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

import torch
from torch import Generator, Tensor, nn

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Likelihood
from annealing.stack import Case


class Autoencoder(Protocol):
    """What a stack needs of a network."""

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log-variance, each (images, latents), of images (images, C, H, W)."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Decoder output (rows, C, H, W) of latents (rows, latents)."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is trained."""
        ...

    def eval(self) -> object:
        """Turn to evaluation mode."""
        ...

    def to(self, device: str) -> "Autoencoder":
        """The same on a device."""
        ...


Build: TypeAlias = Callable[[int], Autoencoder]  # a new network of so many latents, on the CPU


class OwnStack:
    """Networks on whole images, each as its function built it, in turn.

    They are in evaluation mode throughout: a step sees all images of its case, and the KL that steers the case is read
    from that very step. So dropout is off, and batch norm goes by the statistics that it starts with.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        build: Build,
        latents: int,
        likelihood: Likelihood,
        streams: Sequence[Generator],
        device: str,
    ) -> None:
        shape = tuple(cases[0].images.shape[1:])
        if len(shape) != 3:
            raise IFPError(f"need images (n, H, W, C) for an own network, got (n, {', '.join(map(str, shape))})")
        self._targets = [case.images.permute(0, 3, 1, 2).contiguous().to(device) for case in cases]
        self._likelihood = likelihood
        self._networks = [seeded(build, latents, stream).to(device) for stream in streams]
        for network in self._networks:
            network.eval()

    def parameters(self) -> list[nn.Parameter]:
        """See :class:`annealing.stack.Stack`."""
        return [each for network in self._networks for each in network.parameters()]

    def posterior(self) -> tuple[Tensor, Tensor]:
        """See :class:`annealing.stack.Stack`."""
        found = [network.encode(target) for network, target in zip(self._networks, self._targets, strict=True)]
        return torch.stack([mean for mean, _ in found]), torch.stack([logvar for _, logvar in found])

    def reconstruction(self, nodes: Tensor, weights: Tensor) -> Tensor:
        """See :class:`annealing.stack.Stack`."""
        nats = [
            self._likelihood.weighted_nats(network.decode(z).flatten(1), weight, target.flatten(1)).sum()
            for network, z, weight, target in zip(self._networks, nodes, weights, self._targets, strict=True)
        ]
        return torch.stack(nats) / weights.shape[-1]


def seeded(build: Build, latents: int, stream: Generator) -> Autoencoder:
    """A network that draws its start from torch's own random state, seeded from a stream; that state stays as it is."""
    seed = int(torch.randint(2**63 - 1, (), generator=stream))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(latents)
