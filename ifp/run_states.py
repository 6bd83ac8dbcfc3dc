"""What a run is and what to do about it, in words: for messages that need another run, or one further on."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.plain_json import shown
from ifp.run_lock import is_held

if TYPE_CHECKING:
    from ifp.runs import Run

_COMMANDS = {"anneal": "anneal", "anneal-whole": "anneal", "train": "train", "compare": "compare"}  # that make each
_MADE_BY = {
    "anneal": "ifp anneal --dataset NAME",
    "anneal-whole": "ifp anneal --dataset NAME --mode full",
    "train": "ifp train --plan FILE",
    "compare": "ifp compare --dataset NAME --objectives A,B",
}


def described(run: "Run") -> str:
    """Kind and state of a run, with the command that goes on with it or finds another.

    An unfinished one goes on with ``--resume``, one that another process writes to is waited for.
    """
    if run.finished:
        return f"a finished run of kind {run.kind} (`ifp runs` lists the others)"
    if is_held(run.path):
        return f"an unfinished run of kind {run.kind}, still being written: wait for its end (see `ifp runs`)"
    again = f"ifp {_COMMANDS[run.kind]} --resume --out {shlex.quote(str(run.path))}"
    return f"an unfinished run of kind {run.kind}: go on with `{again}`"


def missing(root: Path, kind: str | None, there: Sequence["Run"], *, finished: bool) -> str:
    """That there is no such run under ``root``, and how to come by one: go on with one that is there, or make one."""
    word = "finished" if finished else "unfinished"
    of_kind = "" if kind is None else f" of kind {kind}"
    none = f"there is no {word} run{of_kind} under {root}/"
    begun = [run for run in there if kind in (None, run.kind)]
    if begun:
        return f"{none}, {begun[-1].path} is {described(begun[-1])}"
    verb, command = "make" if finished else "begin", _MADE_BY[kind or "anneal"]
    return f"{none}: {verb} one with `{command}`, or name another place with --runs DIR"


def no_run(path: Path, config: object, wanted: str) -> str:
    """Why a directory holds no run, and what to do."""
    if not path.is_dir():
        return "there is no such directory (`ifp runs` lists the runs at hand)"
    if config is None:
        return "it has none (`ifp runs` lists the runs at hand)"
    found = config.get("format") if isinstance(config, dict) else None
    if found == wanted:
        return "it names a kind that is not known here: a newer version made it, install that one"
    return f"its own is of {shown(found)}: what made it is another version or program, make the run again"
