"""Data sets of items, one by one: torch's, Hugging Face's or anyone's, known by what they offer and not by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError, did_you_mean
from ifp.files.arrays import in_memory, labels_in_memory

_GREY, _DEEP = ("1", "L"), ("I", "F")  # modes of pictures; how those of 16 and 32 bits begin
_SCALES = {"f": "floats", "b": "booleans"}  # by the kind of numpy's type; others are whole numbers
_KEPT = ("RGB", "RGBA", "LA")  # modes whose values are taken as they are


@dataclass(frozen=True, eq=False)
class Read:
    """Items as arrays: images (N, H, W[, C]), labels (N, K) or None, names of their columns or None, columns beside."""

    images: NDArray[Any]
    labels: NDArray[Any] | None
    names: tuple[str, ...] | None
    others: tuple[str, ...] = ()


def is_items(data: Any) -> bool:
    """Whether something is a data set of items rather than an array, a list, or a path."""
    plain = isinstance(data, (list, tuple, str, bytes, Mapping)) or hasattr(data, "dtype") or hasattr(data, "iloc")
    return not plain and (hasattr(data, "column_names") or hasattr(data, "__getitem__") or _is_stream(data))


def _is_stream(data: Any) -> bool:
    return hasattr(data, "__iter__") and not hasattr(data, "__array__")


def is_pictures(data: Any) -> bool:
    """Whether something is a list of pictures or of tensors."""
    return isinstance(data, (list, tuple)) and len(data) > 0 and (_is_picture(data[0]) or hasattr(data[0], "detach"))


def read_pictures(pictures: Sequence[Any]) -> NDArray[Any]:
    """Images (N, H, W, C) of a list of pictures or tensors."""
    return _stacked([_pixels(each, number) for number, each in enumerate(pictures)])


def read_items(data: Any, images: str | None = None, factors: str | Sequence[str] | None = None) -> Read:
    """Every item of a data set, read once and in order.

    Args:
        data: has a length and items by number: (image, label, ...), an image alone, or a mapping of columns.
        images, factors: columns of a mapping. Default: the only one with a picture; no labels.

    Raises:
        DataError: a stream without items by number, several splits at once, no such column, no picture, or pictures of
            several sizes.
    """
    splits = getattr(data, "column_names", None)
    if isinstance(splits, Mapping):
        named = ", ".join(map(str, splits))
        raise DataError(f"need one split out of {named}, got all of them: data[{next(iter(splits), 'train')!r}]")
    try:
        count = len(data)
        first = data[0] if count else None
    except (TypeError, NotImplementedError, AttributeError) as error:
        raise DataError(
            f"need a data set with a length and items by number, got {type(data).__name__}: take its items into a list "
            "of images, or save them in an npz"
        ) from error
    if first is None:
        raise DataError(f"need a data set of one item or more, got an empty {type(data).__name__}")
    if isinstance(first, Mapping):
        return _of_columns(data, count, first, images, [factors] if isinstance(factors, str) else factors)
    if images is not None or factors is not None:
        raise DataError(f"need a data set of columns for images= and factors=, items are {type(first).__name__}")
    pixels, labels = [], []
    for number in range(count):
        item = data[number]
        image, *label = item if isinstance(item, (tuple, list)) else (item,)
        pixels.append(_pixels(image, number))
        labels.append([value for each in label for value in _values(each, number)])
    if len(set(map(len, labels))) > 1:
        raise DataError(f"need as many labels with each item, got {min(map(len, labels))} to {max(map(len, labels))}")
    return Read(_stacked(pixels), labels_in_memory(labels) if labels[0] else None, None)


def _of_columns(
    data: Any, count: int, first: Mapping[str, Any], images: str | None, factors: Sequence[str] | None
) -> Read:
    columns = list(map(str, first))
    if images is None:
        found = [name for name in columns if _is_picture(first[name]) or np.ndim(_array(first[name])) >= 2]
        if len(found) != 1:
            listed = ", ".join(columns)
            raise DataError(f"need the column of images out of {listed}, {len(found)} hold one: images='...' names it")
        images = found[0]
    for name in (images, *(factors or ())):
        if name not in columns:
            raise DataError(f"need a column out of {', '.join(columns)}, got {name!r}{did_you_mean(name, columns)}")
    pixels, labels, names = [], [], tuple(factors or ())
    for number in range(count):
        row = data[number]
        pixels.append(_pixels(row[images], number))
        labels.append([_one_value(row[name], name, number) for name in names])
    others = tuple(name for name in columns if name != images) if factors is None else ()
    return Read(_stacked(pixels), labels_in_memory(labels) if names else None, names or None, others)


# Labels


def _values(label: Any, number: int) -> list[Any]:
    """The labels of an item: one, or as many as a tuple, a list or a vector has."""
    if hasattr(label, "detach") or isinstance(label, np.ndarray):
        array = in_memory(label) if hasattr(label, "detach") else label
        return list(array.ravel().tolist())
    if isinstance(label, (tuple, list)):
        return [value for each in label for value in _values(each, number)]
    if isinstance(label, Mapping):
        raise DataError(f"need labels of numbers or text, item {number} has {type(label).__name__}")
    return [label]


def _one_value(label: Any, name: str, number: int) -> Any:
    values = _values(label, number)
    if len(values) != 1:
        raise DataError(f"need one label of column {name} with each item, item {number} has {len(values)}")
    return values[0]


# Images


def _is_picture(value: Any) -> bool:
    return hasattr(value, "convert") and hasattr(value, "mode")


def _array(value: Any) -> Any:
    """What of a column may be an image: nothing of text and of rows of several lengths."""
    if hasattr(value, "detach") or isinstance(value, np.ndarray):
        return value
    if isinstance(value, list) and value and isinstance(value[0], list):
        try:
            return np.asarray(value)
        except ValueError:
            return None
    return None


def _pixels(image: Any, number: int) -> NDArray[Any]:
    """An image (H, W, C) of a picture, a tensor (C, H, W), (H, W, C) or (H, W), or an array with channels last.

    Of a tensor of three axes the shorter one out of first and last has the channels.
    """
    if _is_picture(image):
        if image.mode.startswith(_DEEP):
            raise DataError(f"need pictures of 8 bits a channel (others as arrays), item {number} is of {image.mode}")
        if image.mode in _GREY:
            image = image.convert("L")
        elif image.mode not in _KEPT:
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        pixels = np.asarray(image)
    elif hasattr(image, "detach"):
        pixels = in_memory(image)
        if pixels.ndim == 3 and pixels.shape[0] < pixels.shape[2]:
            pixels = np.moveaxis(pixels, 0, 2)
    else:
        pixels = in_memory(image)
    if pixels.ndim not in (2, 3) or not pixels.size:
        raise DataError(f"need images (H, W) or (H, W, C), item {number} has {pixels.shape}")
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _stacked(pixels: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Images (N, H, W, C); grey ones among those in colour as colour."""
    if len({_SCALES.get(each.dtype.kind, "whole") for each in pixels}) > 1:
        kinds = ", ".join(sorted({str(each.dtype) for each in pixels}))
        raise DataError(f"need images of one scale, bytes or floats in 0..1, some are of {kinds}: convert them alike")
    channels = {each.shape[2] for each in pixels}
    if channels == {1, 3}:
        pixels = [np.repeat(each, 3, axis=2) if each.shape[2] == 1 else each for each in pixels]
    for number, each in enumerate(pixels):
        if each.shape != pixels[0].shape:
            raise DataError(f"need images of one size, item 0 has {pixels[0].shape} and item {number} {each.shape}")
    return np.stack(pixels)
