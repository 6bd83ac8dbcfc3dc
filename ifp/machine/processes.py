"""Processes of this machine that do pieces of work side by side, each with the threads that a piece asks for.

``multiprocessing`` makes and ends them; what is said to them and by them are :mod:`ifp.machine.messages`, plain data.
"""

import os
import queue
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import TracebackType

from annealing.errors import RunError
from ifp.machine.memory import keep_freed_memory
from ifp.machine.pool import HERE, Event, Outcome, Task, Underway, carried_out, result_of

_OFTEN = 0.2  # seconds from word to word of a task's progress, at least
# read by what is loaded there: threads that are never made do not wait for work
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_STARTING = threading.Lock()


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


@contextmanager
def _without_script() -> Iterator[None]:
    """A process that is made within does not run the caller's script anew.

    ``multiprocessing`` has it do so up to its ``if __name__ == "__main__"``; a library that makes processes by itself
    must not ask for that line, and ours need nothing of the script.
    """
    with _STARTING:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script


class _Worker:
    """A process at the other end of a pipe."""

    def __init__(self, count: int) -> None:
        spawned = get_context("spawn")
        self.connection, there = spawned.Pipe()
        self._process = spawned.Process(target=_serve, args=(there,), daemon=True)
        self._task, self._count = "", count
        try:
            with _without_script():
                self._process.start()
        except OSError as error:
            self.connection.close()
            raise RunError(f"need room for {count} processes, got: {error}; fewer --jobs need less") from error
        finally:
            there.close()

    def begin(self, task: Task) -> None:
        """Hand it a task."""
        self._task = task.name
        try:
            _say(self.connection, task)
        except OSError:
            raise self._ended() from None

    def told(self) -> Event | None:
        """The next word from it; None where it is a warning, which is given here."""
        from ifp.machine.messages import message_value

        try:
            word = message_value(self.connection.recv_bytes())
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
        self._process.join()
        self.connection.close()

    def _ended(self) -> RunError:
        self._process.join()
        code = self._process.exitcode
        why = f"need memory for {self._count} processes at once: " if code == -signal.SIGKILL else ""
        more = ", and fewer --jobs need less" if why else ""
        return RunError(
            f"{why or 'need every process to its end: '}the one at {self._task} ended by itself, with {code}; what is "
            f"finished is kept{more}"
        )


def _serve(connection: Connection) -> None:
    """What a process does: its tasks, one after the other, until this end of the pipe is all there is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal: the first one ends us
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    keep_freed_memory()
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, tasks), daemon=True).start()
    while True:
        connection.send_bytes(_last_word(tasks.get(), connection))


def _listen(connection: Connection, tasks: "queue.SimpleQueue[bytes]") -> None:
    """Take tasks; where the other end is gone, killed perhaps, this process ends in the middle of its piece."""
    try:
        while True:
            tasks.put(connection.recv_bytes())
    finally:
        os._exit(1)


def _last_word(data: bytes, out: Connection) -> bytes:
    """Do a task that came as a message; the message of its outcome, or of what it raised."""
    from ifp.machine.messages import message_bytes, message_value

    try:
        task: Task = message_value(data)  # which imports what the task is made of, and may fail
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, category, *_: _say(out, _Warned(str(message), category))
            return message_bytes(Outcome(task.name, result_of(carried_out(task), _Seldom(out))))
    except Exception as error:
        return message_bytes(_Failed(_sendable(error), error.__cause__ and _sendable(error.__cause__)))


def _say(connection: Connection, word: object) -> None:
    from ifp.machine.messages import message_bytes

    connection.send_bytes(message_bytes(word))


class _Seldom:
    """Sends how far a task has come, though not every step of it."""

    def __init__(self, out: Connection) -> None:
        self._out, self._told = out, time.monotonic()

    def __call__(self, step: Underway) -> None:
        if time.monotonic() - self._told >= _OFTEN:
            self._told = time.monotonic()
            _say(self._out, step)


def _sendable(error: BaseException) -> BaseException:
    """The error or, of one that cannot be made of its arguments, a RuntimeError with its words."""
    from ifp.machine.messages import message_bytes, message_value

    try:
        message_value(message_bytes(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
