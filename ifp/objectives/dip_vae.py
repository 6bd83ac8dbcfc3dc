"""DIP-VAE I and II: the covariance of the codes is pulled to the identity."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ifp.objectives.objective import Codes, Control, Objective, require


def covariance(rows: Tensor) -> Tensor:
    """Covariance (latents, latents) of rows (batch, latents): their mean outer product about their mean, over batch."""
    centred = rows - rows.mean(dim=0)
    return centred.T @ centred / len(rows)


@dataclass(kw_only=True)
class DIPVAE(Objective):
    r"""Loss = reconstruction + KL + lambda_od * sum of C_jk^2 (j != k) + lambda_d * sum of (C_jj - 1)^2.

    C is the covariance of the means (I), or that of the samples (II): the covariance of the means plus the mean
    of the variances, on the diagonal. Kumar et al. 2018, arXiv:1711.00848.

    Attributes:
        lambda_od: off the diagonal; the standard study sweeps 1, 2, 5, 10, 20, 50.
        lambda_d_factor: lambda_d on the diagonal, in terms of ``lambda_od``.
    """

    louder: ClassVar[str] = "take beta-vae with a lower beta"
    lambda_od: float = 10.0
    lambda_d_factor: float = 1.0

    def __post_init__(self) -> None:
        for name in ("lambda_od", "lambda_d_factor"):
            require(f"a {name} of 0 or more", getattr(self, name), 0 <= getattr(self, name) < math.inf)

    def at(self, step: int) -> Control:
        """The KL has pressure 1 throughout."""
        return Control(0, 1.0)

    def of_codes(self, codes: Codes) -> Tensor:
        """C (latents, latents)."""
        raise NotImplementedError

    def terms(self, codes: Codes, control: Control) -> dict[str, Tensor]:
        """The KL, and the distance of C from the identity."""
        found = self.of_codes(codes)
        away = found - torch.eye(len(found)).to(found)
        on = away.diagonal().square().sum()
        off = away.square().sum() - on
        return {"kl": codes.kl.sum(), "covariance": self.lambda_od * (off + self.lambda_d_factor * on)}
