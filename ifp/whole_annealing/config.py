"""Settings of whole-data annealing."""

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field

from annealing.choices import LikelihoodName, Precision, require_counts, require_one_of
from annealing.errors import IFPError
from annealing.thresholds import ACTIVE, SILENT
from ifp.datasets.dataset import DataOptions, Dataset
from ifp.objectives import Setup
from ifp.objectives.cooling import Cooling
from ifp.training.loop_config import LoopConfig

PRESSURES = (4.0, 400.0)  # nats; swept where nothing was predicted: dSprites at 64x64, with room
_TOP, _REACH = 1.25, 100.0  # top of the swept range over the highest prediction, and top over bottom


@dataclass(frozen=True, kw_only=True)
class WholeConfig:
    """Settings of whole-data annealing, as config.json records them."""

    dataset: str  # its name, or the path of the user's own
    data_options: DataOptions = field(default_factory=DataOptions)
    pressures: tuple[float, float]  # low, high: held and cooled from the high one to the low one, nats
    latents: int = 10
    hold_steps: int = 500  # at the highest pressure, until the decoder draws the mean image
    cool_steps: int = 11_500
    batch_size: int = 64
    learning_rate: float = 5e-4  # Adam
    likelihood: LikelihoodName = "bernoulli"
    channels: int = 32  # feature maps of the layers next to the image, of encoder and decoder
    hidden: int = 256  # units of the hidden layers
    thresholds: tuple[float, ...] = (
        ACTIVE,
        SILENT,
    )  # nats of KL from which a latent is active; the first is the main one
    predicted: Mapping[str, float] = field(default_factory=dict)  # closed-form freezing points by factor, nats
    record_every: int = 100  # steps
    probe: int = 2048  # images of the fixed probe set
    checkpoint_every: int = 250  # steps
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        low, high = self.pressures
        if not 0 < low < high < float("inf"):
            raise IFPError(f"need pressures LO:HI with 0 < LO < HI, got {low:g}:{high:g}")
        require_one_of("a likelihood", self.likelihood, typing.get_args(LikelihoodName))
        require_one_of("a precision", self.precision, typing.get_args(Precision))
        require_counts(self, "latents", "hold_steps", "cool_steps", "channels", "hidden", "record_every", "threads")
        if self.cool_steps <= self.record_every:
            raise IFPError(
                f"need more steps of cooling than the {self.record_every} from record to record, got {self.cool_steps}"
            )
        if not self.thresholds or not all(0 < each < float("inf") for each in self.thresholds):
            raise IFPError(f"need thresholds above 0 nats, got {self.thresholds}")
        if not all(0 < value < float("inf") for value in self.predicted.values()):
            raise IFPError(f"need predicted freezing points above 0 nats, got {dict(self.predicted)}")
        _ = self.loop  # checks the rest

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.hold_steps + self.cool_steps

    @property
    def loop(self) -> LoopConfig:
        """What the training loop is told of it."""
        return LoopConfig(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            likelihood=self.likelihood,
            precision=self.precision,
            seed=self.seed,
            eval_every=self.record_every,
            probe=self.probe,
            checkpoint_every=self.checkpoint_every,
        )

    def objective_for(self, dataset: Dataset) -> Cooling:
        """The pressure of each step."""
        low, high = self.pressures
        setup = Setup(self.latents, self.steps, len(dataset), self.seed)
        return Cooling(setup=setup, high=high, low=low, hold_steps=self.hold_steps, cool_steps=self.cool_steps)


def swept_range(predicted: Mapping[str, float]) -> tuple[float, float]:
    """The pressures to cool between, low and high: from above the highest prediction down to a hundredth of that."""
    if not predicted:
        return PRESSURES
    high = _TOP * max(predicted.values())
    return high / _REACH, high
