"""What a cluster costs per piece: 10,000 pieces that do next to nothing, and what real pieces move.

Two workers here, each a process of one thread, as with --scheduler local:2. The scheduler is asked every tenth of a
second how many pieces it knows of. Then the bytes that a piece of the annealing test and of a study would move: what
is sent for it, pickled as Dask does, and what comes back.

Usage: python -m benchmarks.cluster [--pieces 10000]
"""

import argparse
import pickle
import statistics
import threading
import time
from typing import Any

import ifp
from annealing.sweep_config import SweepConfig
from ifp.annealing_test.config import AnnealConfig, pieces
from ifp.annealing_test.piece import measured_piece
from ifp.closed_form.contexts import closed_forms
from ifp.comparison.config import CompareConfig
from ifp.comparison.piece import train_elsewhere
from ifp.datasets.source import DataSource
from ifp.machine.cluster import cluster_at
from ifp.machine.pool import Task, result_of
from ifp.machine.threads import use_threads


def tasks_of(dask_scheduler: Any) -> int:
    """How many tasks a scheduler has at the moment, waiting, at work or kept."""
    return len(dask_scheduler.tasks)


def overhead(count: int) -> None:
    """Milliseconds per piece, and the most pieces that the scheduler knew of at once."""
    with cluster_at("local:2") as cluster:
        assert cluster is not None
        list(cluster.outcomes(Task(f"warm-{number}", abs, (-number,)) for number in range(100)))
        known: list[int] = []
        done = threading.Event()

        def ask() -> None:
            while not done.wait(0.1):
                known.append(cluster._client.run_on_scheduler(tasks_of))

        asking = threading.Thread(target=ask)
        asking.start()
        times, started = [], time.perf_counter()
        for outcome in cluster.outcomes(Task(f"tiny-{number}", abs, (-number,)) for number in range(count)):
            assert outcome.value == int(outcome.name.removeprefix("tiny-"))
            times.append(time.perf_counter())
        seconds = time.perf_counter() - started
        done.set()
        asking.join()
    tenth = count // 10
    first, last = times[tenth] - started, times[-1] - times[-1 - tenth]
    print(f"{count:,} pieces in {seconds:.0f} s: {1e3 * seconds / count:.2f} ms a piece")
    print(f"the first tenth took {1e3 * first / tenth:.2f} ms a piece, the last {1e3 * last / tenth:.2f}")
    print(f"pieces that the scheduler knew of: median {statistics.median(known):.0f}, at most {max(known)}")


@use_threads(1)
def moved() -> None:
    """Bytes there and back of one real piece of either kind, and the seconds that it takes."""
    ds = ifp.load_dataset("dsprites")
    source = DataSource.of(ds)
    config = AnnealConfig(dataset="dsprites", factors=("orientation",), sweep=SweepConfig())
    spectral = {each.context: each for each in closed_forms(ds, factors=config.factors, contexts=config.contexts)}
    (piece,) = pieces(config)
    arguments = (source, config, piece, tuple(spectral[context] for context, _ in piece.cases))
    part = result_of(measured_piece(*arguments))
    sent = len(pickle.dumps((measured_piece, arguments)))
    print(
        f"annealing piece, orientation in {config.contexts} contexts: {sent:,} bytes sent, "
        f"{len(part.data):,} back, {part.seconds:.0f} s of work"
    )
    settings = {"steps": 200, "threads": 1}
    study = CompareConfig(dataset="dsprites", objectives=("beta-vae",), seeds=1, scores=("mig",), settings=settings)
    started = time.perf_counter()
    given = (source, study, None, "beta-vae", 0)
    files = result_of(train_elsewhere(*given))
    print(
        f"study piece, beta-VAE, 200 steps: {len(pickle.dumps((train_elsewhere, given))):,} bytes sent, "
        f"{sum(map(len, files.values())):,} back ({len(files)} files), "
        f"{time.perf_counter() - started:.0f} s of work"
    )


def main() -> None:
    """Overhead, then bytes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pieces", type=int, default=10_000)
    overhead(parser.parse_args().pieces)
    moved()


if __name__ == "__main__":
    main()
