"""Data sets: the public ones, found in :mod:`ifp.datasets.public`, and the user's own files and arrays.

What lives here: opening a data set by name or path, its factors and lattice, its images in batches, public files and
how they are fetched, the cache. It knows neither contexts nor runs nor models, and may import :mod:`ifp.files`,
:mod:`analysis` and :mod:`annealing`.
"""

import importlib
import os
import pkgutil
import weakref
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.names import in_one_line, is_name
from analysis.plain_json import shown
from annealing.choices import require_seed
from annealing.errors import DataError, IFPError, did_you_mean
from ifp.datasets import public
from ifp.datasets.dataset import DataOptions, Dataset, DataWarning, Factors
from ifp.datasets.family import Family

__all__ = [
    "DataOptions",
    "DataWarning",
    "Dataset",
    "Factors",
    "dataset_reference",
    "families",
    "family_of",
    "load_dataset",
    "opened_by_name",
    "opened_from",
    "recorded_options",
    "require_bins",
]

_MOST_BINS = 2**16
_ARRAYS = (".npz", ".npy", ".h5", ".hdf5")  # suffixes of files of arrays
_OF_OWN_DATA = ("bins", "missing", "factors_from", "images_from")
_ROWS = (".csv", ".tsv", ".h5ad")  # suffixes of files that hold rows alone
_OF_ROWS = ("exposure", "labels", "layer")
_OPENED: "weakref.WeakKeyDictionary[Dataset, Path | None]" = weakref.WeakKeyDictionary()  # and the folder of its files


def families() -> dict[str, Family]:
    """What is known, by name: the ``FAMILY`` of every module of :mod:`ifp.datasets.public`."""
    modules = (
        importlib.import_module(f"{public.__name__}.{found.name}") for found in pkgutil.iter_modules(public.__path__)
    )
    known = {name: each for module in modules for name, each in getattr(module, "FAMILY", {}).items()}
    return dict(sorted(known.items()))


def family_of(name: str) -> Family:
    """The family of the data set ``name``; DataError where none is known by it."""
    known = families()
    if name not in known:
        raise _unknown(name, known)
    return known[name]


def _unknown(name: str, known: Iterable[str], others: str = "") -> DataError:
    return DataError(f"need a data set out of {', '.join(known)}{others}, got {shown(name)}{did_you_mean(name, known)}")


def dataset_reference(name: str) -> str:
    """The name itself, or the whole path where it is that of the user's own data: a file of arrays or a folder."""
    is_file = name.lower().endswith((*_ARRAYS, *_ROWS))
    is_path = is_file or os.sep in name or os.path.isdir(name)  # Path's own raises for long ones
    return _whole_path(name) if is_path and name not in families() else name


def _whole_path(path: str) -> str:
    """The path from the root on; DataError where it is none."""
    try:
        return str(Path(path).expanduser().resolve())
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte, a loop of links, no such user
        raise DataError(f"need a path, got {shown(path)}: {error}") from error


def load_dataset(name: str | Path, data_dir: str | Path | None = None, **options: Any) -> Dataset:
    """The data set called ``name``, or the user's own at the path ``name``.

    Args:
        name: one of :func:`families`; or a file of arrays (npz, HDF5, npy) with ``images`` and perhaps ``factors`` and
            ``factor_names``; or a folder of pictures.
        data_dir: folder of the public files; without it IFP_DATA_DIR and the user's cache are looked at, and what
            can be made here is made.
        options: of :class:`ifp.datasets.dataset.DataOptions`: background, background_color, resize, correlate, bins,
            missing, factors_from, images_from, seed; those of rows are for :func:`ifp.train` and
            :func:`ifp.anneal`.

    Raises:
        DataError: the name is unknown, or its files are missing or damaged.
        IFPError: an option that does not apply to the data set.
    """
    from ifp.datasets.correlated import correlated

    name = str(name)
    given = recorded_options(options)
    require_bins(given.bins)
    require_seed(given.seed, "a seed of the data")
    reference = dataset_reference(name)
    _require_applicable(name, reference, given)
    dataset = correlated(_open(name, reference, data_dir, given))
    _OPENED[dataset] = None if data_dir is None else Path(data_dir).expanduser().resolve()
    return dataset


def require_bins(bins: int | None) -> None:
    """IFPError for a number of bins that is none."""
    if bins is not None and bins < 2:
        raise IFPError(f"need two bins or more, got {bins}")
    if bins is not None and bins > _MOST_BINS:
        raise IFPError(f"need at most {_MOST_BINS:,} bins, got {bins}")


