"""Where the files of data sets are looked for."""

import os
from collections.abc import Sequence
from pathlib import Path

from annealing.errors import DataError
from ifp.datasets.cache import cache_directory


def data_folders(data_dir: str | Path | None = None) -> list[Path]:
    """Folders in the order in which they are searched: ``data_dir`` alone, or IFP_DATA_DIR and the user's cache."""
    if data_dir is not None:
        return [Path(data_dir).expanduser()]
    shared = os.environ.get("IFP_DATA_DIR")
    return [*([Path(shared).expanduser()] if shared else []), cache_directory() / "data"]


def find_file(names: Sequence[str], family: str, data_dir: str | Path | None = None) -> Path | None:
    """The first file (or folder) of one of the names: in a folder of :func:`data_folders`, or in its ``family/``.

    A ``data_dir`` that is itself of such a name is taken as it is.
    """
    for folder in data_folders(data_dir):
        if folder.name in names and folder.exists():
            return folder
        for place in (folder, folder / family):
            for name in names:
                if (place / name).exists():
                    return place / name
    return None


def require_file(names: Sequence[str], family: str, data_dir: str | Path | None = None) -> Path:
    """The same; DataError, with where it was looked for, where there is none."""
    found = find_file(names, family, data_dir)
    if found is None:
        folders = " or ".join(str(each) for each in data_folders(data_dir))
        raise DataError(
            f"need {' or '.join(names)} for {family}, not found in {folders} "
            f"(--data-dir or IFP_DATA_DIR says where it is; ifp data fetch {family} brings it)"
        )
    return found
