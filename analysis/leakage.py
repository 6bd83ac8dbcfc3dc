"""How much of a factor ended up in the latents that own other factors."""

from dataclasses import dataclass

from analysis.diffusion import last_owners
from analysis.information_trace import InformationTrace


@dataclass(frozen=True)
class PairLeakage:
    """Nats of a factor that ended up in the latent that owns another one; ``shared`` if that latent owns both."""

    factor: str
    other: str
    nats: float
    shared: bool


def leakages(trace: InformationTrace) -> tuple[PairLeakage, ...]:
    """Every ordered pair of factors that have an owner.

    If one latent owns both, mixing is at its worst: all that it holds of one counts as leaked into the other's.
    """
    held = trace.held
    owner = dict(zip(trace.names, last_owners(held), strict=True))
    return tuple(
        PairLeakage(name, other, float(held[-1, owner[other], k]), owner[name] == owner[other])
        for k, name in enumerate(trace.names)
        for other in trace.names
        if other != name and owner[name] is not None and owner[other] is not None
    )
