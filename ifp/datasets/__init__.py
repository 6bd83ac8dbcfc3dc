"""Data sets: one module per family, each naming its members in ``FAMILY``."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

from annealing.errors import DataError
from ifp.datasets.dataset import Dataset, Factors

__all__ = ["Dataset", "Factors", "dataset_names", "load_dataset"]


def _loaders() -> dict[str, Callable[[str, str | Path | None], Dataset]]:
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {name: load for module in modules for name, load in getattr(module, "FAMILY", {}).items()}


def dataset_names() -> tuple[str, ...]:
    """Names that :func:`load_dataset` knows."""
    return tuple(sorted(_loaders()))


def load_dataset(name: str, data_dir: str | Path | None = None) -> Dataset:
    """The data set called ``name``.

    Args:
        name: one of :func:`dataset_names`.
        data_dir: folder of the public files; without it IFP_DATA_DIR is looked at, then the data is rendered
            where that can be done.

    Raises:
        DataError: the name is unknown, or its files are missing or damaged.
    """
    loaders = _loaders()
    if name not in loaders:
        near = difflib.get_close_matches(name, loaders, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise DataError(f"need a data set out of {', '.join(sorted(loaders))}, got {name!r}{hint}")
    return loaders[name](name, data_dir)
