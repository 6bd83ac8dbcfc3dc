r"""Which beta to use on rows of any data: how many modes stand above chance, and at which pressure as many are awake.

With freezing points :math:`\beta_1 \ge \beta_2 \ge \dots`, k latents carry information between :math:`\beta_{k+1}` and
:math:`\beta_k`. Suggested for k latents is

.. math:: \min\left(e^{-2 \tau} \beta_k,\; \sqrt{\beta_k \max(\beta_{k+1}, \beta_k / 4)}\right)

the middle of the two on a scale of logarithms, not below half of the first, and at most where the k-th latent of a
linear decoder of Gaussian rows holds :math:`\tau` = 0.1 nat, as its KL is :math:`\tfrac12 \ln(\beta_k / \beta)`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.printed import Shown
from annealing.loss_forms import LossScale
from annealing.thresholds import ACTIVE
from ifp.datasets.sample_values import UNNAMED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TOLD = 0.01  # share of a feature in a mode, from which a table has it
LOCAL = (
    "the first value is where silence stops being stable, by any encoder and decoder; the later ones are exact for "
    "linear decoders of Gaussian rows with a fixed variance, and a guide for others"
)


@dataclass(frozen=True)
class Mode:
    """A direction in which rows vary together.

    Attributes:
        mode: its number, from 1: the first freezes at the highest pressure.
        freezing: nats; above it no latent carries the mode.
        held_out: the same, by rows that its direction was not chosen on.
        z: how many standard errors what its columns share lies above nothing, on those rows.
        above_chance: whether it and all before it stand above chance.
        beta: pressure, nats, at which as many latents as its number carry information.
        features: the three that count most in it, with their shares of it.
        weight, beta_weight: of the KL in the user's loss at ``freezing`` and at ``beta``; None where no loss is named.
    """

    mode: int
    freezing: float
    held_out: float
    z: float
    above_chance: bool
    beta: float
    weight: float | None = None
    beta_weight: float | None = None
    features: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Suggestion(Shown):
    """What :func:`ifp.suggest` found.

    Attributes:
        data: name of the data.
        source: where they come from and what was done with them, in words.
        rows, features: N and D; D counts features that never vary, as a mean over features does.
        likelihood: its name.
        because: why that one; empty where it was named.
        exposure: what exposes each row, in words; empty where nothing does.
        conditions: categories that the decoder is told, 0 where none.
        modes: the leading ones, by falling freezing point.
        above_chance: how many of them stand above chance.
        level: of the test.
        loss: the user's own; None where none is named.
        notes: what to know beside the numbers.
    """

    data: str
    source: str
    rows: int
    features: int
    likelihood: str
    because: str
    exposure: str
    conditions: int
    modes: tuple[Mode, ...]
    above_chance: int
    level: float
    loss: LossScale | None = None
    notes: tuple[str, ...] = ()

    @property
    def beta(self) -> float | None:
        """Pressure, nats, at which all modes above chance are awake; None where there is none."""
        return self.modes[self.above_chance - 1].beta if self.above_chance else None

    @property
    def weight(self) -> float | None:
        """The same as the weight of the KL in the user's loss; None where no loss is named, too."""
        return self.modes[self.above_chance - 1].beta_weight if self.above_chance else None

    @property
    def silent_above(self) -> float:
        """Pressure, nats, from which on every latent is silent: the first freezing point."""
        return self.modes[0].freezing

    @property
    def sentences(self) -> tuple[str, str]:
        """What it comes to: how many modes, and which beta."""
        return self._counted(), self._advised()

    def _counted(self) -> str:
        many = self.above_chance
        least = "at least " if many and many == len(self.modes) else ""
        further = " (all that were looked at)" if least else ""
        modes = f"{least}{_word(many)} mode{'' if many == 1 else 's'}"
        data = self.data.capitalize() if self.data == UNNAMED else self.data
        return (
            f"{data} holds {modes} above chance{further}, of {self.rows:,} rows and {self.features:,} features "
            f"under {self.likelihood}, at a level of {self.level:g}."
        )

    def _advised(self) -> str:
        first = self.modes[0]
        silent = f"With {self._told(first.freezing, first.weight)} or more everything falls silent"
        if self.beta is None:
            return f"{silent}; below it a latent learns what may be chance."
        kept = {1: "it awake", 2: "both awake"}.get(self.above_chance, f"all {_word(self.above_chance)} awake")
        figure = f"{self.beta:.3g} nats" if self.weight is None else f"{self.weight:.3g} ({self.beta:.3g} nats)"
        following = self.modes[self.above_chance : self.above_chance + 1]
        beyond = "".join(
            f"; from {_figure(mode.freezing, mode.weight)} down a further one wakes that may be chance"
            for mode in following
        )
        return f"{silent}; {figure} keeps {kept}{beyond}."

    def _told(self, beta: float, weight: float | None) -> str:
        if self.loss is None or weight is None:
            return f"a beta of {beta:.3g} nats"
        return f"a KL weight of {weight:.3g} in {self.loss.loss} ({beta:.3g} nats)"

    def to_frame(self) -> pd.DataFrame:
        """A row per mode: the columns of :class:`Mode`, those of weights where a loss is named; features as text."""
        told = [
            ", ".join(f"{name} {share:.0%}" for name, share in mode.features if share >= _TOLD) for mode in self.modes
        ]
        frame = pd.DataFrame([replace(mode, features=()) for mode in self.modes]).assign(features=told)
        return frame if self.loss is not None else frame.drop(columns=["weight", "beta_weight"])

    def plot(self) -> "Figure":
        """Where modes freeze: :func:`analysis.figures.modes.draw_modes`."""
        from analysis.figures.modes import draw_modes

        frame = self.to_frame()
        return draw_modes(
            frame["freezing"].to_numpy(),
            frame["held_out"].to_numpy(),
            frame["above_chance"].tolist(),
            frame["beta"].where(frame["above_chance"]).to_numpy(),
            f"Where modes of {self.data} freeze ({self.likelihood})",
            chance=None if self.above_chance == len(self.modes) else self.modes[self.above_chance].freezing,
            weight_of_nat=None if self.loss is None else self.loss.weight_of(1.0),
            loss="" if self.loss is None else self.loss.loss,
        )

    def to_record(self) -> dict[str, Any]:
        """Plain values by name, as ``ifp suggest --json`` prints them."""
        names = ("data", "source", "rows", "features", "likelihood", "because", "exposure", "conditions", "level")
        told = {name: getattr(self, name) for name in names}
        loss = None if self.loss is None else asdict(self.loss) | {"beta_of_weight_1": self.loss.nats}
        return told | {
            "above_chance": self.above_chance,
            "beta": self.beta,
            "weight": self.weight,
            "silent_above": self.silent_above,
            "loss": loss,
            "modes": [_plain(mode, self.loss) for mode in self.modes],
            "sentences": list(self.sentences),
            "notes": list(self.notes),
        }

    def _shown(self) -> tuple[str, pd.DataFrame]:
        title = f"Suggestion for {self.data}; pressures in nats, negative log-likelihood summed over features"
        told = "" if self.loss is None else f"; weights in {self.loss}"
        return f"{title}{told}", self.to_frame()

    def _below(self) -> tuple[str, ...]:
        return (*self.sentences, *self.notes)


