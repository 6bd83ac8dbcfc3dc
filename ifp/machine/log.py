"""What other libraries write to the log while they work for us."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_warnings(name: str) -> Iterator[None]:
    """Within, the log of that name takes warnings alone; afterwards what it took before."""
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
