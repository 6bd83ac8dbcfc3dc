"""What a score tells about itself, so that every command and table knows it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from analysis.scores.codes import LabelledCodes, SampleSizes
from annealing.errors import IFPError

When = Literal["always", "posteriors", "named"]
Rows = Literal["samples", "all"]


class OneScore(Protocol):
    """A score of one number."""

    def __call__(self, data: LabelledCodes, *, seed: int, sizes: SampleSizes) -> float:
        """The score; the seed is that of the rows drawn."""


@dataclass(frozen=True)
class Measure:
    """One measurement and the names of the scores that it gives; a module lists its own in ``MEASURES``.

    Attributes:
        names: of the scores, in the order in which ``function`` gives them.
        function: of the data, the seed, the sample sizes and the number of jobs.
        when: ``always``; ``posteriors``: where log-variances are known; ``named``: only where it is asked for.
        place: where it stands among the others in tables, from 0; of one place, by name.
        rows: which codes it looks at: those of ``LabelledCodes.train`` and ``test`` alone, or any.

    Raises:
        IFPError: no name.
    """

    names: tuple[str, ...]
    function: Callable[[LabelledCodes, int, SampleSizes, int], tuple[float, ...]]
    when: When = "always"
    place: int = 100
    rows: Rows = "all"

    def __post_init__(self) -> None:
        if not self.names:
            raise IFPError("need a name or more for a score, got none")

    @classmethod
    def of(cls, name: str, score: OneScore, *, when: When = "always", place: int = 100, rows: Rows = "all") -> Self:
        """The measurement of a score of one number, called ``name``."""
        return cls((name,), lambda data, seed, sizes, n_jobs: (score(data, seed=seed, sizes=sizes),), when, place, rows)
