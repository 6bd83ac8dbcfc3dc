"""What of a factor ended in the latents that own others."""

from dataclasses import dataclass

import numpy as np

from analysis.diffusion import diagnose_diffusion
from analysis.information_trace import InformationTrace


@dataclass(frozen=True)
class PairLeakage:
    """Nats of a factor that ended in the latent that owns another one."""

    factor: str
    other: str
    nats: float


def leakages(trace: InformationTrace) -> tuple[PairLeakage, ...]:
    """Every ordered pair of factors that froze; a latent that owns both holds nothing of one for the other."""
    owners = {name: each.owner for name, each in zip(trace.names, diagnose_diffusion(trace).factors, strict=True)}
    last = np.maximum(trace.above[-1], 0.0)
    return tuple(
        PairLeakage(name, other, 0.0 if owners[other] == owners[name] else float(last[owners[other], k]))
        for k, name in enumerate(trace.names)
        for other in trace.names
        if other != name and owners[name] is not None and owners[other] is not None
    )
