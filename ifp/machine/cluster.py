"""Pieces of work on a Dask cluster: the same pieces as here, sent out a few at a time, gathered as they are done."""

import asyncio
import contextlib
import logging
import re
import socket
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from annealing.errors import IFPError, RunError
from ifp.machine.log import kept_quiet
from ifp.machine.memory import keep_freed_memory
from ifp.machine.pool import TRIES, Event, Outcome, Task, carried_out, result_of
from ifp.machine.versions import versions

if TYPE_CHECKING:
    from distributed import Client, Future

_AHEAD = 2  # pieces sent per thread of the cluster: the next is there when one is done, the scheduler never sees all
_CONNECTING = 10  # seconds
_LOUD = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")  # logs of the library
_ALONE = threading.Lock()
# of a cluster made here, elsewhere the scheduler's own hold: how often a piece's worker may die, and that a worker has
# no second piece, which would be counted as a suspect when it dies with the first
_OURS = {"distributed.scheduler.allowed-failures": TRIES - 1, "distributed.scheduler.worker-saturation": 1.0}


class Cluster:
    """A Dask cluster, by its client."""

    sees_files = False

    def __init__(self, client: "Client") -> None:
        self._client = client

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Event]:
        """Outcomes in the order in which they come; tasks are drawn as there is room for them.

        A task whose worker dies or that fails is tried again, where there is another worker there, and set aside
        after ``TRIES`` times. What is left when the caller stops is taken back.

        Raises:
            RunError: the scheduler no longer answers.
        """
        from distributed import as_completed

        waiting = iter(tasks)
        sent: dict[str, tuple[str, Future]] = {}
        coming = as_completed(loop=self._client.loop, raise_errors=False)

        def send(count: int) -> None:
            for task in (next(waiting, None) for _ in range(count)):
                if task is None:
                    return
                key = f"ifp-{task.name}-{uuid.uuid4().hex}"
                future = self._client.submit(_alone, versions(), task, key=key, retries=TRIES - 1, pure=False)
                sent[key] = task.name, future
                coming.add(future)

        try:
            send(self._room())
            for future in coming:
                name, _ = sent.pop(future.key)
                yield _outcome(name, future)
                future.release()
                send(max(self._room() - len(sent), 1))
        except OSError as error:
            raise RunError(f"need the scheduler for what is left, it no longer answers: {error}") from error
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone by now
                self._client.cancel([future for _, future in sent.values()], force=True)

    def _room(self) -> int:
        return _AHEAD * max(sum(self._client.nthreads().values()), 1)


def _outcome(name: str, future: "Future") -> Outcome:
    try:
        return Outcome(name, future.result())  # waits anew where the worker that held it has died since
    except (Exception, asyncio.CancelledError) as error:
        if future.status != "error":  # cancelled: the client has given the scheduler up
            raise ConnectionError(f"{name} was {future.status}") from error
        return Outcome(name, error=f"{type(error).__name__}: {error}")


def _alone(wanted: dict[str, str], task: Task) -> Any:
    """What a worker does: one piece at a time in its process, since threads and random streams are the process's."""
    if versions() != wanted:
        raise RunError(f"need the same versions on every worker, {wanted}, got {versions()}")
    with _ALONE:
        keep_freed_memory()  # the process is a worker's, not the user's
        return result_of(carried_out(task))


@contextmanager
def cluster_at(scheduler: str | None) -> Iterator[Cluster | None]:
    """The cluster of a scheduler, ``tcp://host:port``; one made here for a while, ``local:4``; None for None.

    Raises:
        IFPError: an address of another form, nothing that answers there, or Dask is not installed.
    """
    if scheduler is None:
        yield None
        return
    local = re.fullmatch(r"local:([1-9]\d{0,3})", scheduler)
    if not local and not re.match(r"(tcp|tls|ucx|ws|wss)://.", scheduler):
        raise IFPError(f"need a scheduler tcp://HOST:PORT or local:WORKERS, got {scheduler!r}")
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise IFPError(f"need Dask for --scheduler (pip install 'ifp[cluster]'), got: {error}") from None
    quiet = [kept_quiet(name) for name in _LOUD]  # what fails is told in our one line
    with dask.config.set(_OURS), contextlib.ExitStack() as stack:
        for each in quiet:
            stack.enter_context(each)
        address = stack.enter_context(_local_cluster(int(local[1]))) if local else scheduler
        if not local:
            _require_answer(scheduler)
        try:
            client = Client(address, timeout=_CONNECTING, set_as_default=False)
        except Exception as error:  # no scheduler: a stranger's first bytes are taken for a size, and memory ends
            raise IFPError(f"need a Dask scheduler that answers at {scheduler}, got: {error}") from None
        yield Cluster(stack.enter_context(client))


def _require_answer(scheduler: str) -> None:
    """IFPError where whoever accepts a connection says nothing: a scheduler speaks first, and at once."""
    found = re.match(r"tcp://\[?([^\]/]+?)\]?:(\d+)", scheduler)
    if found is None:  # of another kind; the client finds out by itself
        return
    try:
        with socket.create_connection((found[1], int(found[2])), timeout=_CONNECTING) as connection:
            said = connection.recv(1)
    except (OSError, OverflowError) as error:
        raise IFPError(f"need a Dask scheduler that answers at {scheduler}, got: {error}") from None
    if not said:
        raise IFPError(f"need a Dask scheduler that answers at {scheduler}, it ends the connection at once")


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    from distributed import LocalCluster

    with LocalCluster(  # no limit of memory: what does not fit ends as it would without a cluster
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",  # any free port
        memory_limit=None,
        silence_logs=logging.CRITICAL,  # what a piece fails with is told at the end
    ) as cluster:
        yield cluster
