"""Parts of file names made of names that came with data."""

_LONGEST = 100  # bytes; a file system takes 255, and kind, time and identity stand beside it
_OUTSIDE = frozenset('/\\:*?"<>|')  # lead out of a folder, or stand in no file's name somewhere


def file_name(name: str) -> str:
    """A name as part of a file's name: no separators, nothing that cannot be printed, 100 bytes at most.

    >>> file_name("mine"), file_name("a/../b"), file_name("ä" * 99) == "ä" * 50
    ('mine', 'a_.._b', True)
    """
    kept = "".join("_" if each in _OUTSIDE or not each.isprintable() else each for each in name)
    return kept.encode()[:_LONGEST].decode(errors="ignore")
