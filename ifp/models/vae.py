"""The model that is trained: sub-encoders that each own a group of latents, and one decoder for all."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ifp.models.networks import ImageShape, Network, evaluating, settle


class MultiGroupVAE(nn.Module):
    """Sub-encoders that each own a group of latents, and one decoder for all; a plain VAE has one group.

    Args:
        image_shape: height, width, channels.
        groups: latents of each sub-encoder; together 0..latents-1.
        network: how encoders and decoder are built.
        rescaled: whether each latent has a learnable scale of its mean and of its variance, which act once its
            encoder is fixed.
    """

    def __init__(
        self, image_shape: ImageShape, groups: Sequence[Sequence[int]], network: Network, *, rescaled: bool = False
    ) -> None:
        super().__init__()
        self.groups = tuple(tuple(group) for group in groups)
        self.latents = sum(len(group) for group in self.groups)
        listed = [latent for group in self.groups for latent in group]
        self._column = [listed.index(latent) for latent in range(self.latents)]  # of each latent among the listed
        self.encoders = nn.ModuleList(network.encoder(image_shape, 2 * len(group)) for group in self.groups)
        self.decoder = network.decoder(image_shape, self.latents)
        height, width, channels = image_shape
        for encoder in self.encoders:
            settle(encoder, channels, height, width)
        settle(self.decoder, self.latents)
        self.register_buffer("closed", torch.zeros(self.latents, dtype=torch.bool))  # for good, see close
        self.closed: Tensor
        self.log_scale = nn.Parameter(torch.zeros(2, self.latents)) if rescaled else None
        self.channels_last = network.channels_last
        if self.channels_last:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode(self, images: Tensor, open_groups: int | None = None, fixed_groups: int = 0) -> tuple[Tensor, Tensor]:
        """Posterior mean and log-variance, each (batch, latents), of images (batch, C, H, W) in 0..1.

        The first ``open_groups`` groups (default: all) are read from the image; in the others the posterior is the
        prior, exactly: mean 0, log-variance 0, and no gradient. The encoders of the first ``fixed_groups`` get no
        gradient, and are in evaluation mode, so that their running statistics stay, too; only the scales of their
        latents learn.
        """
        if not self.channels_last:  # of one channel, both formats look alike to torch, and features follow either
            images = images.flatten(1).view(images.shape)
        means, logvars = [], []
        for number, (group, encoder) in enumerate(zip(self.groups, self.encoders, strict=True)):
            if open_groups is not None and number >= open_groups:
                mean = logvar = images.new_zeros(len(images), len(group))
            elif number < fixed_groups:
                with torch.no_grad(), evaluating(encoder):
                    mean, logvar = encoder(images).to(images.dtype).chunk(2, dim=1)
            else:
                mean, logvar = encoder(images).to(images.dtype).chunk(2, dim=1)
            means.append(mean)
            logvars.append(logvar)
        mean, logvar = torch.cat(means, dim=1), torch.cat(logvars, dim=1)
        if self._column != list(range(self.latents)):
            mean, logvar = mean[:, self._column], logvar[:, self._column]
        if self.log_scale is not None:  # of a group that is not fixed it is still 0
            fixed = torch.zeros(self.latents, dtype=torch.bool, device=images.device)
            fixed[[latent for group in self.groups[:fixed_groups] for latent in group]] = True
            still = self.log_scale.detach()
            of_mean, of_variance = torch.where(fixed, self.log_scale, still) if fixed_groups else still
            mean, logvar = mean * of_mean.exp(), logvar + of_variance
        return mean.masked_fill(self.closed, 0), logvar.masked_fill(self.closed, 0)

    def close(self, latents: Iterable[int]) -> None:
        """Close latents for good: from here on their posterior is the prior, whatever the image."""
        self.closed[list(latents)] = True

    def decode(self, latents: Tensor, open_groups: int | None = None) -> Tensor:
        """Decoder output (batch, C, H, W) of latents (batch, latents).

        Closed latents are read as the prior's mean, 0, whatever was drawn: given noise instead, the decoder would learn
        to ignore them, and each group would open into silence.
        """
        closed = self.closed
        if open_groups is not None and open_groups < len(self.groups):
            closed = closed.clone()
            closed[[latent for group in self.groups[open_groups:] for latent in group]] = True
        return self.decoder(latents.masked_fill(closed, 0))
