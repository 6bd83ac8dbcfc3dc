"""Scores by name, as a mapping that also prints itself, as a frame and as a figure."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.printed import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.scores.matrix import InformationMatrix


FORMAT = "ifp-scores/1"  # what the scores are; those of two formats do not compare, and a record without is of this one

BESIDE = ("intervals", "exact", "seen", "spreads")  # what a record has by the names of scores, beside their values


class Scores(Shown, dict[str, float]):
    """Scores by name; a plain mapping in every other respect.

    >>> Scores(mig=0.5, sap=0.25)
    Scores, 1 at best
    score  value
      mig    0.5
      sap   0.25
    """

    record: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, *values: Any, record: Mapping[str, Any] | None = None, **named: float) -> None:
        """As a dict; ``record`` is what they were measured with beside them: protocol, samples, seed, versions."""
        super().__init__(*values, **named)
        if record is not None:
            self.record = record

    @property
    def intervals(self) -> Mapping[str, tuple[float, float]]:
        """Where the expectation of a score at this number of samples lies, at 95%: of scores of information."""
        return {name: (low, high) for name, (low, high) in self.record.get("intervals", {}).items()}

    @property
    def exact(self) -> Mapping[str, float]:
        """What codes that are the factors themselves score on the same rows: next to all that a score can reach."""
        return self.record.get("exact", {})

    @property
    def seen(self) -> Mapping[str, float]:
        """What codes score that hold where an image's mass lies and how much there is: of runs on an empty background.

        Of scores that look at the samples' rows alone: DCI, FactorVAE and BetaVAE have none.
        """
        return self.record.get("seen", {})

    @property
    def spreads(self) -> Mapping[str, list[float]]:
        """Values with five sample seeds, of scores without an interval, where that was asked for."""
        return self.record.get("spreads", {})

    @property
    def matrix(self) -> "InformationMatrix | None":
        """Information of every latent about every factor; None where it was not measured with them."""
        from analysis.scores.matrix import InformationMatrix  # with it comes scikit-learn

        return InformationMatrix.of_record(self.record["matrix"]) if "matrix" in self.record else None

    def to_frame(self) -> pd.DataFrame:
        """A row per score: score, value and, where they are known, low and high of the interval, exact and seen."""
        columns: dict[str, list[Any]] = {"score": list(self), "value": list(self.values())}
        if self.intervals:
            ends = [self.intervals.get(name, (math.nan, math.nan)) for name in self]
            columns["low"], columns["high"] = [low for low, _ in ends], [high for _, high in ends]
        for kind, beside in (("exact", self.exact), ("seen", self.seen)):
            if beside:
                columns[kind] = [beside.get(name, math.nan) for name in self]
        return pd.DataFrame(columns)

    def plot(self) -> "Figure":
        """A bar per score: :func:`analysis.figures.scores.draw_scores`."""
        from analysis.figures.scores import draw_scores

        return draw_scores(self)

    def _shown(self) -> tuple[str, pd.DataFrame]:
        return "Scores, 1 at best", self.to_frame()
