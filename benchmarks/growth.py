"""Time and memory of whole commands as their work doubles, three times: cases, contexts, images; and the slopes.

- cases: `ifp anneal --dataset dsprites`, 10 to 80 cases of five factors;
- contexts: `ifp spectrum --dataset dsprites`, 500 to 4,000 of them;
- images: `ifp spectrum` of a file of 32x32 pictures, a lattice of 8,000 to 64,000;
- encoded: `ifp encode` of the same files, by a run of each.
The slope is that of log seconds, or of the log memory of the largest process, against log size, start-up included.

Usage: python -m benchmarks.growth [--only NAME ...]
"""

import argparse
import math
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import linear_regression

import numpy as np

import ifp
from benchmarks.same_bytes import ROOT, command

WHAT = ("cases", "contexts", "images", "encoded")
DOUBLED = (1, 2, 4, 8)


def write_lattice(path: Path, angles: int) -> int:
    """An npz of a bright bar in 20 by 20 places, at so many angles; how many images it has."""
    x, y = np.meshgrid(np.arange(32), np.arange(32))
    images, factors = [], []
    for angle in range(angles):
        turn = math.pi * angle / angles
        for column, row in np.ndindex(20, 20):
            across = (x - column - 6) * math.cos(turn) + (y - row - 6) * math.sin(turn)
            along = (y - row - 6) * math.cos(turn) - (x - column - 6) * math.sin(turn)
            images.append(np.where((abs(across) < 2) & (abs(along) < 5), 255, 0).astype(np.uint8))
            factors.append((angle, column, row))
    np.savez(
        path, images=np.stack(images)[..., None], factors=np.array(factors), factor_names=["angle", "posX", "posY"]
    )
    return len(images)


def prepared(what: str, times: int, folder: Path) -> tuple[int, tuple[str, ...]]:
    """The size of a command, and its words."""
    if what == "cases":
        return 10 * times, ("anneal", "--dataset", "dsprites", "--contexts", str(2 * times))
    if what == "contexts":
        return 500 * times, ("spectrum", "--dataset", "dsprites", "--contexts", str(500 * times))
    size = write_lattice(folder / "bars.npz", 20 * times)
    if what == "images":
        return size, ("spectrum", "--dataset", "bars.npz")
    ifp.train(str(folder / "bars.npz"), objective="beta-vae", steps=2, threads=1, out=folder / "run")
    return size, ("encode", "run")


def measured(what: str) -> Iterator[tuple[int, float, float]]:
    """Size, seconds, and MiB of the largest process."""
    for times in DOUBLED:
        with tempfile.TemporaryDirectory() as name:
            size, words = prepared(what, times, Path(name))
            started = time.perf_counter()
            _, status, usage = os.wait4(command(ROOT, Path(name), *words).pid, 0)
            seconds = time.perf_counter() - started
            if status:
                raise SystemExit(f"ifp {' '.join(words)} failed")
            yield size, seconds, usage.ru_maxrss / 1024


def main() -> None:
    """A line per size, then the slopes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=WHAT, default=WHAT)
    for what in parser.parse_args().only:
        rows = []
        for size, seconds, memory in measured(what):
            rows.append((math.log(size), math.log(seconds), math.log(memory)))
            print(f"{what}: {size:,}: {seconds:.1f} s, {memory:,.0f} MiB", flush=True)
        sizes, *taken = zip(*rows, strict=True)
        slopes = [linear_regression(sizes, values).slope for values in taken]
        print(f"{what}: slope of time {slopes[0]:.2f}, of memory {slopes[1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
