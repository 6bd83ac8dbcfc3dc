"""A folder of the user's pictures, all of one size or resized to it; labelled by a CSV or by subfolders.

Pictures are resized by Lanczos' filter (Pillow's, whose support widens as it shrinks, so that every pixel counts), by
which the field's standard study made SmallNORB 64x64: folders and public sets are resized alike. It may ring beside
edges; what leaves the range of pixels is cut to it.
"""

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annealing.errors import DataError, IFPError
from ifp.datasets.dataset import DataOptions, DataWarning
from ifp.datasets.folder_labels import labelled_pictures, table_in
from ifp.datasets.folder_listing import list_folder
from ifp.datasets.pictures import PictureHeader, read_header
from ifp.datasets.pixels import Color, Values, is_opaque, parse_color, read_pixels
from ifp.datasets.stored import Content, StoredDataset, label_version, prepared

_TOGETHER = 2**26  # bytes of the pictures that are held at once, or one
_LARGEST_SIDE = 7000  # of a resized picture: 49 million pixels, as many as one may have
_SIZES_TOLD = 3  # one by one

Size = tuple[int, int]  # height, width


def load_folder(path: Path, options: DataOptions) -> StoredDataset:
    """The data set that a folder of pictures is; grey where all pictures are, else RGB.

    Bytes, or float32 in 0..1 where any picture has 16 bits a channel.

    Raises:
        DataError: no pictures, a damaged one, one that is not opaque without a colour behind it, or pictures of
            several sizes without one to resize them to; the message names the file. Or labels as
            :func:`ifp.datasets.folder_labels.folder_labels` has them.
    """
    listing, table = list_folder(path), table_in(path)
    left_out = listing.told_left_out(Counter() if table is None else Counter([table.suffix.lower()]))
    if left_out:
        warnings.warn(f"{path}: passed over {left_out}", DataWarning, stacklevel=2)
    name = path.resolve().name
    size = None if options.resize is None else parse_size(options.resize)
    behind = None if options.background_color is None else parse_color(options.background_color)

    def read(pictures: Sequence[Path]) -> Content:
        return read_pictures(pictures, size, behind)

    folder = prepared(
        name,
        () if table is None else (table,),  # the listing knows its own files already
        lambda: labelled_pictures(path, listing.pictures, options, read),
        version=f"folder 2|{size}|{behind}|{listing.identity}|{label_version(options)}",
    )
    reference = str(path.resolve())
    dataset = StoredDataset(
        name, folder, source=f"folder {path}", nuisances=("image",), reference=reference, options=options
    )
    dataset.warn(name)
    return dataset


def parse_size(text: str) -> Size:
    """H or HxW as height and width; IFPError for anything else.

    >>> parse_size("64"), parse_size("48x64")
    ((64, 64), (48, 64))
    """
    parts = re.fullmatch(r"([0-9]{1,5})(?:x([0-9]{1,5}))?", str(text))
    height, width = (0, 0) if parts is None else (int(parts[1]), int(parts[2] or parts[1]))
    if not (1 <= height <= _LARGEST_SIDE and 1 <= width <= _LARGEST_SIDE):
        raise IFPError(f"need --resize H or HxW, 1 to {_LARGEST_SIDE} pixels each, got {str(text)[:50]!r}")
    return height, width


def read_pictures(pictures: Sequence[Path], size: Size | None = None, behind: Color | None = None) -> Content:
    """Pictures as images, resized to ``size`` where given, over the colour ``behind`` where they are transparent."""
    headers = [read_header(each) for each in pictures]
    if size is None:
        _require_one_size(pictures, headers)
        size = headers[0].height, headers[0].width
    grey = all(_is_grey(path, header, behind) for path, header in zip(pictures, headers, strict=True))
    dtype = np.float32 if any(each.sixteen for each in headers) else np.uint8
    shape = (len(pictures), *size, 1 if grey else 3)
    return Content(
        shape=shape,
        dtype=dtype,
        blocks=_blocks(pictures, headers, shape, np.dtype(dtype), behind),
        said=_told(headers, size, behind),
    )


def _require_one_size(pictures: Sequence[Path], headers: Sequence[PictureHeader]) -> None:
    first = headers[0]
    for path, each in zip(pictures, headers, strict=True):
        if (each.height, each.width) != (first.height, first.width):
            raise DataError(
                f"need pictures of one size, height x width: {pictures[0]} is {first.height}x{first.width} and "
                f"{path} {each.height}x{each.width}; --resize H[xW] makes them one, like "
                f"--resize {first.height}x{first.width}"
            )


def _is_grey(path: Path, header: PictureHeader, behind: Color | None) -> bool:
    """Whether a picture is grey once it is opaque: a colour shows through a grey one only where that lets it."""
    coloured = behind is not None and len(set(behind)) > 1
    return header.grey and not (coloured and header.alpha and not is_opaque(path))


def _told(headers: Sequence[PictureHeader], size: Size, behind: Color | None) -> tuple[str, ...]:
    """What is done to the pictures of a folder, in words."""
    sizes = Counter((each.height, each.width) for each in headers)
    said = []
    if set(sizes) != {size}:
        if len(sizes) <= _SIZES_TOLD:
            of = ", ".join(f"{height}x{width} ({count:,})" for (height, width), count in sizes.most_common())
        else:
            least, *_, most = sorted(sizes, key=lambda each: (each[0] * each[1], each))
            of = f"{len(sizes):,} sizes, {least[0]}x{least[1]} to {most[0]}x{most[1]}"
        said.append(f"resized to {size[0]}x{size[1]} (Lanczos) from {of}")
    if behind is not None and any(each.alpha for each in headers):
        said.append("transparent pixels over #{:02x}{:02x}{:02x}".format(*behind))
    return tuple(said)


def _blocks(
    pictures: Sequence[Path],
    headers: Sequence[PictureHeader],
    shape: tuple[int, int, int, int],
    dtype: np.dtype[Any],
    behind: Color | None,
) -> Iterator[NDArray[Any]]:
    _, height, width, channels = shape
    together = max(_TOGETHER // (height * width * channels * dtype.itemsize), 1)
    for start in range(0, len(pictures), together):
        block = np.empty((min(together, len(pictures) - start), height, width, channels), dtype)
        some = slice(start, start + together)
        for image, path, header in zip(block, pictures[some], headers[some], strict=True):
            values = read_pixels(path, behind)
            if values.shape[:2] != (header.height, header.width):
                raise DataError(f"need pictures that stay as they are while they are read, {path} has changed")
            image[:] = _resized(values if dtype == np.uint8 else _scaled(values), (height, width))
        yield block


def _scaled(values: Values) -> NDArray[np.float32]:
    """Values in 0..1 of bytes or of 16 bits."""
    scaled = values.astype(np.float32)
    scaled /= np.float32(np.iinfo(values.dtype).max)
    return scaled


def _resized(values: NDArray[Any], size: Size) -> NDArray[Any]:
    """An image (h, w, C) of another size, uint8 or float32 in 0..1; C = 1 goes into any number of channels."""
    if values.shape[:2] == size:
        return values
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(values, -1, 0)]
    resized = [np.asarray(plane.resize((size[1], size[0]), Image.Resampling.LANCZOS)) for plane in planes]
    stacked = np.stack(resized, axis=-1)
    return stacked if stacked.dtype == np.uint8 else stacked.clip(0, 1)
