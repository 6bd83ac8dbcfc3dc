"""beta-TCVAE: pressure on the total correlation alone, estimated from a batch."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from annealing.bottleneck import log_density
from annealing.choices import require_one_of
from ifp.objectives.objective import Codes, Control, Objective, require

ESTIMATORS = ("weighted", "stratified")


def total_correlation(sample: Tensor, mean: Tensor, logvar: Tensor, images: int, estimator: str = "weighted") -> Tensor:
    r"""Estimate of :math:`\mathrm{TC} = E\left[\log q(z) - \sum_j \log q(z_j)\right]` from one batch, in nats.

    The aggregate posterior q(z) is a mixture over all N images, of which the batch shows M. ``weighted`` (minibatch-
    weighted sampling) takes :math:`q(z_i) \approx \frac{1}{c} \sum_k q(z_i | x_k)`. The source has c = N M, the
    standard study c = 1: no c moves any gradient, and here it is M, for which silent codes have a TC of 0.
    ``stratified`` (minibatch-stratified sampling) weighs the image that z came from by 1 / N and the others so that
    the estimate of q(z) is unbiased. Neither estimate of TC is: in a batch it may well be below 0.
    Source: Chen et al. 2018, arXiv:1802.04942, section 4.1 and appendix C.

    Args:
        sample, mean, logvar: (batch, latents), the samples of the posteriors in the same order.
        images: N.
        estimator: one of ``ESTIMATORS``.
    """
    batch = len(sample)
    densities = log_density(sample[:, None], mean[None], logvar[None])  # [i, k, j]: log q(z_ij | x_k)
    if estimator == "weighted":
        weights = densities.new_full((batch, batch), -math.log(batch))
    else:
        weights = _stratified(batch, images).log().to(densities)
    joint = torch.logsumexp(weights + densities.sum(dim=2), dim=1)
    alone = torch.logsumexp(weights[:, :, None] + densities, dim=1)
    return (joint - alone.sum(dim=1)).mean()


def _stratified(batch: int, images: int) -> Tensor:
    """Weight of posterior k in the estimate of q(z_i), (batch, batch); rows sum to 1.

    With M = batch - 1: 1 / N for the image itself, 1 / M for the others, but one, which stands for the images that
    the batch left out: (N - M) / (N M).
    """
    others = batch - 1
    weights = torch.full((batch, batch), 1 / max(others, 1), dtype=torch.float64)
    rows = torch.arange(batch)
    weights[rows, (rows + 1) % batch] = (images - others) / (images * max(others, 1))
    weights[rows, rows] = 1 / images
    return weights


@dataclass(kw_only=True)
class BetaTCVAE(Objective):
    """Loss = reconstruction + KL + (beta - 1) * TC.

    Chen et al. 2018, arXiv:1802.04942, equation 4 with alpha = gamma = 1.

    Attributes:
        beta: weight of the total correlation; the standard study sweeps 1, 2, 4, 6, 8, 10.
        estimator: see :func:`total_correlation`; the study's is "weighted".
    """

    name: ClassVar[str] = "beta-tcvae"
    louder: ClassVar[str] = "take beta-vae with a lower beta"
    beta: float = 6.0
    estimator: str = "weighted"

    def __post_init__(self) -> None:
        require("a beta of 0 or more", self.beta, 0 <= self.beta < math.inf)
        if self.estimator == "stratified":
            fits = self.setup.batch_size <= self.setup.images
            require("a batch no larger than the data set for the stratified estimator", self.setup.batch_size, fits)
        require_one_of("an estimator", self.estimator, ESTIMATORS)

    def at(self, step: int) -> Control:
        """The KL has pressure 1 throughout."""
        return Control(0, 1.0)

    def terms(self, codes: Codes, control: Control) -> dict[str, Tensor]:
        """The KL, and the total correlation beyond what it holds of it."""
        shared = total_correlation(codes.sample, codes.mean, codes.logvar, self.setup.images, self.estimator)
        return {"kl": codes.kl.sum(), "total_correlation": (self.beta - 1) * shared}


OBJECTIVE = BetaTCVAE
