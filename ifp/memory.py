"""What becomes of memory that is freed."""

import ctypes
import functools

_TRIM, _MMAPS = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX of malloc.h
_KEPT = 2**30  # bytes


@functools.cache
def keep_freed_memory() -> None:
    """Let the C library keep up to 1 GiB that is freed, for what is asked for next; nothing where it is not glibc.

    A step of training asks for the same blocks of megabytes as the step before. By default each of them goes back to
    the system when it is freed and comes again page by page, every page cleared: half the time of a step.
    """
    try:
        library = ctypes.CDLL(None)
        if hasattr(library, "gnu_get_libc_version"):
            library.mallopt(_MMAPS, 0)
            library.mallopt(_TRIM, _KEPT)
    except (OSError, TypeError):  # Windows has no such library
        return
