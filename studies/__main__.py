"""Run studies from where their rows stand, or write their pages.

Usage: python -m studies [NAME...] [--full] [--jobs N] [--device cuda] [--match TEXT] [--list] [--cost] [--pages]
                         [--replay N [--seed N] [--tolerance X]] [--recompute]
"""

import argparse
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from analysis.plain_json import json_bytes
from ifp.files.atomic import write_atomically
from ifp.files.plain import load_json
from ifp.machine.memory import keep_freed_memory
from studies.cost import cpu_hours
from studies.replay import TOLERANCE, chosen, replay
from studies.rows import Case, measure_all, missing, row_file, rows_of
from studies.size import FULL, SMALL, Size
from studies.training import Training

STUDIES = (
    *("freezing_points", "lag", "brackets", "diffusion", "prediction", "baselines", "correlated", "unsupervised"),
    *("closed_form", "transfer", "pressures", "levers"),
)


def main() -> None:
    """Measure what is missing of the studies named, all of them without a name."""
    parser = argparse.ArgumentParser(prog="python -m studies", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(STUDIES))
    parser.add_argument("--full", action="store_true", help="the size for a GPU")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--match", default="", help="only rows whose name holds this")
    parser.add_argument("--list", action="store_true", help="only name what is missing")
    parser.add_argument("--cost", action="store_true", help="only add up what the rows that are done took")
    parser.add_argument("--pages", action="store_true", help="only write the pages from the rows that are done")
    parser.add_argument("--replay", type=int, metavar="N", help="measure N random rows again and compare them")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of rows to replay")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="of a replayed value, see studies/replay.py")
    parser.add_argument("--recompute", action="store_true", help="rows again from their traces, by today's definitions")
    given = parser.parse_args()
    if others := set(given.names) - set(STUDIES):
        parser.error(f"need studies out of {', '.join(STUDIES)}, got {', '.join(sorted(others))}")
    size = FULL if given.full else SMALL
    modules = [import_module(f"studies.{name}") for name in given.names or STUDIES]
    if given.cost:
        for name, module in zip(given.names or STUDIES, modules, strict=True):
            print(f"{name}: {cpu_hours(rows_of(set(module.cases(size)), size)):.2f} h of one thread")
        every = {case for module in modules for case in module.cases(size)}
        print(f"each row once: {cpu_hours(rows_of(every, size)):.2f} h of one thread")
        return
    if given.replay is not None:
        sys.exit(_replayed(modules, size, given))
    if given.recompute:
        _recompute([case for module in modules for case in module.cases(size) if given.match in case.path], size)
    elif not given.pages:
        cases = [case for module in modules for case in module.cases(size) if given.match in case.path]
        todo = missing(cases, size)
        print(f"{len(todo)} of {len(set(cases))} rows to measure", flush=True)
        if given.list:
            print(*(case.path for case in todo), sep="\n")
            return
        keep_freed_memory()
        began = time.monotonic()
        for number, name in enumerate(measure_all(cases, size, jobs=given.jobs, device=given.device), 1):
            print(f"{number}/{len(todo)} {time.monotonic() - began:.0f} s {name}", flush=True)
    for module in modules:
        if rows_of(module.cases(size), size):
            module.write_page(size)


def _replayed(modules: Sequence[ModuleType], size: Size, given: argparse.Namespace) -> int:
    """Print how far each replayed row is from the one that is kept; 1 where one is further than the tolerance."""
    cases = [case for module in modules for case in module.cases(size) if given.match in case.path]
    rows = chosen(cases, size, given.replay, given.seed)
    print(f"{len(rows)} of {len(set(cases))} rows again, tolerance {given.tolerance:g}", flush=True)
    agree = True
    for found in replay(rows, size, jobs=given.jobs, device=given.device, tolerance=given.tolerance):
        agree &= not found.error and not found.beyond
        beyond = f", beyond it: {', '.join(found.beyond[:5])} ({len(found.beyond)})" if found.beyond else ""
        told = found.error or f"{found.values} values, at most {found.farthest:.2g} apart{beyond}"
        print(f"{found.path}: {told}", flush=True)
    return 0 if agree else 1


def _recompute(cases: Sequence[Case], size: Size) -> None:
    """Write the rows whose traces are kept with what today's definitions make of them."""
    for case in dict.fromkeys(cases):
        file = row_file(case, size)
        if isinstance(case, Training) and file.is_file() and case.trace_file(size).is_file():
            write_atomically(file, json_bytes(case.recomputed(load_json(file), size)))


if __name__ == "__main__":
    main()
