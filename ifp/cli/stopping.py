"""How a command ends that a signal stops: Ctrl-C with 130, SIGTERM with 143, once it has said how to go on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """A signal asked the process to end; no ``Exception``, so that nothing but the command's end takes it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


STOPPED = (KeyboardInterrupt, Stopped)  # the first where no handler is in place, as in a notebook


def exit_code(stopped: BaseException) -> int:
    """128 and the signal's number, as shells count."""
    return 128 + (stopped.number if isinstance(stopped, Stopped) else signal.SIGINT)


@contextmanager
def heeded_signals() -> Iterator[None]:
    """SIGINT and SIGTERM raise :class:`Stopped` within; afterwards they do what they did before."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
