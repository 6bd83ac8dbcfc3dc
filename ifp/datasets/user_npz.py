"""The user's own data: an npz with ``images`` (N, H, W[, C]), perhaps ``factors`` (N, K) and ``factor_names`` (K).

The layout of dSprites' own file is taken too: ``imgs`` and ``latents_classes``.
"""

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from analysis.names import is_name
from analysis.plain_json import shown
from annealing.errors import DataError
from ifp.datasets.dataset import DataOptions, DataWarning, Factors
from ifp.datasets.public.dsprites_geometry import NAMES
from ifp.datasets.stored import Content, StoredDataset, prepared
from ifp.files.npz import (
    has_array,
    holds_characters,
    open_npz,
    read_header,
    read_rows,
    read_whole,
    require_complete,
)

_LARGEST_IMAGE = 50_000_000  # values, as many as a picture's pixels may be
_MOST_FACTORS = 256
_MOST_CLASSES = 2**20  # of a factor: a sequence of images has as many
_MOST_LABELS = 2**26
_NAME_BYTES = 2**20


def load_npz(path: Path, options: DataOptions) -> StoredDataset:
    """The data set in an npz of the user's.

    Raises:
        DataError: the file is damaged or lacks images, its shapes do not fit, pixels are NaN or outside 0..1 (floats),
            factors are no whole numbers from 0 (``options.bins`` cuts continuous ones into classes).
    """
    folder = prepared(path.stem, [path], lambda: _read(path, options.bins), version=f"npz bins={options.bins}")
    dataset = StoredDataset(
        path.stem,
        folder,
        source=f"file {path}",
        nuisances=("image",),
        reference=str(path.resolve()),
        options=options,
    )
    if dataset.several:
        warnings.warn(
            f"{dataset.several} factor vectors of {path.name} have several images: which is shown is a nuisance",
            DataWarning,
            stacklevel=2,
        )
    return dataset


def _read(path: Path, bins: int | None) -> Content:
    with open_npz(path) as archive:
        name = "imgs" if has_array(archive, "imgs") and not has_array(archive, "images") else "images"
        header = read_header(archive, name, path)
        if len(header.shape) not in (3, 4) or 0 in header.shape or header.shape[3:] not in ((), (1,), (3,)):
            raise DataError(
                f"need {name} of shape (N, H, W), (N, H, W, 1) or (N, H, W, 3) in {path}, got {header.shape}"
            )
        if header.dtype != np.uint8 and header.dtype.kind != "f":
            raise DataError(f"need {name} as uint8 or as floats in 0..1 in {path}, got {header.dtype}")
        require_complete(archive, name, path)
        if math.prod(header.shape[1:]) > _LARGEST_IMAGE:
            raise DataError(f"need images of at most {_LARGEST_IMAGE:,} values in {path}, got {header.shape[1:]}")
        labels, factors = _read_factors(archive, path, header.shape[0], bins)
    images, height, width = header.shape[:3]
    channels = header.shape[3] if len(header.shape) == 4 else 1
    # binary images stored as bytes 0 and 1, as dSprites' own are
    scale = 255 if name == "imgs" and header.dtype == np.uint8 else 1
    return Content(
        shape=(images, height, width, channels),
        dtype=np.uint8 if header.dtype == np.uint8 else np.float32,
        blocks=_blocks(path, name, scale),
        labels=labels,
        factors=factors,
    )


def _blocks(path: Path, name: str, scale: int) -> Iterator[NDArray[Any]]:
    start = 0
    with open_npz(path) as archive:
        for rows in read_rows(archive, name, path):
            if rows.dtype.kind == "f":
                _require_unit(rows, name, path, start)
            elif scale > 1 and rows.max(initial=0) > 1:
                raise DataError(f"need pixels 0 or 1 in {name} of {path}, got {rows.max()}")
            yield rows * np.uint8(scale) if scale > 1 else rows
            start += len(rows)


def _require_unit(rows: NDArray[Any], name: str, path: Path, start: int) -> None:
    """DataError where a pixel is no number in 0..1."""
    wrong = ~((rows >= 0) & (rows <= 1))  # NaN is wrong too
    if wrong.any():
        image = start + int(np.nonzero(wrong.reshape(len(rows), -1).any(axis=1))[0][0])
        raise DataError(f"need pixels in 0..1 in {name} of {path}, image {image} holds {rows[wrong][0]}")


