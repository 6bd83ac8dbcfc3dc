"""What happens to a factor's information during training: it spreads, gathers again, or moves to another latent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annealing.thresholds import CHANGED, INFORMED

EventKind = Literal["spread", "gather", "move"]


@dataclass(frozen=True)
class DiffusionEvent:
    """A change in where a factor's information is.

    T is what all latents together hold of the factor, and m is what the latent with most of it holds.

    Attributes:
        kind: ``spread``: T - m rose by 0.1 nat from its lowest point before; ``gather``: it fell by 0.1 from its
            highest; ``move``: another latent leads the owner by 0.1. A factor that left one latent for another, so
            that T - m is back within 0.1 nat, moved: on the way it neither spread nor gathered.
        out_of, into: for a spread, the owner and the other latent that gained most; for a gather, the other latent that
            lost most and the one that leads; for a move, the two owners.
        step, pressure: of the record at which the change reaches 0.1 nat.
        nats: of the whole rise or fall of T - m; for a move, what the new owner holds there.
    """

    kind: EventKind
    factor: str
    out_of: int
    into: int
    step: int
    pressure: float
    nats: float


@dataclass(frozen=True)
class Turn:
    """A rise or fall of a series: from record ``start`` to its extreme at ``end``; from ``seen`` on it counts."""

    rises: bool
    start: int
    seen: int
    end: int


def turns(values: Sequence[float], by: float) -> list[Turn]:
    """Rises and falls of a series by at least ``by`` from its running minimum or maximum; smaller ones are ignored.

    >>> turns([0.0, 0.5, 0.49, 0.8, 0.2, 0.21], 0.1)
    [Turn(rises=True, start=0, seen=1, end=3), Turn(rises=False, start=3, seen=4, end=4)]
    """
    found: list[Turn] = []
    low = high = 0  # before the first turn: its running minimum and maximum
    for record, value in enumerate(values):
        if found:
            last = found[-1]
            beyond = (value - values[last.end]) * (1 if last.rises else -1)
            if beyond > 0:
                found[-1] = Turn(last.rises, last.start, last.seen, record)
            elif -beyond >= by:
                found.append(Turn(not last.rises, last.end, record, record))
            continue
        low = record if value < values[low] else low
        high = record if value > values[high] else high
        if value - values[low] >= by:
            found.append(Turn(True, low, record, record))
        elif values[high] - value >= by:
            found.append(Turn(False, high, record, record))
    return found


def freezing_record(held: NDArray[np.floating]) -> int | None:
    """The first record at which all latents together hold 0.1 nat of one factor, from its nats in each (records,
    latents); None if they never do.

    >>> freezing_record(np.array([[0.0, 0.0], [0.04, 0.07], [0.5, 0.0]]))
    1
    """
    frozen = np.flatnonzero(held.sum(axis=1) >= INFORMED)
    return int(frozen[0]) if len(frozen) else None


def owners(held: NDArray[np.floating]) -> list[int | None]:
    """The owner of one factor at each record, from its nats in each latent (records, latents).

    The first latent to lead all others by 0.1 nat, then each one that leads the owner by as much; None before.

    >>> owners(np.array([[0.1, 0.0], [0.5, 0.45], [0.5, 0.55], [0.5, 0.7]]))
    [0, 0, 0, 1]
    """
    owner, found = None, []
    for nats in held:
        leader = int(nats.argmax())
        others = np.delete(nats, leader).max(initial=0.0) if owner is None else nats[owner]
        if nats[leader] - others >= CHANGED:
            owner = leader
        found.append(owner)
    return found


def factor_events(
    name: str, held: NDArray[np.floating], step: NDArray[np.integer], pressure: NDArray[np.floating]
) -> Iterator[DiffusionEvent]:
    """Events of one factor from when it has an owner, in no order; its nats in each latent are (records, latents)."""
    owner = owners(held)
    first = next((record for record, latent in enumerate(owner) if latent is not None), len(owner))
    outside = held.sum(axis=1) - held.max(axis=1)
    moves = [record for record in range(first + 1, len(owner)) if owner[record] != owner[record - 1]]
    changes = turns(outside[first:].tolist(), CHANGED)
    changes = [Turn(turn.rises, turn.start + first, turn.seen + first, turn.end + first) for turn in changes]

    def event(kind: EventKind, out_of: int, into: int, record: int, nats: float) -> DiffusionEvent:
        return DiffusionEvent(kind, name, out_of, into, int(step[record]), float(pressure[record]), nats)

    for record in moves:
        before, after = owner[record - 1], owner[record]
        assert before is not None  # a move is from one owner
        assert after is not None  # to another
        yield event("move", before, after, record, float(held[record, after]))
    for turn in _without_moves(changes, moves, outside):
        change = held[turn.end] - held[turn.start]
        nats = float(abs(outside[turn.end] - outside[turn.start]))
        if turn.rises:
            own = owner[turn.start]
            assert own is not None  # counted from the first on
            yield event("spread", own, _other(change, own), turn.seen, nats)
        else:
            leader = int(held[turn.end].argmax())
            yield event("gather", _other(-change, leader), leader, turn.seen, nats)


def _other(change: NDArray[np.floating], latent: int) -> int:
    """The latent other than this one that changed most."""
    return int(np.where(np.arange(len(change)) == latent, -np.inf, change).argmax())


def _without_moves(changes: list[Turn], moves: Sequence[int], outside: NDArray[np.floating]) -> list[Turn]:
    """The turns but for a rise and the fall after it that are one latent's way to another."""
    kept: list[Turn] = []
    for turn in changes:
        if kept and kept[-1].rises and not turn.rises:
            start = kept[-1].start
            back = outside[turn.end] - outside[start] < CHANGED
            if back and any(start < record <= turn.seen for record in moves):
                kept.pop()
                continue
        kept.append(turn)
    return kept
