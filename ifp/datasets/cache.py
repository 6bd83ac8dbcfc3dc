"""The user's cache directory: big derived files, each written once and whole."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.files.atomic import replacing


def cache_directory() -> Path:
    """Where derived data lies: IFP_CACHE_DIR, or the platform's cache directory for this user."""
    return Path(os.environ.get("IFP_CACHE_DIR") or platformdirs.user_cache_dir("ifp"))


def write_once(path: Path, blocks: Iterable[NDArray[np.uint8]], size: int) -> None:
    """Write the blocks to ``path`` unless a file of ``size`` bytes stands there; it appears whole or not at all.

    Raises:
        DataError: the blocks do not add up to ``size``, or the file cannot be written.
    """
    if path.is_file() and path.stat().st_size == size:
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
    except OSError as error:
        raise DataError(
            f"need room for {size} bytes in {path.parent} (IFP_CACHE_DIR sets another), got: {error}"
        ) from error
