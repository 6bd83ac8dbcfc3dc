"""A chart under a slider: curves over the records of a run, with events, stages and what is told of each record."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from annealing.errors import IFPError
from ifp.tables.table import Table, cell

Shape = Literal["froze", "spread", "gather", "move"]

MOST_CURVES = 40  # of a chart; more cannot be told apart
_MOST_CELLS = 3_000  # of the table of all records, which keeps a page of thousands of records small
_LONGEST = 40  # characters of a name within a sentence


@dataclass(frozen=True, eq=False)
class Curve:
    """KL of one latent or factor.

    Attributes:
        name: its own.
        colour: as HTML writes it, ``#0173b2``.
        nats: at each record (records,); NaN where it is not known.
        told: at each record, what it holds, in words.
        dash: pattern of the line; none of a whole one.
    """

    name: str
    colour: str
    nats: tuple[float, ...]
    told: tuple[str, ...]
    dash: str = ""


@dataclass(frozen=True)
class Mark:
    """An event, or a measured point.

    Attributes:
        at: where on the axis.
        curve: number of the curve that it belongs to.
        text: what happened, with its values.
        nats: how high it stands; None: in the curve's own row below the axis.
        span: of a measured point, its bracket on the axis.
    """

    at: float
    curve: int
    shape: Shape
    text: str
    nats: float | None = None
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class StageLine:
    """Where a stage begins on the axis, or the pressure at which it stands: its short name and what it is."""

    at: float
    label: str
    text: str


@dataclass(frozen=True, eq=False)
class Chart:
    """Curves over records, each of which the slider can stop at.

    Attributes:
        title: what is drawn.
        subject: what a curve is of, latent or factor.
        holds: heading of what is told of a curve at a record.
        control: the slider's label.
        axis: what the records are laid out by, with its unit.
        at: place of each record on the axis, rising.
        logarithmic: whether the axis is.
        records: of each record what is told of it, by name.
        threshold: nats from which a curve counts as awake.
        caption: how to read it.

    Raises:
        IFPError: places that do not rise or are not finite, or infinite KL.
    """

    title: str
    subject: str
    holds: str
    control: str
    axis: str
    at: tuple[float, ...]
    logarithmic: bool
    records: tuple[Mapping[str, object], ...]
    curves: tuple[Curve, ...]
    marks: tuple[Mark, ...]
    stages: tuple[StageLine, ...]
    threshold: float
    caption: str

    def __post_init__(self) -> None:
        if (
            not self.at
            or not _rises(self.at)
            or not np.isfinite(self.at).all()
            or (self.logarithmic and self.at[0] <= 0)
        ):
            raise IFPError("need records at finite places that rise, above 0 where they are pressures, got others")
        if any(np.isinf(curve.nats).any() for curve in self.curves):
            raise IFPError("need finite nats of KL at every record, got infinity")

    def sentence(self, record: int) -> str:
        """What is told of a record, in a line: ``step 40; beta 9``."""
        return "; ".join(f"{name} {cell(value)}" for name, value in self.records[record].items())

    def state(self, curve: Curve, record: int) -> str:
        """Awake or asleep; unknown where its KL is."""
        nats = curve.nats[record]
        return "unknown" if np.isnan(nats) else "awake" if nats >= self.threshold else "asleep"

    def table(self) -> Table:
        """All that the slider tells: a row per record, a column per curve."""
        rows = tuple(
            {
                **values,
                **{
                    f"KL of {curve.name}": ("-" if np.isnan(curve.nats[record]) else f"{curve.nats[record]:.3f}")
                    + (f" ({curve.told[record]})" if curve.told[record] else "")
                    for curve in self.curves
                },
            }
            for record, values in enumerate(self.records)
        )
        return Table(f"every record: KL in nats, {self.subject}s awake from {self.threshold:g} on ({self.holds})", rows)


def _rises(at: Sequence[float]) -> bool:
    return all(before < after for before, after in itertools.pairwise(at))


def kept_records(count: int, curves: int, needed: Sequence[int] = ()) -> list[int]:
    """Numbers of the records that a chart shows: all, or as many as its table has room for, and those needed.

    >>> kept_records(5, 3), len(kept_records(10_000, 10)), kept_records(10_000, 10, [7])[:3]
    ([0, 1, 2, 3, 4], 300, [0, 7, 33])
    """
    room = max(2, _MOST_CELLS // max(curves, 1))
    evenly = range(count) if count <= room else np.linspace(0, count - 1, room).round().astype(int).tolist()
    return sorted({*evenly, *needed})


def short(name: str) -> str:
    """A name as it stands within a sentence, cut where it is long."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
