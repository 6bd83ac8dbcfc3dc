"""The user's own arrays in a file: ``images`` (N, H, W[, C]), perhaps ``factors`` (N[, K]) and ``factor_names`` (K).

An npz, an HDF5 file, or an npy of images alone. The layout of dSprites' own file is taken too: ``imgs`` and
``latents_classes``; ``images_from`` and ``factors_from`` name arrays that are called otherwise.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.datasets.array_files import ArrayFile, Held, array_file
from ifp.datasets.dataset import DataOptions
from ifp.datasets.labels import MOST_FACTORS, Labels, factor_classes, label_columns
from ifp.datasets.public.dsprites_geometry import NAMES
from ifp.datasets.stored import Content, StoredDataset, label_version, labelled_content, prepared

_LARGEST_IMAGE = 50_000_000  # values, as many as a picture's pixels may be
_LEAST_SIDE = 8  # pixels, of images whose channels may stand first by mistake
_MOST_LABELS = 2**26
_MOST_NAMES = 2**20  # bytes
_SHOWN = 300  # characters of the names of arrays in a message


def load_file(path: Path, options: DataOptions) -> StoredDataset:
    """The data set in a file of the user's.

    Raises:
        DataError: the file is damaged or lacks images, its shapes do not fit, pixels are NaN or outside 0..1 (floats)
            or 0..255 (whole numbers), or as :func:`ifp.datasets.labels.factor_classes` has it.
    """
    folder = prepared(
        path.stem, [path], lambda: _read(array_file(path), options), version=f"arrays {label_version(options)}"
    )
    dataset = StoredDataset(
        path.stem,
        folder,
        source=f"file {path}",
        nuisances=("image",),
        reference=str(path.resolve()),
        options=options,
    )
    dataset.warn(path.name)
    return dataset


def _read(file: ArrayFile, options: DataOptions) -> Content:
    name, said = _images_name(file, options.images_from)
    held = _require_images(file, name)
    images = held.shape[0]
    labels, told = _labels(file, images, name, options)
    kept = None if labels is None or not labels.left_out else labels.kept
    shape = held.shape if len(held.shape) == 4 else (*held.shape, 1)
    scale, warned = 1, list(told)
    if held.dtype.kind in "iu" and _is_binary(file, name):
        scale = 255
        if name != "imgs":  # dSprites' own are known to be
            warned.append(f"pixels of {name} are whole numbers of at most 1: taken as binary, black and white")
            said.append("binary pixels 0 and 1")
    content = Content(
        shape=(images if kept is None else int(kept.sum()), shape[1], shape[2], shape[3]),
        dtype=np.float32 if held.dtype.kind == "f" else np.uint8,
        blocks=_blocks(file, name, scale, kept),
        said=tuple(said),
        warned=tuple(warned),
    )
    return content if labels is None else labelled_content(content, labels)


# Images


def _images_name(file: ArrayFile, asked: str | None) -> tuple[str, list[str]]:
    """The array that holds the images, and what is said of it."""
    if asked is not None:
        return asked, [f"images from {asked}"]
    there = file.names()
    for known in ("images", "imgs"):
        if known in there:
            return known, []
    found = [name for name in there if _may_be_images(file, name)]
    if len(found) == 1:
        return found[0], [f"images from {found[0]}, the only array of images there"]
    listed = ", ".join(sorted(there))[:_SHOWN] or "none"
    way = f" (--images-from {found[0]} takes that one)" if found else ""
    raise DataError(f"need an array images in {file.path}, got {listed}{way}")


def _may_be_images(file: ArrayFile, name: str) -> bool:
    try:
        held = file.held(name)
    except DataError:  # damaged, or none that can be read
        return False
    return len(held.shape) in (3, 4) and 0 not in held.shape and held.dtype.kind in "biuf"


def _require_images(file: ArrayFile, name: str) -> Held:
    held = file.held(name)
    if len(held.shape) not in (3, 4) or 0 in held.shape:
        raise DataError(f"need {name} of shape (N, H, W), or (N, H, W, C), in {file.path}, got {held.shape}")
    if len(held.shape) == 4 and held.shape[1] <= 4 and min(held.shape[2:]) >= _LEAST_SIDE:
        raise DataError(
            f"need {name} (N, H, W, C) in {file.path}, got {held.shape}: channels go last, np.moveaxis(images, 1, -1)"
        )
    if held.dtype.kind not in "biuf":
        raise DataError(f"need {name} as numbers, whole in 0..255 or floats in 0..1, in {file.path}, got {held.dtype}")
    if math.prod(held.shape[1:]) > _LARGEST_IMAGE:
        raise DataError(f"need images of at most {_LARGEST_IMAGE:,} values in {file.path}, got {held.shape[1:]}")
    return held


def _is_binary(file: ArrayFile, name: str) -> bool:
    """Whether the largest of whole numbers is 1; most files of others are told by their first rows.

    Those of dSprites' own layout by the first 1: theirs is large, and a later pixel above it is refused as it is read.
    """
    largest = 0
    for rows in file.rows(name):
        largest = max(largest, int(rows.max(initial=0)))
        if largest > 1:
            return False
        if largest == 1 and name == "imgs":
            break
    return largest == 1


def _blocks(file: ArrayFile, name: str, scale: int, kept: NDArray[np.bool_] | None) -> Iterator[NDArray[Any]]:
    """Images (n, ...) as bytes, or as floats in 0..1, without the rows that are not kept."""
    start = 0
    for rows in file.rows(name):
        stop = start + len(rows)
        if rows.dtype.kind == "f":
            _require_within(rows, 1, "divide by the largest value, of -1..1 take (x + 1) / 2", name, file, start)
            pixels: NDArray[Any] = rows.astype(np.float32)
        elif rows.dtype.kind == "b":
            pixels = rows.astype(np.uint8) * np.uint8(255)
        else:
            most, way = (255, "others as floats in 0..1") if scale == 1 else (1, "up to 255 in an array called images")
            _require_within(rows, most, way, name, file, start)
            pixels = rows.astype(np.uint8, copy=False)
            pixels = pixels if scale == 1 else pixels * np.uint8(scale)
        yield pixels if kept is None else pixels[kept[start:stop]]
        start = stop


def _require_within(rows: NDArray[Any], most: int, way: str, name: str, file: ArrayFile, start: int) -> None:
    """DataError where a pixel is no number in 0..most."""
    if rows.dtype == np.uint8 and (most == 255 or rows.max(initial=0) <= most):  # most files: no pass over them, or one
        return
    wrong = ~((rows >= 0) & (rows <= most))  # NaN is wrong too
    if wrong.any():
        image = start + int(np.nonzero(wrong.reshape(len(rows), -1).any(axis=1))[0][0])
        raise DataError(
            f"need pixels in 0..{most} in {name} of {file.path}, image {image} holds {rows[wrong][0]} ({way})"
        )


# Labels


def _labels(file: ArrayFile, images: int, images_name: str, options: DataOptions) -> tuple[Labels | None, list[str]]:
    """The labels of the images, None where there are none, and what to warn of."""
    there = file.names()
    if options.factors_from is not None:
        asked = [each.strip() for each in options.factors_from.split(",") if each.strip()]
    else:
        asked = [name for name in there if name == "factors"] or [name for name in there if name == "latents_classes"]
    if not asked:
        found = [name for name in there if name != images_name and _may_be_labels(file, name, images)]
        if not found:
            return None, []
        listed = ", ".join(f"{name} {file.held(name).shape}" for name in found)[:_SHOWN]
        return None, [f"no factors, but {listed}, a row per image: --factors-from {found[0]} takes it as labels"]
    columns: list[NDArray[Any]] = []
    names: list[str] = []
    for name in asked:
        held = file.held(name)
        if not held.shape:
            raise DataError(f"need an array {name} in {file.path}, got a single value")
        if held.dtype.kind not in "biufUS":
            raise DataError(f"need numbers or text in {name} of {file.path}, got {held.dtype}")
        if len(held.shape) > 1 and (held.shape[1] > MOST_FACTORS or math.prod(held.shape) > _MOST_LABELS):
            raise DataError(
                f"need {name} of at most {MOST_FACTORS} columns and {_MOST_LABELS:,} values in {file.path}, "
                f"got {held.shape}"
            )
        found_columns = label_columns(file.whole(name), images, f"{name} of shape ({images}, K) in {file.path}")
        own = name.rpartition("/")[2]
        many = len(found_columns) > 1 or options.factors_from is None
        stem = "factor" if options.factors_from is None else own
        names += [f"{stem}{k}" if many else own for k in range(len(found_columns))]
        columns += found_columns
    if asked == ["latents_classes"]:
        columns = columns[1:] if len(columns) == len(NAMES) + 1 else columns  # the colour, of one value
        names = list(NAMES) if len(columns) == len(NAMES) else names[: len(columns)]
    named = "factor_names" in there
    if named and options.factors_from is not None:  # they may be of other labels
        named = len(asked) == 1 < len(columns) and file.held("factor_names").shape == (len(columns),)
    if named:
        names = _names(file, len(columns))
    where = f"{', '.join(asked)} in {file.path}"
    return factor_classes(columns, names, bins=options.bins, missing=options.missing, where=where), []


def _may_be_labels(file: ArrayFile, name: str, images: int) -> bool:
    try:
        held = file.held(name)
    except DataError:  # damaged, or none that can be read
        return False
    shape = held.shape
    fits = len(shape) in (1, 2) and shape[0] == images and 0 < (*shape, 1)[1] <= MOST_FACTORS
    return fits and held.dtype.kind in "biufUS"


def _names(file: ArrayFile, columns: int) -> list[str]:
    held = file.held("factor_names")
    if held.dtype.kind not in "US" or held.shape != (columns,):
        raise DataError(
            f"need factor_names of shape ({columns},) as text in {file.path}, got {held.shape} of {held.dtype}"
        )
    if held.dtype.itemsize * columns > _MOST_NAMES:
        raise DataError(f"need factor_names in {file.path} of at most {_MOST_NAMES} bytes")
    found = file.whole("factor_names").tolist()
    return [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in found]
