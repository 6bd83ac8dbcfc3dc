"""What other libraries write to the log while they work for us."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager


def only_warnings(name: str) -> AbstractContextManager[None]:
    """Within, the log of that name takes warnings alone; afterwards what it took before."""
    return _at_level(name, logging.WARNING)


def kept_quiet(name: str) -> AbstractContextManager[None]:
    """Within, the log of that name takes nothing; afterwards what it took before."""
    return _at_level(name, logging.CRITICAL + 1)


@contextmanager
def _at_level(name: str, least: int) -> Iterator[None]:
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(least)
    try:
        yield
    finally:
        log.setLevel(level)
