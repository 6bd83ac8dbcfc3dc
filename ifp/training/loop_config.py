"""Settings of the training loop: batches, learning rate, records, saved states."""

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
    """Settings of the loop; a run's own config contains them.

    Attributes:
        eval_every: steps between two records of the trace.
        probe: size of the fixed probe set on which records are taken.
        checkpoint_every, checkpoint_minutes: steps between two saved states, and the most minutes between them.
        likelihood, likelihood_settings: its name, and the settings of a likelihood for rows.
        own_likelihood: for rows, the user's own in place of one by name.
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
        """Adam's learning rate at a step, counted from 0: it rises linearly over the warmup and then stays."""
        return self.learning_rate * min(1.0, (step + 1) / max(self.warmup, 1))
