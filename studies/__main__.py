"""Run studies from where their rows stand, or write their pages.

Usage: python -m studies [NAME...] [--full] [--jobs N] [--device cuda] [--match TEXT] [--list] [--cost] [--pages]
"""

import argparse
import time
from importlib import import_module

from ifp.machine.memory import keep_freed_memory
from studies.cost import cpu_hours
from studies.rows import measure_all, missing, rows_of
from studies.size import FULL, SMALL

STUDIES = ("freezing_points", "lag", "diffusion", "baselines", "correlated", "unsupervised", "closed_form")


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
    if not given.pages:
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


if __name__ == "__main__":
    main()
