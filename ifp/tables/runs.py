"""Runs at hand, one row each."""

from collections.abc import Mapping, Sequence

from ifp.run_directory.kinds import Kind
from ifp.run_directory.lock import is_held
from ifp.run_directory.run import RunDirectory
from ifp.tables.table import Table


def runs_at_hand(runs: Sequence[RunDirectory], title: str) -> Table:
    """One row per run, in the order given: what it is, how far it has come, and what its data and seed are."""
    return Table(
        title,
        tuple(
            {
                "run": run.path.name,
                "kind": run.kind,
                "state": _state(run),
                "data": _known(run, "data", "name"),
                "objective": _known(run, "settings", "objective") if run.kind == Kind.TRAINING else None,
                "seed": _known(run, "settings", "seed"),
                "created": str(run.config.get("created", ""))[:19],
            }
            for run in runs
        ),
    )


def _state(run: RunDirectory) -> str:
    if is_held(run.path):
        return "being written"
    return "finished" if run.finished else "unfinished"


def _known(run: RunDirectory, part: str, name: str) -> str | int | None:
    """What config.json says, as it stands there: a run whose config lacks it or is damaged is listed all the same."""
    held = run.config.get(part)
    value = held.get(name) if isinstance(held, Mapping) else None
    return value if isinstance(value, (str, int)) else None