def _read_factors(
    archive: ZipFile, path: Path, images: int, bins: int | None
) -> tuple[NDArray[np.int64] | None, Factors | None]:
    official = has_array(archive, "latents_classes") and not has_array(archive, "factors")
    name = "latents_classes" if official else "factors"
    if not has_array(archive, name):
        return None, None
    shape = read_header(archive, name, path).shape
    if len(shape) > 1 and (shape[1] > _MOST_FACTORS or math.prod(shape) > _MOST_LABELS):
        raise DataError(
            f"need {name} of at most {_MOST_FACTORS} columns and {_MOST_LABELS:,} values in {path}, got {shape}"
        )
    values = read_whole(archive, name, path)
    if values.ndim != 2 or len(values) != images or not values.shape[1]:
        raise DataError(f"need {name} of shape ({images}, K) in {path}, one row per image, got {values.shape}")
    if official and values.shape[1] == len(NAMES) + 1:  # the colour, of one value
        values = values[:, 1:]
    classes = np.stack([_classes(column, bins, name, path) for column in values.T], axis=1)
    names = tuple(f"factor{column}" for column in range(values.shape[1]))
    if has_array(archive, "factor_names"):
        names = _names(archive, path, values.shape[1])
    elif official and len(names) == len(NAMES):
        names = NAMES
    sizes = tuple(int(column.max()) + 1 for column in classes.T)
    if math.prod(sizes) >= 2**62:
        raise DataError(f"need {name} of fewer than 2^62 combinations in {path}, got sizes {sizes}")
    return classes, Factors(names, sizes)


def _classes(column: NDArray[Any], bins: int | None, name: str, path: Path) -> NDArray[np.int64]:
    """Whole numbers from 0: as they are, or a continuous factor's range cut into equal bins."""
    if column.dtype.kind in "iub":
        if column.min() < 0 or column.max() >= _MOST_CLASSES:  # before they are signed: 2^64 - 1 would become -1
            raise DataError(
                f"need {name} from 0 on in {path}, below {_MOST_CLASSES:,}, got {column.min()}..{column.max()}"
            )
        return column.astype(np.int64)
    if column.dtype.kind != "f":
        raise DataError(f"need numbers as {name} in {path}, got {column.dtype}")
    if not np.isfinite(column).all():
        raise DataError(f"need finite {name} in {path}, got {column[~np.isfinite(column)][0]}")
    if bins is None:
        if (column == np.rint(column)).all() and column.min() >= 0 and column.max() < _MOST_CLASSES:
            return column.astype(np.int64)
        raise DataError(
            f"need whole numbers from 0 on as {name} in {path}, below {_MOST_CLASSES:,}, "
            f"got {column.min():g}..{column.max():g} (--bins N cuts the range of a continuous factor into N classes)"
        )
    if (column == np.rint(column)).all():  # a discrete column among continuous ones
        return np.unique(column, return_inverse=True)[1].astype(np.int64)
    edges = np.linspace(column.min(), column.max(), bins + 1)[1:-1]
    return np.searchsorted(edges, column, side="right").astype(np.int64)


def _names(archive: ZipFile, path: Path, columns: int) -> tuple[str, ...]:
    header = read_header(archive, "factor_names", path)
    if header.dtype.kind != "U" or header.shape != (columns,):
        raise DataError(
            f"need factor_names of shape ({columns},) as text in {path}, got {header.shape} of {header.dtype}"
        )
    held = read_whole(archive, "factor_names", path, largest=_NAME_BYTES)
    if not holds_characters(held):
        raise DataError(f"need text as factor_names in {path}, got numbers that are no characters")
    names = tuple(map(str, held))
    if len(set(names)) < len(names) or not all(map(is_name, names)):
        raise DataError(f"need different, printable factor_names in {path}, got {', '.join(map(shown, names))}")
    if any("," in each or ":" in each for each in names):
        raise DataError(f"need factor_names without commas and colons in {path}, got {', '.join(map(shown, names))}")
    return names
