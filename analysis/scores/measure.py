"""What a score tells about itself, so that every command and table knows it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from scipy.stats import norm

from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.information_table import InformationTable, TableScore
from analysis.scores.protocol import SampleSizes
from annealing.errors import IFPError

When = Literal["always", "posteriors", "named"]
Rows = Literal["samples", "all"]
Labels = Literal["classes", "values"]

_TWO_SIDED = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Estimate:
    """A score from one sample, and its standard error over other samples of as many rows, where that is known."""

    value: float
    error: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the score's expectation at this number of rows lies, at 95%, within 0..1; None without an error."""
        if self.error is None:
            return None
        return max(self.value - _TWO_SIDED * self.error, 0.0), min(self.value + _TWO_SIDED * self.error, 1.0)


def estimate(score: TableScore, table: InformationTable, sample: Sample) -> Estimate:
    """A score of the information in a sample, with its error over other such samples."""
    return Estimate(score(table.nats, table.entropies), table.standard_error(score) * math.sqrt(sample.spread))


class OneScore(Protocol):
    """A score of one number."""

    def __call__(self, data: LabelledCodes, *, seed: int, sizes: SampleSizes) -> "float | Estimate":
        """The score, with its error where it knows that; the seed is that of the rows drawn."""


@dataclass(frozen=True)
class Measure:
    """One measurement and the names of the scores that it gives; a module lists its own in ``MEASURES``.

    Attributes:
        names: of the scores, in the order in which ``function`` gives them.
        function: of the data, the seed, the sample sizes and the number of jobs.
        when: ``always``; ``posteriors``: where log-variances are known; ``named``: only where it is asked for.
        place: where it stands among the others in tables, from 0; of one place, by name.
        rows: which codes it looks at: those of ``LabelledCodes.train`` and ``test`` alone, or any.
        labels: what it takes of the factors: classes, or values.

    Raises:
        IFPError: no name.
    """

    names: tuple[str, ...]
    function: Callable[[LabelledCodes, int, SampleSizes, int], tuple[Estimate, ...]]
    when: When = "always"
    place: int = 100
    rows: Rows = "all"
    labels: Labels = "classes"

    def __post_init__(self) -> None:
        if not self.names:
            raise IFPError("need a name or more for a score, got none")

    @classmethod
    def of(
        cls,
        name: str,
        score: OneScore,
        *,
        when: When = "always",
        place: int = 100,
        rows: Rows = "all",
        labels: Labels = "classes",
    ) -> Self:
        """The measurement of a score of one number, called ``name``."""

        def measure(data: LabelledCodes, seed: int, sizes: SampleSizes, n_jobs: int) -> tuple[Estimate, ...]:
            found = score(data, seed=seed, sizes=sizes)
            return (found if isinstance(found, Estimate) else Estimate(found),)

        return cls((name,), measure, when, place, rows, labels)
