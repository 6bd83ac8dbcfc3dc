"""How many processor threads a piece of work uses: torch's own and those of the linear algebra beneath numpy."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache

import torch
from threadpoolctl import ThreadpoolController

_WORKERS = 4  # at most: each holds the images of its own piece of work


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Torch and numpy's linear algebra (BLAS) use ``count`` threads within; afterwards as many as before.

    Both, because sums that are split among threads are rounded in another order: a result with the same seed would
    else depend on how many cores the machine has. One thread suits many small sums and matrices: threads wait for one
    another more than they help, several times slower where other work shares the processor. Whole pieces of such work
    go side by side: :func:`side_by_side`.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with _libraries(len(sys.modules)).limit(limits=count, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """The libraries that this process has loaded, found anew once more or fewer modules are imported than before.

    Finding them reads the map of the process's memory: 10 ms, longer than many a piece of work on one thread.
    """
    return ThreadpoolController()


@contextmanager
def side_by_side(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """So many workers for independent pieces of work, each on one thread: the same numbers for any number of them."""
    with use_threads(1), ThreadPoolExecutor(min(jobs, _WORKERS)) as workers:
        yield workers
