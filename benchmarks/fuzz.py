"""Every reader against broken and hostile input: it must accept, or refuse with an IFPError, soon and in little memory.

Inputs are mutations of valid files, each drawn from a seed of its own: reader and number. What is neither accepted nor
refused so, or takes over 10 seconds, is told with its seed and kept in runs/fuzz/.
Usage: python -m benchmarks.fuzz [--inputs 100000] [READER...]
(default: all of plan, findings, freezing, curves, config, npz, codes, mat, checkpoint, picture, settings, log,
events; one process each, one after the other; exits with 1 where an input fails, or memory grows by more than 1 GiB)
"""

import argparse
import multiprocessing
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import numpy as np

from annealing.errors import IFPError
from benchmarks.hostile_readers import READERS

KEPT = Path("runs/fuzz")
SECONDS = 10
GROWTH = 2**30  # bytes


class Hang(BaseException):
    """An input took too long; no ``except Exception`` takes it for damage."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Hang where the block takes longer."""

    def ring(*_: object) -> None:
        raise Hang(f"over {seconds:g} seconds")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def peak() -> int:
    """The most memory that this process has had, bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fuzz(name: str, inputs: int, folder: str, report: Connection) -> None:
    """Send how many inputs were accepted, refused and neither, and by how many bytes the memory grew."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    accepted = refused = failed = 0
    reader = READERS[name](Path(folder))
    before = peak()
    for number in range(inputs):
        data = reader.draw(Random(f"{name}-{number}"))
        try:
            with time_limit(SECONDS):
                reader.read(data)
            accepted += 1
        except IFPError:
            refused += 1
        except (Exception, Hang):
            failed += 1
            (KEPT / f"{name}-{number}").write_bytes(data)
            print(f"{name}-{number}: {traceback.format_exc(limit=-3)[:3000]}", flush=True)
    report.send((accepted, refused, failed, peak() - before))


def main(names: list[str], inputs: int) -> None:
    """A line per reader."""
    KEPT.mkdir(parents=True, exist_ok=True)
    bad = False
    print("reader      inputs   accepted  refused   other  memory MB  seconds", flush=True)
    for name in names:
        started = time.monotonic()
        folder = tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        receiving, sending = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(target=fuzz, args=(name, inputs, folder, sending))
        process.start()
        sending.close()
        try:
            accepted, refused, failed, grown = receiving.recv()
        except EOFError:
            process.join()
            accepted, refused, failed, grown = 0, 0, inputs, 0
            shutil.copytree(folder, KEPT / name, dirs_exist_ok=True)
            print(
                f"{name}: the process ended with {process.exitcode}, its last input lies in {KEPT / name}", flush=True
            )
        process.join()
        shutil.rmtree(folder)
        bad = bad or failed > 0 or grown > GROWTH
        seconds = time.monotonic() - started
        print(
            f"{name:11s}{inputs:8,d}{accepted:10,d}{refused:10,d}{failed:8,d}{grown / 2**20:10.0f}{seconds:9.0f}",
            flush=True,
        )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", nargs="*", choices=[[], *READERS], default=[])
    parser.add_argument("--inputs", type=int, default=100_000)
    given = parser.parse_args()
    main(given.reader or list(READERS), given.inputs)
