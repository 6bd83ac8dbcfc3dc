"""Tables of information diffusion measured along training."""

from collections.abc import Sequence

from analysis.diffusion import Diffusion
from analysis.diffusion_events import DiffusionEvent
from ifp.tables.table import Table

_EVENTS = 12  # of a run, the largest


def index_words(found: Diffusion) -> str:
    """The index, what of it came after freezing, and what it was before the last stage, in a line."""
    if found.index is None:
        return "nothing held"
    parts = [f"{found.since_freezing:.3f} of it since freezing"]
    if found.before_last is not None:
        parts.append(f"{found.before_last:.3f} before the last stage")
    return f"diffusion index {found.index:.3f} ({', '.join(parts)})"


def owners(label: str, found: Diffusion) -> Table:
    """One row per factor: its owner, and what of it is elsewhere."""
    rows = tuple(
        {
            "factor": factor.factor,
            "froze at": factor.froze_at,
            "beta": factor.pressure,
            "owner": "-" if factor.owner is None else f"z{factor.owner}",
            "nats": factor.nats,
            "share": factor.share,
            "latents": factor.effective,
            "lost": factor.lost,
            "index": factor.index,
        }
        for factor in found.factors
    )
    return Table(
        f"{label}: {len(found.latents)} latents carry information. froze at: step. nats: held at the end by all "
        "latents; share: of that, in the latent with most; latents: effective number that carry it. lost: nats that "
        "the owner lost since its peak",
        rows,
    )


def largest_events(found: Diffusion) -> list[DiffusionEvent]:
    """The events that are told of a run, by step."""
    largest = sorted(found.events, key=lambda event: -event.nats)[:_EVENTS]
    return [event for event in found.events if event in largest]


def events(found: Diffusion) -> Table:
    """The largest events by step: what spread, gathered or moved, from which latent into which, at which pressure."""
    rows = tuple(
        {
            "step": event.step,
            "beta": event.pressure,
            "factor": event.factor,
            "event": event.kind,
            "from": f"z{event.out_of}",
            "into": f"z{event.into}",
            "nats": event.nats,
        }
        for event in largest_events(found)
    )
    more = len(found.events) - len(rows)
    return Table("where information went" + (f" ({more} smaller events left out)" if more else ""), rows)


def indices(runs: Sequence[tuple[str, Diffusion]]) -> Table:
    """Several runs: a row each, with the index of every factor."""
    rows = tuple(
        {
            "run": label,
            "index": found.index,
            "since freezing": found.since_freezing,
            **{factor.factor: factor.index for factor in found.factors},
        }
        for label, found in runs
    )
    return Table(
        "diffusion index at the end (0: every factor in one latent, 1: spread evenly), the part of it since freezing, "
        "and by factor",
        rows,
    )
