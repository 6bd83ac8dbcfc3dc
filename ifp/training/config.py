"""Settings of a training run, as given and as resolved for the record."""

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from analysis.records import ADDED
from analysis.stage_plan import StagePlan
from annealing.choices import OWN, Precision, RowLikelihoodName, require_counts, require_one_of
from annealing.errors import IFPError
from ifp.datasets.dataset import DataOptions, Dataset
from ifp.datasets.row_dataset import is_rows
from ifp.machine.device import require_device
from ifp.machine.precision import resolved_precision
from ifp.models.networks import ROWS_NETWORK, network_named
from ifp.objectives import Objective, Setup, made, objective_named, parameters_of, recorded_parameters
from ifp.run_directory.run import RunDirectory
from ifp.training.loop_config import LoopConfig

_LATENTS = 10  # where neither a setting nor a plan says how many


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training run, as config.json records them."""

    dataset: str  # its name, or the path of the user's own
    data_options: DataOptions = field(default_factory=DataOptions)
    objective: str = "deft"
    parameters: Mapping[str, Any] = field(default_factory=dict)  # settings of the objective by name
    latents: int | None = None  # the plan's, or 10
    network: str | None = None  # the objective's; "own" where the user gave one
    steps: int = 6000
    batch_size: int = 64
    learning_rate: float = 1e-3  # Adam
    warmup: int = 200  # steps over which the learning rate rises to its value
    likelihood: RowLikelihoodName = "bernoulli"  # of images that or gaussian
    likelihood_settings: Mapping[str, Any] = field(default_factory=dict, metadata={ADDED: True})  # of rows, by name
    init_from: str | None = None  # path of the run whose parameters training starts from
    eval_every: int = 250  # steps
    probe: int = 2048  # images of the fixed probe set
    checkpoint_every: int = 250  # steps
    checkpoint_minutes: float | None = None  # at most so long from state to state, whatever the steps
    tensorboard: bool = False  # whether events are written, too
    seed: int = 0
    processes: int = 1  # that train together, each on its share of every batch
    threads: int = 2
    device: str = "cpu"
    precision: Precision = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        require_one_of("a likelihood", self.likelihood, typing.get_args(RowLikelihoodName))
        objective_named(self.objective)
        require_one_of("a precision", self.precision, typing.get_args(Precision))
        if self.network not in (None, OWN):
            network_named(self.network)
        require_counts(self, "threads", "processes", "latents")
        if self.batch_size % self.processes:
            raise IFPError(f"need a batch size that {self.processes} processes divide, got {self.batch_size}")
        _ = self.loop  # checks the rest

    @property
    def loop(self) -> LoopConfig:
        """The part of it that the training loop needs."""
        own = {field.name for field in fields(self)}
        named = [field.name for field in fields(LoopConfig) if field.name in own]
        return LoopConfig(**{name: getattr(self, name) for name in named})

    def objective_for(self, dataset: Dataset, plan: StagePlan | None) -> Objective:
        """A new objective as the settings name it; IFPError if it needs a plan or a setting does not fit."""
        planned = plan.latents if plan is not None else _LATENTS
        setup = Setup(
            latents=self.latents or planned,
            steps=self.steps,
            images=len(dataset),
            seed=self.seed,
            batch_size=self.batch_size,
            plan=plan,
        )
        return made(self.objective, setup, self.parameters)

    def _precision(self, dataset: Dataset) -> Precision:
        """Of rows, whose values need not lie in 0..1, no less than float32 unless it is asked for."""
        return "float32" if is_rows(dataset) and self.precision == "auto" else self.precision

    def resolved(self, dataset: Dataset, plan: StagePlan | None) -> "TrainConfig":
        """The same settings with nothing left open, so that another machine could repeat the run."""
        objective = self.objective_for(dataset, plan)
        return replace(
            self,
            parameters=parameters_of(objective),
            latents=objective.setup.latents,
            network=self.network or (ROWS_NETWORK if is_rows(dataset) else objective.network),
            init_from=None if self.init_from is None else str(Path(self.init_from).resolve()),
            precision=resolved_precision(self._precision(dataset), require_device(self.device)),
        )


def recorded_config(run: RunDirectory) -> TrainConfig:
    """The recorded settings of a training run; settings that an older run lacks get the value that they had then.

    Raises:
        RunError: the run's settings are not those of a training run.
    """
    config = run.settings(TrainConfig)
    return replace(config, parameters=recorded_parameters(config.objective, config.parameters))