def leading(
    points: Sequence[float], held_out: Sequence[float], z: Sequence[float], above: int, loss: LossScale | None
) -> Iterator[Mode]:
    """The modes of which rows left out tell, the first ``above`` of them above chance.

    Args:
        points: freezing points, nats, falling: one more than the others where there is one.
        held_out, z: of each mode.
        above: how many of them stand above chance.
        loss: the user's own.
    """
    told = zip(points, awake_pressures(points), held_out, z, strict=False)
    for number, (point, beta, held, deviations) in enumerate(told, start=1):
        weights = (None, None) if loss is None else (loss.weight_of(point), loss.weight_of(beta))
        yield Mode(number, point, held, deviations, number <= above, beta, *weights)


def awake_pressures(points: Sequence[float]) -> list[float]:
    """The suggested pressure for 1, 2, ... latents, of freezing points that fall; of the last the next is not known.

    >>> [round(beta, 2) for beta in awake_pressures([16.0, 4.0, 3.8, 0.1])]
    [8.0, 3.27, 1.9, 0.05]
    """
    after = [*points[1:], 0.0]
    middles = (math.sqrt(point * max(following, point / 4)) for point, following in zip(points, after, strict=True))
    return [min(math.exp(-2 * ACTIVE) * point, middle) for point, middle in zip(points, middles, strict=True)]


def _plain(mode: Mode, loss: LossScale | None) -> dict[str, Any]:
    features = [{"feature": name, "share": share} for name, share in mode.features]
    told = asdict(mode) | {"features": features}
    return told if loss is not None else {name: told[name] for name in told if name not in ("weight", "beta_weight")}


def _figure(beta: float, weight: float | None) -> str:
    return f"{beta:.3g} nats" if weight is None else f"{weight:.3g}"


def _word(number: int) -> str:
    """A small number in a word."""
    return _WORDS[number] if number < len(_WORDS) else str(number)
