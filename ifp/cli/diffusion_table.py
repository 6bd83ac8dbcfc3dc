"""Tables of information diffusion that diagnose prints: predicted of an annealing run, measured of a trained one."""

from collections.abc import Sequence

import typer

from analysis.diffusion import Diffusion
from analysis.findings import Findings
from ifp.cli.tables import show_table

_EVENTS = 12  # of a run, the largest


def show_risks(findings: Findings) -> None:
    """Chances, row by column: that the column's factor freezes before the row's latent holds 1 nat."""
    names = [each.factor for each in findings.factors]
    chance = {(each.factor, each.other): each.chance for each in findings.pair_risks}
    rows = [
        {
            "factor": risk.factor,
            **{name: chance.get((risk.factor, name)) for name in names},
            "any": risk.chance,
            "how many": risk.others,
            "1 nat at": risk.held_at,
            "by": risk.basis,
        }
        for risk in findings.risks
    ]
    show_table(
        "predicted diffusion: chance that the column's factor freezes before the row's latent holds 1 nat; how many: "
        "expected number that do; 1 nat at: that share of its freezing point",
        rows,
    )


def show_diffusion(label: str, found: Diffusion) -> None:
    """One row per factor, then the largest events."""
    index = "nothing gained" if found.index is None else f"diffusion index {found.index:.3f}"
    if found.before_last is not None:
        index += f" ({found.before_last:.3f} before the last stage)"
    rows = [
        {
            "factor": each.factor,
            "froze at step": each.froze_at,
            "beta": each.pressure,
            "owner": "-" if each.owner is None else f"z{each.owner}",
            "nats": each.nats,
            "owner's share": each.share,
            "latents": each.effective,
            "lost": each.lost,
            "index": each.index,
        }
        for each in found.factors
    ]
    show_table(
        f"{label}: {index} over {len(found.latents)} latents that carry information; nats and the owner's share at the "
        "end; latents: effective number that carry it; lost: nats the owner held at its peak and no more",
        rows,
    )
    largest = sorted(found.events, key=lambda event: -event.nats)[:_EVENTS]
    events = [
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
    ]
    if events:
        more = len(found.events) - len(events)
        show_table("where information spread to" + (f" ({more} smaller events left out)" if more else ""), events)
    for first, second in found.mixed:
        typer.echo(f"warning: {first} and {second} are mixed in the same two latents", err=True)


def show_indices(runs: Sequence[tuple[str, Diffusion]]) -> None:
    """Several runs: a row each, with the index of every factor."""
    rows = [
        {
            "run": label,
            "index": found.index,
            "before last": found.before_last,
            **{each.factor: each.index for each in found.factors},
        }
        for label, found in runs
    ]
    show_table(
        "diffusion index (0: every factor in its owner alone, 1: spread evenly), of all, before the last stage, per "
        "factor",
        rows,
    )
