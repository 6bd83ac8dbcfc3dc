"""Settings of a study: which objectives are compared, over which seeds, by which scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.scores.all_scores import SCORES, require_scores
from annealing.choices import require_counts, require_seed
from annealing.errors import IFPError, did_you_mean
from ifp.datasets.dataset import DataOptions
from ifp.objectives import objective_named

MOST_SEEDS = 10_000
THREADS = 1  # of each run, unless told otherwise: runs go side by side
# DCI's boosted trees take minutes a run, its stand-in seconds
QUICK = (*(name for name in SCORES if not name.startswith("dci_")), "dci-forest_disentanglement")


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """Settings of a study, as config.json records them."""

    dataset: str  # its name, or the path of the user's own
    objectives: tuple[str, ...]
    data_options: DataOptions = field(default_factory=DataOptions)
    seeds: int = 5
    seed: int = 0  # the first of them
    scores: tuple[str, ...] = QUICK
    settings: Mapping[str, Any] = field(default_factory=dict)  # of every training run
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of objectives, by their names

    def __post_init__(self) -> None:
        if not self.objectives or len(set(self.objectives)) != len(self.objectives):
            raise IFPError(f"need objectives to compare, each once, got {', '.join(self.objectives) or 'none'}")
        for name in self.objectives:
            objective_named(name)
        if others := set(self.parameters) - set(self.objectives):
            near = did_you_mean(min(others), self.objectives)
            raise IFPError(f"need settings of the objectives compared, got some of {', '.join(sorted(others))}{near}")
        require_counts(self, "seeds")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise IFPError(f"need seeds of at least 1, at most {MOST_SEEDS}, got {self.seeds}")
        require_seed(self.seed)
        require_scores(self.scores, 1)

    def pieces(self) -> list[tuple[str, int]]:
        """Objective and seed of every run, seed by seed: a study that is stopped has whole seeds."""
        return [(name, seed) for seed in range(self.seed, self.seed + self.seeds) for name in self.objectives]

    def given(self, objective: str, seed: int) -> dict[str, Any]:
        """Settings of one training run."""
        own = self.parameters.get(objective, {})
        return {
            "dataset": self.dataset,
            "data_options": self.data_options,
            **self.settings,
            "objective": objective,
            "seed": seed,
            **({"parameters": own} if own else {}),
        }
