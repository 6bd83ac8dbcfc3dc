"""Scores by name, as a mapping that also prints itself, as a frame and as a figure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.printed import printed

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FORMAT = "ifp-scores/1"  # what the scores are; those of two formats do not compare, and a record without is of this one


class Scores(dict[str, float]):
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

    def to_frame(self) -> pd.DataFrame:
        """A row per score: score and value."""
        return pd.DataFrame({"score": list(self), "value": list(self.values())})

    def plot(self) -> "Figure":
        """A bar per score: :func:`analysis.figures.scores.draw_scores`."""
        from analysis.figures.scores import draw_scores

        return draw_scores(self)

    def __repr__(self) -> str:
        return printed("Scores, 1 at best", self.to_frame())
