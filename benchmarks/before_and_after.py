"""Whole commands by another commit and by this one, in turn: median seconds of each, and their ratio.

Cases: the demo's annealing test; closed forms and freezing order of dSprites, in colour and before a picture; scores
but for exact DCI of a run on dSprites, the first time and again; `runs` over 500 runs; a plan from a run. Each in a
process of its own, in a new folder, with the defaults of its commit; rounds take turns, so that a slow minute of the
machine is everyone's.

Usage: python -m benchmarks.before_and_after COMMIT [--rounds 5] [--case NAME ...]
"""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ifp
from benchmarks.same_bytes import ROOT, command, work_tree
from ifp.comparison.config import QUICK

SCORES = ("score", "run", "--only", ",".join(QUICK))
CASES: dict[str, tuple[str, ...]] = {
    "anneal": ("anneal", "--dataset", "dsprites"),
    "spectrum": ("spectrum", "--dataset", "dsprites"),
    "spectrum in colour": ("spectrum", "--dataset", "color-dsprites"),
    "spectrum before a picture": ("spectrum", "--dataset", "scream-dsprites"),
    "score": SCORES,
    "score again": SCORES,
    "runs": ("runs",),
    "plan-stages": ("plan-stages", "runs/0"),
}
RUNS = 500


def seconds(sources: Path, folder: Path, words: tuple[str, ...]) -> float:
    """Wall-clock time of a command, which must end well."""
    began = time.perf_counter()
    if command(sources, folder, *words).wait():
        raise SystemExit(f"with {sources}: ifp {' '.join(words)} failed")
    return time.perf_counter() - began


def prepared(case: str, sources: Path, made: Callable[[str], Path]) -> Path:
    """A new folder with what a case needs, made by this commit once and copied."""
    folder = Path(tempfile.mkdtemp())
    if case.startswith("score"):
        shutil.copytree(made("trained"), folder / "run")
    if case == "score again":
        seconds(sources, folder, SCORES)
    if case in ("runs", "plan-stages"):
        for number in range(RUNS if case == "runs" else 1):
            shutil.copytree(made("annealed"), folder / "runs" / str(number))
    return folder


def main() -> None:
    """A line per case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may stand several times")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, work_tree(given.commit) as tree:

        def made(what: str) -> Path:
            path = Path(folder, what)
            if not path.exists() and what == "trained":
                ifp.train("dsprites", objective="beta-vae", steps=300, out=path)
            elif not path.exists():
                ifp.anneal("dsprites-tiny", contexts=2, out=path)
            return path

        for case in given.case or CASES:
            found: dict[Path, list[float]] = {tree: [], ROOT: []}
            for _ in range(given.rounds):
                for sources, times in found.items():
                    place = prepared(case, sources, made)
                    times.append(seconds(sources, place, CASES[case]))
                    shutil.rmtree(place)
            before, after = (statistics.median(times) for times in found.values())
            spread = ", ".join(" ".join(f"{each:.1f}" for each in times) for times in found.values())
            print(
                f"{case}: {before:.1f} s before, {after:.1f} s now, {before / after:.1f} times ({spread})", flush=True
            )
    print(f"largest process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
