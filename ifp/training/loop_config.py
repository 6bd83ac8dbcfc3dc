"""Settings of the training loop, whatever a run of it is called: batches, learning rate, records, states."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from annealing.choices import AnyLikelihoodName, Precision, require_count, require_counts, require_seed
from annealing.errors import IFPError

if TYPE_CHECKING:
    from annealing.likelihoods.likelihood import RowLikelihood


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """What the loop is told; a run's own config makes one of its settings.

    Attributes:
        eval_every: steps from record to record of the trace.
        probe: images of the fixed probe set that records are taken on.
        checkpoint_every, checkpoint_minutes: steps, and minutes at most, from state to state.
        likelihood, likelihood_settings: by name, and the settings of a likelihood of rows.
        own_likelihood: of rows, the user's own instead of one by name.
        warmup: steps over which the learning rate rises to its value.
    """

    steps: int
    batch_size: int
    learning_rate: float
    likelihood: AnyLikelihoodName  # of images: bernoulli or gaussian
    precision: Precision
    seed: int
    eval_every: int
    probe: int
    checkpoint_every: int
    checkpoint_minutes: float | None = None
    warmup: int = 0
    likelihood_settings: Mapping[str, Any] = field(default_factory=dict)
    own_likelihood: "RowLikelihood | None" = None

    def __post_init__(self) -> None:
        require_counts(self, "steps", "batch_size", "eval_every", "probe", "checkpoint_every")
        require_seed(self.seed)
        if not 0 < self.learning_rate < math.inf:
            raise IFPError(f"need a learning rate above 0, got {self.learning_rate}")
        if self.warmup < 0:
            raise IFPError(f"need a warmup of 0 steps or more, got {self.warmup}")
        if self.warmup:
            require_count("warmup", self.warmup)
        if self.checkpoint_minutes is not None and not 0 < self.checkpoint_minutes < math.inf:
            raise IFPError(f"need minutes above 0 between checkpoints, got {self.checkpoint_minutes}")

    def learning_rate_at(self, step: int) -> float:
        """Adam's learning rate at a step, from 0 on: it rises in equal parts over the warmup, then stays."""
        return self.learning_rate * min(1.0, (step + 1) / max(self.warmup, 1))
