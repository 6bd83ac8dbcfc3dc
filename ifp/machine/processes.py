"""Processes of this machine that do pieces of work side by side, each with the threads that a piece asks for.

They are made by their own command rather than by ``multiprocessing``, whose processes run the caller's script anew up
to its ``if __name__ == "__main__"``: a library that makes some by itself must not ask for that line.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType

from annealing.errors import RunError
from ifp.machine.memory import keep_freed_memory
from ifp.machine.pool import HERE, Event, Outcome, Task, Underway, carried_out, result_of

_OFTEN = 0.2  # seconds from word to word of a task's progress, at least
_ONE_THREAD: Mapping[str, str] = {  # read by what is loaded there: threads that are never made do not wait for work
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "LOKY_MAX_CPU_COUNT": "1",  # a piece that could use more processes uses one
}


@dataclass(frozen=True)
class _Failed:
    """What a task raised there, and why."""

    error: BaseException
    cause: BaseException | None


@dataclass(frozen=True)
class _Warned:
    """A warning that was given there."""

    text: str
    category: type[Warning]


class Processes:
    """So many processes of this machine, a piece at a time each; they end with the block, or with this process.

    What a piece raises is raised here, and stops the others. A process is made when there is a piece for it, so that
    a single piece is done here.
    """

    sees_files = True

    def __init__(self, count: int) -> None:
        self._count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        while self._workers:
            self._workers.pop().end()

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Event]:
        """As :class:`ifp.machine.pool.Pool` has it.

        Raises:
            RunError: a process ended by itself, for want of memory most often.
        """
        waiting = iter(tasks)
        first, second = next(waiting, None), next(waiting, None)
        if first is None or second is None:
            yield from HERE.outcomes(task for task in (first,) if task is not None)
            return
        ahead = [second, first]
        idle, busy = list(self._workers), dict[Connection, _Worker]()
        try:
            while True:
                while len(busy) < self._count and (task := ahead.pop() if ahead else next(waiting, None)) is not None:
                    worker = idle.pop() if idle else self._made()
                    worker.begin(task)
                    busy[worker.connection] = worker
                if not busy:
                    return
                for connection in wait(list(busy)):
                    worker = busy[connection]  # type: ignore[index]
                    event = worker.told()
                    if isinstance(event, Outcome):
                        idle.append(busy.pop(worker.connection))
                    if event is not None:
                        yield event
        finally:
            for worker in busy.values():  # given up
                if worker in self._workers:  # the block may have ended before this generator did
                    self._workers.remove(worker)
                worker.end()

    def _made(self) -> "_Worker":
        worker = _Worker(self._count)
        self._workers.append(worker)
        return worker


class _Worker:
    """A process at the other end of two pipes."""

    def __init__(self, count: int) -> None:
        (there_receives, sending), (receiving, there_sends) = os.pipe(), os.pipe()
        path = os.pathsep.join(place or os.getcwd() for place in sys.path)
        command = f"from ifp.machine.processes import serve; serve({there_receives}, {there_sends})"
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", command],  # not the folder this runs in, whatever lies there
                pass_fds=(there_receives, there_sends),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
            )
        except OSError as error:
            os.close(receiving)
            os.close(sending)
            raise RunError(f"need room for {count} processes, got: {error}; fewer --jobs need less") from error
        finally:
            os.close(there_receives)
            os.close(there_sends)
        self.connection, self._sending = Connection(receiving, writable=False), Connection(sending, readable=False)
        self._task, self._count = "", count

    def begin(self, task: Task) -> None:
        """Hand it a task."""
        self._task = task.name
        try:
            self._sending.send_bytes(pickle.dumps(task))  # its own pickler would share tensors with a file each
        except OSError:
            raise self._ended() from None

    def told(self) -> Event | None:
        """The next word from it; None where it is a warning, which is given here."""
        try:
            word = pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            raise self._ended() from None
        if isinstance(word, _Failed):
            raise word.error from word.cause
        if isinstance(word, _Warned):
            warnings.warn(word.text, word.category, stacklevel=2)
            return None
        return word

    def end(self) -> None:
        """Kill it: what it writes is whole or not there at any time."""
        self._process.kill()
        self._process.wait()
        self.connection.close()
        self._sending.close()

    def _ended(self) -> RunError:
        code = self._process.wait()
        why = f"need memory for {self._count} processes at once: " if code == -signal.SIGKILL else ""
        more = ", and fewer --jobs need less" if why else ""
        return RunError(
            f"{why or 'need every process to its end: '}the one at {self._task} ended by itself, with {code}; what is "
            f"finished is kept{more}"
        )


def serve(receiving: int, sending: int) -> None:
    """What a process does: its tasks, one after the other, until this end of the pipe is all there is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal: the first one ends us
    keep_freed_memory()
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(Connection(receiving, writable=False), tasks), daemon=True).start()
    out = Connection(sending, readable=False)
    while True:
        _say(out, _last_word(tasks.get(), out))


def _listen(receiving: Connection, tasks: "queue.SimpleQueue[bytes]") -> None:
    """Take tasks; where the other end is gone, killed perhaps, this process ends in the middle of its piece."""
    try:
        while True:
            tasks.put(receiving.recv_bytes())
    finally:
        os._exit(1)


def _last_word(data: bytes, out: Connection) -> Outcome | _Failed:
    try:
        task: Task = pickle.loads(data)  # which may import what the task is made of, and fail
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, category, *_: _say(out, _Warned(str(message), category))
            return Outcome(task.name, result_of(carried_out(task), _Seldom(out)))
    except Exception as error:
        error.add_note(f"in a process of its own:\n{traceback.format_exc()}")
        return _Failed(_sendable(error), error.__cause__ and _sendable(error.__cause__))


def _say(out: Connection, word: object) -> None:
    out.send_bytes(pickle.dumps(word))


class _Seldom:
    """Sends how far a task has come, though not every step of it."""

    def __init__(self, out: Connection) -> None:
        self._out, self._told = out, time.monotonic()

    def __call__(self, step: Underway) -> None:
        if time.monotonic() - self._told >= _OFTEN:
            self._told = time.monotonic()
            _say(self._out, step)


def _sendable(error: BaseException) -> BaseException:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # one whose arguments are not its constructor's
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
