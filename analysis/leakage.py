"""What of a factor ended in the latents that own others."""

from dataclasses import dataclass

from analysis.diffusion import diagnose_diffusion
from analysis.information_trace import InformationTrace


@dataclass(frozen=True)
class PairLeakage:
    """Nats of a factor that ended in the latent that owns another one; ``shared`` where that latent owns both."""

    factor: str
    other: str
    nats: float
    shared: bool


def leakages(trace: InformationTrace) -> tuple[PairLeakage, ...]:
    """Every ordered pair of factors that have an owner.

    A latent that owns both is the worst of mixing: all that it holds of one counts as leaked into the other's.
    """
    owners = {factor.factor: factor.owner for factor in diagnose_diffusion(trace).factors}
    last = trace.held[-1]
    return tuple(
        PairLeakage(name, other, float(last[owners[other], k]), owners[name] == owners[other])
        for k, name in enumerate(trace.names)
        for other in trace.names
        if other != name and owners[name] is not None and owners[other] is not None
    )
