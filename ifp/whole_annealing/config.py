"""Settings of whole-data annealing."""

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.records import ADDED, MEANT
from annealing.choices import AnyLikelihoodName, Precision, WholeNetwork, WholeProtocol, require_counts, require_one_of
from annealing.errors import IFPError
from annealing.thresholds import ACTIVE, SILENT
from ifp.datasets.dataset import DataOptions, Dataset
from ifp.objectives import Objective, Setup
from ifp.objectives.cooling import Cooling
from ifp.objectives.heating import Heating
from ifp.training.loop_config import LoopConfig

PRESSURES = (4.0, 400.0)  # nats; swept where nothing was predicted: dSprites at 64x64, with room
_TOP, _REACH = 1.6, 100.0  # top of the swept range over the highest prediction, and top over bottom
_LEARNT_AT = 0.1  # of the lowest pressure swept: there silent latents find what the loud ones have left
_COOLED_ONLY = {"hold_steps": 500, "cool_steps": 11_500}  # of whole-cool, which does not heat
_HELD, _COOLED = 0.75, 0.25  # steps of learning and of cooling, over those of heating


@dataclass(frozen=True, kw_only=True)
class WholeConfig:
    """Settings of whole-data annealing, as config.json records them."""

    dataset: str  # its name, or the path of the user's own
    data_options: DataOptions = field(default_factory=DataOptions)
    protocol: WholeProtocol = field(default="whole-heat", metadata={ADDED: True, MEANT: "whole-cool"})
    pressures: tuple[float, float]  # low, high: swept, nats; whole-heat learns at a tenth of the low one
    latents: int = 10
    # before the pressure moves: of whole-heat, while it learns; of whole-cool, at the highest pressure, until the
    # decoder draws the mean image
    hold_steps: int = 4500
    heat_steps: int = field(default=6000, metadata={ADDED: True})  # of whole-heat
    cool_steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 5e-4  # Adam
    likelihood: AnyLikelihoodName = "bernoulli"  # of images that or gaussian
    likelihood_settings: Mapping[str, Any] = field(default_factory=dict, metadata={ADDED: True})  # of rows, by name
    network: WholeNetwork = field(
        default="conv", metadata={ADDED: True}
    )  # of rows dense; "own" where the user gave one
    channels: int = 32  # feature maps of the layers next to the image, of conv's encoder and decoder
    hidden: int = 256  # units of the hidden layers of conv and dense
    thresholds: tuple[float, ...] = (
        ACTIVE,
        SILENT,
    )  # nats of KL from which a latent is active; the first is the main one
    # closed-form freezing points, nats: by factor, or of rows by mode
    predicted: Mapping[str, float] = field(default_factory=dict)
    record_every: int = 50  # steps
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
        require_one_of("a protocol of --mode full", self.protocol, typing.get_args(WholeProtocol))
        require_one_of("a likelihood", self.likelihood, typing.get_args(AnyLikelihoodName))
        require_one_of("a network of --mode full", self.network, typing.get_args(WholeNetwork))
        require_one_of("a precision", self.precision, typing.get_args(Precision))
        counts = ("latents", "hold_steps", "heat_steps", "cool_steps", "channels", "hidden", "record_every", "threads")
        require_counts(self, *counts)
        for way in ("heat", "cool") if self.heats else ("cool",):
            steps = getattr(self, f"{way}_steps")
            if steps <= self.record_every:
                raise IFPError(
                    f"need more steps of {way}ing than the {self.record_every} from record to record, got {steps}"
                )
        if not self.thresholds or not all(0 < each < float("inf") for each in self.thresholds):
            raise IFPError(f"need thresholds above 0 nats, got {self.thresholds}")
        if not all(0 < value < float("inf") for value in self.predicted.values()):
            raise IFPError(f"need predicted freezing points above 0 nats, got {dict(self.predicted)}")
        _ = self.loop  # checks the rest

    @property
    def heats(self) -> bool:
        """Whether it learns and heats before it cools."""
        return self.protocol == "whole-heat"

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.hold_steps + self.heat_steps * self.heats + self.cool_steps

    @property
    def loop(self) -> LoopConfig:
        """What the training loop is told of it."""
        return LoopConfig(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            likelihood=self.likelihood,
            likelihood_settings=self.likelihood_settings,
            precision=self.precision,
            seed=self.seed,
            eval_every=self.record_every,
            probe=self.probe,
            checkpoint_every=self.checkpoint_every,
        )

    def objective_for(self, dataset: Dataset) -> Objective:
        """The pressure of each step."""
        low, high = self.pressures
        setup = Setup(self.latents, self.steps, len(dataset), self.seed)
        if self.heats:
            return Heating(
                setup=setup,
                learn=_LEARNT_AT * low,
                low=low,
                high=high,
                learn_steps=self.hold_steps,
                heat_steps=self.heat_steps,
            )
        return Cooling(setup=setup, high=high, low=low, hold_steps=self.hold_steps, cool_steps=self.cool_steps)


def swept_range(predicted: Mapping[str, float]) -> tuple[float, float]:
    """The pressures to sweep, low and high: from above the highest prediction down to a hundredth of that."""
    if not predicted:
        return PRESSURES
    high = _TOP * max(predicted.values())
    return high / _REACH, high


def phases(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings given and the steps of each phase, from ``steps``, if that is given: of the sweep that is read.

    Of whole-heat ``steps`` are those of heating, and learning and cooling take theirs in proportion; of whole-cool
    they are those of cooling.

    >>> phases({"steps": 8000})
    {'hold_steps': 6000, 'cool_steps': 2000, 'heat_steps': 8000}
    >>> phases({"steps": 8000, "protocol": "whole-cool"})
    {'hold_steps': 500, 'cool_steps': 8000, 'protocol': 'whole-cool'}

    Raises:
        IFPError: steps of heating, with the protocol that does not heat.
    """
    named = dict(given)
    heats = named.get("protocol", WholeConfig.protocol) != "whole-cool"
    if "steps" in named:
        named["heat_steps" if heats else "cool_steps"] = named.pop("steps")
    if heats:
        steps = named.get("heat_steps")
        if type(steps) is not int:  # the defaults, or what is refused later
            return named
        fewest = named.get("record_every", WholeConfig.record_every) + 1
        cooled = max(round(_COOLED * steps), fewest)
        return {"hold_steps": max(round(_HELD * steps), 1), "cool_steps": cooled, **named}
    if "heat_steps" in named:
        raise IFPError("need no heat_steps with protocol whole-cool, which does not heat")
    return {**_COOLED_ONLY, **named}
