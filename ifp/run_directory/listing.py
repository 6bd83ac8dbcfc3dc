"""Runs under a folder: all of them, the newest of a kind, and in words what each is and how to go on with it."""

import datetime
import shlex
from collections.abc import Sequence
from pathlib import Path

from annealing.errors import RunError
from ifp.files.names import file_name
from ifp.run_directory.kinds import Kind
from ifp.run_directory.lock import is_held
from ifp.run_directory.run import RunDirectory, open_run, read_run


def described(run: RunDirectory) -> str:
    """Kind and state of a run, with the command that goes on with it or finds another.

    An unfinished one goes on with ``--resume``, one that another process writes to is waited for.
    """
    if run.finished:
        return f"a finished run of kind {run.kind} (`ifp runs` lists the others)"
    if is_held(run.path):
        return f"an unfinished run of kind {run.kind}, still being written: wait for its end (see `ifp runs`)"
    if not run.kind.command:
        return (
            f"an unfinished run of kind {run.kind}, with nothing in it yet: `ifp.watch(out={str(run.path)!r})` goes on"
        )
    again = f"ifp {run.kind.command} --resume --out {shlex.quote(str(run.path))}"
    return f"an unfinished run of kind {run.kind}: go on with `{again}`"


def _missing(root: Path, kind: Kind | None, there: Sequence[RunDirectory], *, finished: bool) -> str:
    """That there is no such run under ``root``, and how to come by one: go on with one that is there, or make one."""
    word = "finished" if finished else "unfinished"
    of_kind = "" if kind is None else f" of kind {kind}"
    none = f"there is no {word} run{of_kind} under {root}/"
    begun = [run for run in there if kind in (None, run.kind)]
    if begun:
        return f"{none}, {begun[-1].path} is {described(begun[-1])}"
    verb = "make" if finished else "begin"
    return f"{none}: {verb} one with `{(kind or Kind.ANNEALING_TEST).example}`, or name another place with --runs DIR"


def list_runs(root: Path) -> list[RunDirectory]:
    """Runs directly under ``root``, oldest first by their time of creation."""
    found = []
    for config in sorted(root.glob("*/config.json")):
        try:
            found.append(read_run(config.parent))
        except RunError:
            continue  # not one of ours
    return sorted(found, key=lambda run: str(run.config.get("created", "")))


def newest_run(root: Path, kind: Kind | None, *, finished: bool = True) -> RunDirectory:
    """The newest finished (or unfinished) run of a kind, or of any, under ``root``; RunError where there is none."""
    there = list_runs(root)
    runs = [run for run in there if kind in (None, run.kind) and run.finished == finished]
    if not runs:
        raise RunError(f"need a run: {_missing(root, kind, there, finished=finished)}")
    return open_run(runs[-1].path)


def new_run_path(root: Path, kind: Kind, dataset: str) -> Path:
    """A fresh directory name under ``root``: kind, data set and the time."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    path = root / f"{kind}-{file_name(dataset)}-{stamp}"
    count = 2
    while path.exists():
        path = root / f"{kind}-{file_name(dataset)}-{stamp}-{count}"
        count += 1
    return path
