"""Scores of several runs, and what they spread over runs, apart from how sure each run's score is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.comparison import Row, summarise_methods
from analysis.printed import Shown
from analysis.scores.scores import FORMAT, Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """A run with its scores.

    Attributes:
        run: its directory.
        method: its objective, and those of its settings in which other runs of the objective differ.
        seed: that it was trained with.
        scores: by name.
    """

    run: str
    method: str
    seed: int
    scores: Scores


@dataclass(frozen=True, eq=False, repr=False)
class RunScores(Shown):
    """Scores of several runs on the same data.

    Two uncertainties, kept apart: how sure each run's score is at its number of samples (``scores[run].intervals``),
    and how much runs differ that were trained with other seeds (:meth:`over_runs`).

    Attributes:
        runs: each with its scores.
        about: what holds for all of them: ``data``, the name of the data set; of UDR ``similarity``, ``images``, the
            ``seed`` of those, and ``notes``.
    """

    runs: tuple[ScoredRun, ...]
    about: Mapping[str, Any]

    @property
    def scores(self) -> dict[str, Scores]:
        """The scores of each run, by its directory."""
        return {each.run: each.scores for each in self.runs}

    @property
    def is_udr(self) -> bool:
        """Whether the one score is UDR, how far a run agrees with the others."""
        return "similarity" in self.about

    @property
    def record(self) -> dict[str, Any]:
        """All that was measured, as JSON has it."""
        runs = [
            {"run": each.run, "method": each.method, "seed": each.seed, "scores": dict(each.scores.record)}
            for each in self.runs
        ]
        over_runs = self.over_runs()
        over_runs = over_runs.astype(object).where(over_runs.notna(), None)
        return {"format": FORMAT, **self.about, "runs": runs, "over_runs": over_runs.to_dict("records")}

    def to_frame(self) -> pd.DataFrame:
        """A row per run: run, method, seed, each score; of UDR also its active latents."""
        active = "active_latents"
        return pd.DataFrame(
            [
                {"run": each.run, "method": each.method, "seed": each.seed, **each.scores}
                | ({active: each.scores.record[active]} if self.is_udr else {})
                for each in self.runs
            ]
        )

    def over_runs(self) -> pd.DataFrame:
        """A row per method and score: the number of runs, and the median, min and max over them.

        ``sample_half_width`` is another thing: half the 95% interval of one run's score at its number of samples, the
        median over the runs; NaN where a score has no interval.
        """
        return pd.DataFrame(
            [
                {
                    "method": each.method,
                    "score": each.measure,
                    "runs": each.count,
                    "median": each.median,
                    "min": each.low,
                    "max": each.high,
                    "sample_half_width": self._half_width(each.method, each.measure),
                }
                for each in summarise_methods(self._rows())
            ]
        )

    def plot(self) -> "Figure":
        """A panel per score, in it a box and the points of each method: one point per run."""
        from analysis.figures.comparison import draw_comparison

        return draw_comparison(self._rows(), f"{self.about['data']}: {len(self.runs)} runs")

    def _shown(self) -> tuple[str, pd.DataFrame]:
        kind = "UDR" if self.is_udr else "Scores"
        frame = self.to_frame() if self.is_udr else self.over_runs()
        return f"{kind} of {len(self.runs)} runs on {self.about['data']}", frame

    def _rows(self) -> list[Row]:
        return [{"method": each.method, "seed": each.seed, "run": each.run, **each.scores} for each in self.runs]

    def _half_width(self, method: str, name: str) -> float:
        ends = [
            each.scores.intervals[name] for each in self.runs if each.method == method and name in each.scores.intervals
        ]
        return float(np.median([(high - low) / 2 for low, high in ends])) if ends else float("nan")
