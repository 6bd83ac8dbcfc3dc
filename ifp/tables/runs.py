"""Runs at hand, one row each."""

from collections.abc import Sequence
from typing import Any

from annealing.errors import RunError
from ifp.run_directory.kinds import Kind
from ifp.run_directory.lock import is_held
from ifp.run_directory.run import RunDirectory
from ifp.tables.table import Table


def runs_at_hand(runs: Sequence[RunDirectory], where: object) -> Table:
    """One row per run, in the order given: what it is, how far it has come, and what its data and seed are."""
    return Table(
        f"runs under {where}, oldest first",
        tuple(
            {
                "run": run.path.name,
                "kind": run.kind,
                "state": _state(run),
                "data": _known(run.about_data, "name", str),
                "objective": _known(run.setting, "objective", str) if run.kind == Kind.TRAINING else None,
                "seed": _known(run.setting, "seed", int),
                "created": str(run.config.get("created", ""))[:19],
            }
            for run in runs
        ),
    )


def _state(run: RunDirectory) -> str:
    if is_held(run.path):
        return "being written"
    return "finished" if run.finished else "unfinished"


def _known(read: Any, name: str, kind: type) -> Any:
    try:
        return read(name, kind)
    except RunError:  # a config.json that lacks it: the run is listed all the same
        return None
