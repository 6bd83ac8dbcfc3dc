"""The user's cache directory: big derived files, each written once and whole."""

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.files.atomic import PARTIAL, replacing, sweep

_BITS = re.compile(r"dsprites-(rendered-\d+|official-[0-9a-f]{16})\.bits")
_FOLDER = re.compile(r".+-[0-9a-f]{16}")
_FETCHED, _ARRAYS = "data", "arrays"  # folders of the cache


def cache_directory() -> Path:
    """Where derived data lies: IFP_CACHE_DIR, or the platform's cache directory for this user.

    Raises:
        DataError: it can be no directory: a name that is too long, or no right to look.
    """
    path = Path(os.path.expanduser(os.environ.get("IFP_CACHE_DIR") or platformdirs.user_cache_dir("ifp")))
    try:
        path.is_dir()
    except (OSError, ValueError) as error:
        raise DataError(f"need a cache directory (IFP_CACHE_DIR sets it), got: {error}") from error
    return path


@dataclass(frozen=True)
class CacheUse:
    """What the cache holds, in bytes.

    Attributes:
        prepared: images that are made or read again when they are asked for.
        fetched: public files that ``ifp data fetch`` brought.
        arrays: data given as arrays, which nothing else holds: runs on them need them to go on.
        left: what writers left that were killed.
    """

    prepared: int
    fetched: int
    arrays: int
    left: int


def cache_use() -> CacheUse:
    """What the cache holds; nothing where there is none. DataError where it cannot be read."""
    sizes = dict.fromkeys(("prepared", "fetched", "arrays", "left"), 0)
    for path in _made_here():
        sizes["left" if path.name.startswith(PARTIAL) else "prepared"] += _size(path)
    for kind, folder in (("fetched", _FETCHED), ("arrays", _ARRAYS)):
        sizes[kind] = _size(cache_directory() / folder)
    return CacheUse(**sizes)


def clear_cache(*, everything: bool = False) -> CacheUse:
    """Empty the cache of what is made again when it is asked for; what was in it.

    Only what this library makes is touched, and nothing that a process is writing.

    Args:
        everything: fetched public files and data given as arrays, too.

    Raises:
        DataError: something cannot be removed.
    """
    before, cache = cache_use(), cache_directory()
    try:
        if cache.is_dir():
            sweep(cache)
        for path in _made_here():
            if not path.name.startswith(PARTIAL):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for folder in (_FETCHED, _ARRAYS) if everything else ():
            if (cache / folder).is_dir() and not (cache / folder).is_symlink():
                shutil.rmtree(cache / folder)
    except OSError as error:
        raise DataError(f"need a cache that can be cleared, got: {error}") from error
    return before


def _made_here() -> list[Path]:
    """What of the cache's directory this library has prepared or left unfinished; others may keep things there."""
    cache = cache_directory()
    try:
        there = sorted(cache.iterdir()) if cache.is_dir() else []
        return [path for path in there if not path.is_symlink() and (path.name.startswith(PARTIAL) or _prepared(path))]
    except OSError as error:
        raise DataError(f"need a cache that can be read, got: {error}") from error


def _prepared(path: Path) -> bool:
    """Whether it is dSprites' bits or the folder of a prepared data set, NAME-IDENTITY, and nobody else's."""
    if _BITS.fullmatch(path.name):
        return path.is_file()
    return _FOLDER.fullmatch(path.name) is not None and (path / "header.json").is_file()


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links count as nothing."""
    if path.is_symlink() or not path.exists():
        return 0
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file() and not each.is_symlink())


def write_once(path: Path, blocks: Iterable[NDArray[np.uint8]], size: int) -> None:
    """Write the blocks to ``path`` unless a file of ``size`` bytes stands there; it appears whole or not at all.

    What writers left there that were killed goes.

    Raises:
        DataError: the blocks do not add up to ``size``, or the file cannot be written.
    """
    if os.path.isfile(path) and path.stat().st_size == size:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"need a writable cache directory (IFP_CACHE_DIR sets another), got: {error}") from error
    try:
        with replacing(path) as file:
            for block in blocks:
                file.write(block.tobytes())
            written = file.tell()
            if written != size:
                raise DataError(f"need {size} bytes for {path.name}, got {written}")
        sweep(path.parent)
    except OSError as error:
        raise DataError(
            f"need room for {size} bytes in {path.parent} (IFP_CACHE_DIR sets another), got: {error}"
        ) from error
