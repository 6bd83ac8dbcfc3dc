"""The table of a plan of stages held against the run that was trained by it."""

from analysis.diffusion import Diffusion
from ifp.tables.table import Table


def planned_and_found(found: Diffusion) -> Table:
    """One row per factor: the stage, pressure and nats that were planned, and those at which it froze and is held."""
    rows = tuple(
        {
            "factor": each.factor,
            "verdict": each.verdict,
            "planned": _stage(each.planned_stage),
            "froze": _stage(each.stage),
            "beta planned": each.planned_pressure,
            "beta": each.pressure,
            "owner": "-" if each.owner is None else f"z{each.owner}",
            "of its group": "-" if each.in_group is None else "yes" if each.in_group else "no",
            "nats planned": each.planned_nats,
            "stage's end": each.stage_nats,
            "end": each.nats,
            "share": each.share,
        }
        for each in found.plan
    )
    return Table(
        "plan and outcome: the stage and beta (nats) planned for each factor, and those at which it froze. nats "
        "planned: predicted for its stage. stage's end, end: what its owner held then; share: the owner's at the end",
        rows,
    )


def _stage(number: int | None) -> str:
    return "-" if number is None else f"stage {number}"
