"""DEFT: one sub-encoder per stage, a pressure per stage, and smaller steps for groups that opened earlier.

Wu et al., Machine Learning 111, 2022, doi 10.1007/s10994-022-06134-7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.stage_plan import StagePlan
from annealing.networks import conv_decoder, conv_encoder
from annealing.pressure import stage_at
from ifp.objectives.objective import Control


class MultiGroupVAE(nn.Module):
    """Sub-encoders that each own a group of latents, and one decoder for all.

    Args:
        image_shape: height, width, channels.
        groups: latents of each sub-encoder; together 0..latents-1.
        channels: feature maps of the first layer of each sub-encoder.
        hidden: units of the hidden layer of each sub-encoder.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], groups: Sequence[Sequence[int]], channels: int, hidden: int
    ) -> None:
        super().__init__()
        self.groups = tuple(tuple(group) for group in groups)
        self.latents = sum(len(group) for group in self.groups)
        self.encoders = nn.ModuleList(
            conv_encoder(image_shape, 2 * len(group), channels, hidden) for group in self.groups
        )
        self.decoder = conv_decoder(image_shape, self.latents)

    def encode(self, images: Tensor, open_groups: int | None = None) -> tuple[Tensor, Tensor]:
        """Posterior mean and log-variance, each (batch, latents), of images (batch, C, H, W) in 0..1.

        The first ``open_groups`` groups (default: all) are read from the image; in the others the posterior is the
        prior, exactly: mean 0, log-variance 0, and no gradient.
        """
        mean = images.new_zeros(len(images), self.latents)
        logvar = torch.zeros_like(mean)
        for group, encoder in list(zip(self.groups, self.encoders, strict=True))[:open_groups]:
            own_mean, own_logvar = encoder(images).to(mean.dtype).chunk(2, dim=1)
            columns = torch.tensor(group, device=mean.device)
            mean = mean.index_copy(1, columns, own_mean)
            logvar = logvar.index_copy(1, columns, own_logvar)
        return mean, logvar

    def decode(self, latents: Tensor) -> Tensor:
        """Decoder output (batch, C, H, W) of latents (batch, latents)."""
        return self.decoder(latents)


@dataclass(frozen=True)
class Deft:
    """The stages of a plan over a number of steps.

    In stage s the groups before s take steps scaled by gamma, group s takes full steps and later groups are closed.
    Adam divides a gradient by its own recent size, so that a constant scale of the gradient is lost; the scale is
    therefore of the step, that is of the group's learning rate.
    """

    plan: StagePlan
    steps: int
    name: str = "deft"
    channels: int = 16
    hidden: int = 128

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each stage."""
        return tuple(stage.latents for stage in self.plan.stages)

    def at(self, step: int) -> Control:
        """Pressure, open groups and step scales at a step."""
        stage = stage_at(step, self.plan.boundaries(self.steps))
        scales = (self.plan.gamma,) * stage + (1.0,) + (0.0,) * (len(self.plan.stages) - stage - 1)
        return Control(stage, self.plan.stages[stage].pressure, stage + 1, scales)
