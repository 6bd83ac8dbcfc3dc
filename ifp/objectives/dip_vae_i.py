"""DIP-VAE I."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ifp.objectives.dip_vae import DIPVAE, covariance
from ifp.objectives.objective import Codes


@dataclass(kw_only=True)
class DIPVAEI(DIPVAE):
    """The covariance of the means; lambda_d is 10 lambda_od in the standard study."""

    name: ClassVar[str] = "dip-vae-i"
    lambda_d_factor: float = 10.0

    def of_codes(self, codes: Codes) -> Tensor:
        """Of the means."""
        return covariance(codes.mean)


OBJECTIVE = DIPVAEI
