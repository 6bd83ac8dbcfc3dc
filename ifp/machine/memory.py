"""How much memory there is for what is about to be done, and what becomes of memory that is freed."""

import ctypes
import functools
import resource
from pathlib import Path

from annealing.errors import IFPError

_TRIM, _MMAPS = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX of malloc.h
_HUGE = 14  # MADV_HUGEPAGE of Linux's mman.h
_KEPT = 2**30  # bytes
_PAGE = 2**21  # bytes of a huge page
_LEAST_SPACE = 3 * 2**29  # bytes: torch and what it loads map two thirds of that, the smallest work the rest
_CGROUP = Path("/sys/fs/cgroup")


def free_memory() -> float:
    """Bytes that this process may still take, by the system, a container's limit and its own; infinite: not known."""
    return min(_of_system(), _of_container(), _of_address_space())


def require_memory(needed: float, what: str) -> None:
    """IFPError where something would take more memory than there is: told before the work, which would be killed.

    Args:
        needed: bytes that are certainly held at once, fewer than all that the work takes.
        what: takes them, in words.
    """
    free = free_memory()
    if needed > free:
        raise IFPError(
            f"need {needed / 1e9:.1f} GB of memory at least for {what}, {max(free, 0) / 1e9:.1f} GB are free: smaller "
            "images, or fewer at a time, need less"
        )


def require_address_space() -> None:
    """IFPError where a limit leaves too little address space to load what computes: libraries abort there, or hang."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _LEAST_SPACE:
        raise IFPError(
            f"need an address space of {_LEAST_SPACE / 1e9:.1f} GB at least, the limit is {limit / 1e9:.1f} GB: "
            "raise it (ulimit -v)"
        )


def _of_system() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        return 1024 * known["MemAvailable"]
    except (OSError, ValueError, LookupError):
        return float("inf")


def _of_container() -> float:
    try:
        limit, taken = ((_CGROUP / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        held = dict(line.split() for line in (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines())
        return int(limit) - int(taken) + int(held.get("inactive_file", 0))  # which the system drops first
    except (OSError, ValueError):  # no such container, or no limit: max
        return float("inf")


def _of_address_space() -> float:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return float("inf")
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, LookupError):
        pages = 0
    return limit - pages * resource.getpagesize()


@functools.cache
def keep_freed_memory() -> None:
    """Let the C library keep up to 1 GiB that is freed, in huge pages, for what is asked for next.

    A training step asks for the same blocks of megabytes as the step before. By default each goes back to the system
    when it is freed and comes again page by page, every page cleared: half the time of a step. With 4 KiB pages, TLB
    misses cost a seventh of a step in bfloat16. What is set aside here takes no memory until it is used. Nothing
    happens where the C library is not glibc, or the system not Linux, or the process's address space is limited: what
    is set aside would be missing there.
    """
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return
    try:
        library = ctypes.CDLL(None)
        if not hasattr(library, "gnu_get_libc_version"):
            return
    except (OSError, TypeError):  # Windows has no such library
        return
    library.mallopt(_MMAPS, 0)
    library.mallopt(_TRIM, 2 * _KEPT)
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    block = library.malloc(_KEPT)
    if block is None:  # a limit on the process's address space
        return
    begin = -(-block // _PAGE) * _PAGE
    library.madvise(begin, (block + _KEPT - begin) // _PAGE * _PAGE, _HUGE)  # refused: pages stay small
    library.free(block)
