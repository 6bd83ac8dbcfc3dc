"""FactorVAE: pressure on the total correlation, as a discriminator tells it from codes with shuffled latents."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ifp.machine.data_parallel import average_gradients
from ifp.models.optimizer_state import optimizer_tensors, restore_optimizer, under
from ifp.objectives.objective import Codes, Control, Objective, require

_HIDDEN, _LAYERS, _SLOPE = 1000, 6, 0.2


def discriminator(latents: int, seed: int) -> nn.Sequential:
    """Six layers of 1,000 units, leaky ReLU, two logits: codes as they are, codes shuffled; from the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = (latents, *(_HIDDEN,) * _LAYERS)
        layers = [
            layer
            for before, after in itertools.pairwise(sizes)
            for layer in (nn.Linear(before, after), nn.LeakyReLU(_SLOPE))
        ]
        return nn.Sequential(*layers, nn.Linear(_HIDDEN, 2))


def shuffled(sample: Tensor, stream: torch.Generator) -> Tensor:
    """Each latent's column of codes (batch, latents) in an order of its own: draws of the product of marginals."""
    order = torch.rand(sample.shape, generator=stream).argsort(dim=0).to(sample.device)
    return sample.gather(0, order)


@dataclass(kw_only=True)
class FactorVAE(Objective):
    r"""Loss = reconstruction + KL + gamma * E[log D(z) - log(1 - D(z))]. Kim & Mnih 2018, arXiv:1802.05983.

    Two clean steps on one batch, as in the standard study: the model's, through a discriminator that gets no gradient;
    then the discriminator's, on the codes of that batch as they were drawn and shuffled among its images.

    Attributes:
        gamma: weight of the total correlation; that study sweeps 10, 20, 30, 40, 50, 100.
        discriminator_rate: of the discriminator's Adam, whose betas are 0.5 and 0.9.
    """

    name: ClassVar[str] = "factor-vae"
    louder: ClassVar[str] = "take beta-vae with a lower beta"
    gamma: float = 30.0
    discriminator_rate: float = 1e-4

    def __post_init__(self) -> None:
        require("a gamma of 0 or more", self.gamma, 0 <= self.gamma < math.inf)
        require("a discriminator_rate above 0", self.discriminator_rate, 0 < self.discriminator_rate < math.inf)
        self.discriminator = discriminator(self.setup.latents, self.setup.seed)
        self._optimizer = torch.optim.Adam(
            self.discriminator.parameters(), lr=self.discriminator_rate, betas=(0.5, 0.9), fused=True
        )

    def at(self, step: int) -> Control:
        """The KL has pressure 1 throughout."""
        return Control(0, 1.0)

    def terms(self, codes: Codes, control: Control) -> dict[str, Tensor]:
        """The KL, and the discriminator's log-odds that the codes are not shuffled ones."""
        still = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        logits = functional_call(self.discriminator, still, (codes.sample,))
        return {"kl": codes.kl.sum(), "total_correlation": self.gamma * (logits[:, 0] - logits[:, 1]).mean()}

    def loss(self, sample: Tensor, stream: torch.Generator) -> Tensor:
        """The discriminator's: its mean cross-entropy over codes as they are and codes shuffled."""
        logits = self.discriminator(torch.cat([sample, shuffled(sample, stream)]))
        truth = torch.arange(2, device=logits.device).repeat_interleave(len(sample))
        return functional.cross_entropy(logits, truth)

    def after_step(self, step: int, codes: Codes) -> None:
        """The discriminator's step."""
        loss = self.loss(codes.sample.detach(), codes.stream)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.discriminator)
        self._optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """The discriminator and its optimizer's moments."""
        weights = {f"weight.{name}": value for name, value in self.discriminator.state_dict().items()}
        return weights | {f"adam.{name}": value for name, value in optimizer_tensors(self._optimizer).items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As they were."""
        self.discriminator.load_state_dict(under(state, "weight."))
        restore_optimizer(self._optimizer, under(state, "adam."))

    def to(self, device: torch.device) -> None:
        """The discriminator's device."""
        self.discriminator.to(device)


OBJECTIVE = FactorVAE