def opened_by_name(dataset: Dataset) -> bool:
    """Whether :func:`load_dataset` made it, so that another process can open it, too: one of a user's own class not."""
    return isinstance(dataset, Hashable) and dataset in _OPENED


def opened_from(dataset: Dataset) -> Path | None:
    """The folder of public files that :func:`load_dataset` was told for it, if any."""
    return _OPENED[dataset] if opened_by_name(dataset) else None


def _open(name: str, reference: str, data_dir: str | Path | None, options: DataOptions) -> Dataset:
    known = families()
    if name in known:
        return known[name].load(name, None if data_dir is None else Path(data_dir), options)
    path = Path(reference)
    if reference == name and not path.is_absolute():
        raise _unknown(name, known, ", an npz or a folder of pictures")
    if not is_name(path.stem) or in_one_line(reference) != reference:  # a run records both, and tables show them
        raise DataError(f"need a path in one line of UTF-8, got {reference!r}")
    if path.suffix.lower() in _ARRAYS:
        kind = f"an {path.suffix.lower().lstrip('.')}"
        if not os.path.exists(path):
            raise DataError(f"need {kind} of your own, there is none at {path} (see `ifp data list`)")
        if not (path.is_file() or path.is_dir()):  # a pipe would be waited for
            raise DataError(f"need {kind} of your own, {path} is no file")
        from ifp.datasets.user_file import load_file

        return load_file(path, options)
    if path.suffix.lower() in _ROWS and path.is_file():
        raise DataError(
            f"need images, {path} holds rows: `ifp suggest`, `ifp train` and `ifp anneal --mode full` take those"
        )
    if not os.path.isdir(path):
        raise DataError(f"need an npz file or a folder of pictures, there is none at {path} (see `ifp data list`)")
    from ifp.datasets.user_folder import load_folder

    return load_folder(path, options)


def recorded_options(given: Mapping[str, Any]) -> DataOptions:
    """The options as runs record them: paths, colours, sizes and labels in one spelling; IFPError where one is none."""
    options = DataOptions(**{**given, "correlate": tuple(given.get("correlate") or ())})
    if options.background is not None:
        options = replace(options, background=_whole_path(options.background))
    if options.missing is not None:
        options = replace(options, missing=str(options.missing))
    for option in ("factors_from", "labels"):
        if (asked := getattr(options, option)) is not None:
            listed: dict[str, Any] = {option: _listed(asked, option)}
            options = replace(options, **listed)
    if options.background_color is not None:
        from ifp.datasets.pixels import parse_color

        red, green, blue = parse_color(options.background_color)
        options = replace(options, background_color=f"#{red:02x}{green:02x}{blue:02x}")
    if options.resize is not None:
        from ifp.datasets.user_folder import parse_size

        options = replace(options, resize="x".join(map(str, parse_size(options.resize))))
    return options


def _listed(asked: str | Iterable[str], option: str) -> str:
    """Names in one text, commas between; IFPError where there is none."""
    names = [str(each).strip() for each in (asked.split(",") if isinstance(asked, str) else asked) if str(each).strip()]
    if not names:
        raise IFPError(f"need names with commas between for --{option.replace('_', '-')}, got {asked!r}")
    return ",".join(names)


def _require_applicable(name: str, reference: str, options: DataOptions) -> None:
    if options.background is not None and not name.startswith("scream-dsprites"):
        raise IFPError(f"need scream-dsprites for --background, got {name}")
    own = name not in families()
    of_arrays = reference.lower().endswith(_ARRAYS)
    if options.background_color is not None and (of_arrays or not (own or name.startswith("scream-dsprites"))):
        raise IFPError(f"need a folder of pictures of your own for --background-color, got {name}")
    if options.resize is not None and (of_arrays or not own):
        raise IFPError(f"need a folder of pictures of your own for --resize, got {name}")
    for option in _OF_OWN_DATA:
        if getattr(options, option) is not None and not own:
            raise IFPError(f"need data of your own for --{option.replace('_', '-')}, got {name}")
    for option in _OF_ROWS:
        if getattr(options, option) is not None:
            raise IFPError(
                f"need rows of any data for --{option}, which `ifp train`, `anneal` and `suggest` take, got {name}"
            )
    if options.images_from is not None and not of_arrays:
        raise IFPError(f"need a file of arrays ({', '.join(_ARRAYS)}) for --images-from, got {name}")
