"""Tables of information diffusion measured along training."""

from collections.abc import Sequence

from analysis.diffusion import Diffusion
from ifp.tables.table import Table

_EVENTS = 12  # of a run, the largest


def owners(label: str, found: Diffusion) -> Table:
    """One row per factor: its owner, and what of it is elsewhere."""
    index = "nothing gained" if found.index is None else f"diffusion index {found.index:.3f}"
    if found.before_last is not None:
        index += f" ({found.before_last:.3f} before the last stage)"
    rows = tuple(
        {
            "factor": each.factor,
            "froze at": each.froze_at,
            "beta": each.pressure,
            "owner": "-" if each.owner is None else f"z{each.owner}",
            "nats": each.nats,
            "share": each.share,
            "latents": each.effective,
            "lost": each.lost,
            "index": each.index,
        }
        for each in found.factors
    )
    return Table(
        f"{label}: {index} over {len(found.latents)} latents that carry information; froze at: step; nats and the "
        "owner's share at the end; latents: effective number that carry it; lost: of the most its owner ever held",
        rows,
    )


def events(found: Diffusion) -> Table:
    """The largest events by step: from which latent into which, at which pressure."""
    largest = sorted(found.events, key=lambda event: -event.nats)[:_EVENTS]
    rows = tuple(
        {
            "step": event.step,
            "beta": event.pressure,
            "factor": event.factor,
            "from": f"z{event.owner}",
            "into": f"z{event.into}",
            "nats": event.nats,
        }
        for event in found.events
        if event in largest
    )
    more = len(found.events) - len(rows)
    return Table("where information spread to" + (f" ({more} smaller events left out)" if more else ""), rows)


def indices(runs: Sequence[tuple[str, Diffusion]]) -> Table:
    """Several runs: a row each, with the index of every factor."""
    rows = tuple(
        {
            "run": label,
            "index": found.index,
            "before last": found.before_last,
            **{each.factor: each.index for each in found.factors},
        }
        for label, found in runs
    )
    return Table(
        "diffusion index (0: every factor in its owner alone, 1: spread evenly), of all, before the last stage, per "
        "factor",
        rows,
    )
