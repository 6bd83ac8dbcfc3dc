"""How a command ends that a signal stops: Ctrl-C with 130, SIGTERM with 143, once it has said how to go on."""

import signal
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


def heed_signals() -> None:
    """Let SIGINT and SIGTERM raise :class:`Stopped` from here on."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
