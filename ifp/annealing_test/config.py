"""Settings of an annealing test, and the pieces of work they come to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from analysis.records import ADDED
from annealing.choices import OWN, LikelihoodName, Nuisance, require_counts, require_one_of, require_seed
from annealing.errors import IFPError
from annealing.hysteresis import Pace
from annealing.sweep_config import SweepConfig
from annealing.thresholds import ACTIVE, SILENT
from ifp.datasets.dataset import DataOptions

OURS = ("heat-cool", "equilibrium")


@dataclass(frozen=True, kw_only=True)
class AnnealConfig:
    """Settings of an annealing test, as config.json records them."""

    dataset: str  # its name, or the path of the user's own
    data_options: DataOptions = field(default_factory=DataOptions)
    factors: tuple[str, ...]
    contexts: int = 10  # measured, the first of those drawn: p (Holm) of five factors' pairs can reach 0.02
    planning_contexts: int = 1000  # whose closed form is kept beside the measured ones
    nuisance: Nuisance = "held"  # within a context, or redrawn for every image
    likelihood: LikelihoodName = "bernoulli"
    span: tuple[float, float] = (0.3, 3.0)  # swept range, in units of each case's spectral value (see case_range)
    pressures: tuple[float, float] | None = None  # swept range of every case, in nats, instead of the span
    thresholds: tuple[float, ...] = (
        ACTIVE,
        SILENT,
    )  # nats of KL from which a latent is active; the first is the main one
    protocol: str = "heat-cool"  # or equilibrium, or a published one: deft-2022, deft-2021
    repeats: int = 1  # networks per case; from six on the knee has an interval
    stack: int = 20  # cases that train together: one piece of work
    seed: int = 0
    threads: int = 1  # small products: a second thread mostly waits
    device: str = "cpu"
    precision: str = "float32"
    sweep: SweepConfig = field(default_factory=SweepConfig)
    own_layout: str = field(default="", metadata={ADDED: True})  # of a network of the user's own: names and shapes

    def __post_init__(self) -> None:
        require_one_of("a likelihood", self.likelihood, get_args(LikelihoodName))
        require_one_of("a nuisance", self.nuisance, get_args(Nuisance))
        if self.protocol not in OURS:
            from annealing.published import PUBLISHED  # torch, which reading a run does without

            require_one_of("a protocol", self.protocol, (*OURS, *PUBLISHED))
        if self.precision != "float32":
            raise IFPError(f"need precision float32 for an annealing test, got {self.precision!r}")
        require_counts(self, "contexts", "planning_contexts", "repeats", "stack", "threads")
        require_seed(self.seed)
        if self.planning_contexts < self.contexts:
            raise IFPError(f"need the {self.contexts} contexts among those planned over, got {self.planning_contexts}")
        if not self.factors or len(set(self.factors)) < len(self.factors):
            raise IFPError(f"need one or more factors, each once, got {', '.join(self.factors) or 'none'}")
        for name, pair in (("span", self.span), ("pressures", self.pressures)):
            if pair is not None and not 0 < pair[0] < pair[1] < float("inf"):
                raise IFPError(f"need {name} LO:HI with 0 < LO < HI, got {pair[0]:g}:{pair[1]:g}")
        if not self.thresholds or not all(0 < each < float("inf") for each in self.thresholds):
            raise IFPError(f"need thresholds above 0 nats, got {self.thresholds}")
        if self.protocol == "equilibrium" and self.repeats > 1:
            raise IFPError(f"need one repeat at equilibrium, where nothing is random, got {self.repeats}")
        if self.sweep.network == OWN and self.protocol != "heat-cool":
            raise IFPError(f"need the protocol heat-cool with a network of your own, got {self.protocol}")


def nested_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the sweep and of its pace that stand beside the test's own, where the config has them.

    >>> nested_settings({"contexts": 4, "latents": 2, "tolerance": 1.1})
    {'contexts': 4, 'sweep': {'latents': 2, 'pace': {'tolerance': 1.1}}}

    The network ``optimal`` is the protocol ``equilibrium``, which needs none.

    Raises:
        IFPError: another protocol together with that network.
    """
    own = dict(given)
    if own.get("network") == "optimal":
        if own.get("protocol", "equilibrium") != "equilibrium":
            raise IFPError(f"need no other protocol with --network optimal, got {own['protocol']}")
        del own["network"]
        own["protocol"] = "equilibrium"
    pace = {field.name: own.pop(field.name) for field in fields(Pace) if field.name in own}
    sweep = {field.name: own.pop(field.name) for field in fields(SweepConfig) if field.name in own}
    if pace:
        sweep["pace"] = pace
    if sweep and not isinstance(own.get("sweep", {}), Mapping):
        raise IFPError(f"need {', '.join(sweep)} in sweep, which is given, not beside it")
    return {**own, "sweep": {**own.get("sweep", {}), **sweep}} if sweep else own


@dataclass(frozen=True)
class Piece:
    """Cases of one factor that are swept together, each a context's number and a repeat; done and written once."""

    name: str
    factor: str
    cases: tuple[tuple[int, int], ...]
    protocol: str


def pieces(config: AnnealConfig, measurable: Callable[[str, int], bool] = lambda factor, context: True) -> list[Piece]:
    """The work of a test, in the order of its results; a case whose networks do not stack is a piece of its own.

    A case that is not ``measurable``, of a factor and a context's number, is left out.
    """
    alone = config.sweep.network != "dense" and config.protocol == "heat-cool"
    size = 1 if alone or config.protocol not in OURS else config.stack
    found = []
    for number, factor in enumerate(config.factors):
        contexts = [context for context in range(config.contexts) if measurable(factor, context)]
        cases = [(context, repeat) for context in contexts for repeat in range(config.repeats)]
        for start in range(0, len(cases), size):
            name = f"{number:02d}-{start:05d}"
            found.append(Piece(name, factor, tuple(cases[start : start + size]), config.protocol))
    return found
