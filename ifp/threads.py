"""How many processor threads a piece of work uses: torch's own and those of the linear algebra beneath numpy."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


def use_threads(count: int) -> None:
    """Torch and numpy's linear algebra (BLAS) use `count` threads from here on.

    Both, because sums that are split among threads are rounded in another order: a result with the same seed would
    else depend on how many cores the machine has.
    """
    torch.set_num_threads(count)
    threadpool_limits(limits=count, user_api="blas")


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread within, the numbers from before after it.

    For many small sums and matrices: threads wait for one another more than they help, several times slower where
    other work shares the processor.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
