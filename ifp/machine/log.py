"""What other libraries write to the log while they work for us."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_warnings(log: logging.Logger) -> Iterator[None]:
    """Within, a library's log takes warnings alone; afterwards what it took before."""
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
