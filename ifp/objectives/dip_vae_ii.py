"""DIP-VAE II."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ifp.objectives.dip_vae import DIPVAE, covariance
from ifp.objectives.objective import Codes


@dataclass(kw_only=True)
class DIPVAEII(DIPVAE):
    """The covariance of the samples; lambda_d is lambda_od in the standard study."""

    name: ClassVar[str] = "dip-vae-ii"

    def of_codes(self, codes: Codes) -> Tensor:
        """Of the means, and the mean variances of the posteriors."""
        return covariance(codes.mean) + codes.logvar.exp().mean(dim=0).diag()


OBJECTIVE = DIPVAEII
