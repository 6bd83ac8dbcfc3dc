"""Settings of the sweep of a case, apart from the engine: what only reads or checks them starts without torch."""

import math
from dataclasses import dataclass, field

from annealing.choices import OWN, SweptNetwork, require_counts, require_one_of
from annealing.errors import IFPError
from annealing.hysteresis import Pace

# Adam's learning rate: gradients over a whole action sequence have little noise and bear a large one
LEARNING_RATES = {"dense": 5e-3, "conv": 1e-3, OWN: 1e-3}


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """How a case is swept. Pressures are the case's own, not the config's."""

    network: SweptNetwork = "dense"
    pace: Pace = field(default_factory=Pace)
    learning_rate: float | None = None  # of Adam; None: the network's own, which the record then shows
    nodes: int = 32  # of the latent, with one latent
    samples: int = 4  # of the posterior per image and step, with several
    hidden: int = 64  # units of a dense network's layers
    latents: int = 1
    record_every: int = 10  # steps

    def __post_init__(self) -> None:
        if self.network != OWN:
            require_one_of("a network", self.network, [name for name in LEARNING_RATES if name != OWN])
        require_counts(self, "nodes", "samples", "hidden", "latents", "record_every")
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", LEARNING_RATES[self.network])
        if not 0 < (self.learning_rate or 0) < math.inf:
            raise IFPError(f"need a learning rate above 0, got {self.learning_rate}")
