"""Whole commands with the machine to themselves and beside one process that computes without end: seconds, ratio.

With the defaults: `ifp train` tries how many threads are fastest before it starts, the others use a process per core.
Usage: python -m benchmarks.busy_neighbour [--rounds 3] [--case NAME ...]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.before_and_after import seconds
from benchmarks.same_bytes import ROOT

CASES = {
    "train": ("train", "--dataset", "dsprites-32", "--objective", "beta-vae", "--steps", "400"),
    "train 64x64": ("train", "--dataset", "dsprites", "--objective", "beta-vae", "--steps", "400"),
    "anneal": ("anneal", "--dataset", "dsprites", "--contexts", "4"),
    "spectrum": ("spectrum", "--dataset", "dsprites"),
}


@contextmanager
def neighbour() -> Iterator[None]:
    """A process that computes, for as long as the block lasts."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """A line per command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", choices=CASES, action="append", help="only this one; may stand several times")
    given = parser.parse_args()
    for name in given.case or CASES:
        taken: dict[str, list[float]] = {"alone": [], "beside": []}
        for _ in range(given.rounds):
            for where, times in taken.items():
                with tempfile.TemporaryDirectory() as folder, neighbour() if where == "beside" else nullcontext():
                    times.append(seconds(ROOT, Path(folder), CASES[name]))
        alone, beside = (statistics.median(times) for times in taken.values())
        print(f"{name}: {alone:.1f} s alone, {beside:.1f} s beside a neighbour, {beside / alone:.2f} times", flush=True)


if __name__ == "__main__":
    main()
