"""Methods compared over seeds: median and spread of every measure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annealing.errors import IFPError

NAMES = ("method", "seed", "run", "steps", "status", "definitions")  # columns of a row that are no measures

Row = Mapping[str, object]


@dataclass(frozen=True)
class Summary:
    """One measure of one method over its runs; ``count`` of them have it.

    The spread is the full range, from the lowest to the highest: with the few seeds that are affordable, quartiles say
    less.
    """

    method: str
    measure: str
    count: int
    median: float
    low: float
    high: float


def require_same_definitions(rows: Sequence[Row]) -> None:
    """Raise if rows were measured by different definitions, because their values cannot be compared.

    Raises:
        IFPError: they were; the error names the definitions and the runs that have them.
    """
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(str(row.get("definitions") or "earlier ones"), []).append(str(row["run"]))
    if len(found) > 1:
        told = "; ".join(f"{', '.join(runs)} by {definitions}" for definitions, runs in found.items())
        raise IFPError(f"need rows measured by the same definitions to compare, got {told}: resume the comparison")


def measures_of(rows: Sequence[Row]) -> list[str]:
    """Names of the measures, in the order of the rows' columns."""
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in NAMES]


def methods_of(rows: Sequence[Row]) -> list[str]:
    """Names of the methods, in the order of the rows."""
    return list(dict.fromkeys(str(row["method"]) for row in rows))


def values_of(rows: Sequence[Row], method: str, measure: str) -> list[float]:
    """The values of a measure over the runs of a method, without the runs that lack it."""
    found = [row.get(measure) for row in rows if row["method"] == method]
    return [float(value) for value in found if isinstance(value, (int, float)) and np.isfinite(value)]


def summarise_methods(rows: Sequence[Row]) -> Iterator[Summary]:
    """Median, lowest and highest of every measure of every method that has it."""
    for method in methods_of(rows):
        for measure in measures_of(rows):
            values = values_of(rows, method, measure)
            if values:
                yield Summary(method, measure, len(values), float(np.median(values)), min(values), max(values))
