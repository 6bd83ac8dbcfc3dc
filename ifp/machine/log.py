"""What other libraries write to the log while they work for us."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_warnings(name: str) -> Iterator[None]:
    """Within, the log of that name takes warnings alone; afterwards what it took before."""
    with _at_level(name, logging.WARNING):
        yield


@contextmanager
def kept_quiet(name: str) -> Iterator[None]:
    """Within, the log of that name takes nothing; afterwards what it took before."""
    with _at_level(name, logging.CRITICAL + 1):
        yield


@contextmanager
def _at_level(name: str, least: int) -> Iterator[None]:
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(least)
    try:
        yield
    finally:
        log.setLevel(level)
