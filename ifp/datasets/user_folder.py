"""A folder of the user's pictures: PNG and JPEG, all of one size, unlabelled."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annealing.errors import DataError
from ifp.datasets.dataset import DataOptions
from ifp.datasets.pictures import opened_picture
from ifp.datasets.stored import Content, StoredDataset, prepared

SUFFIXES = (".png", ".jpg", ".jpeg")
_TOGETHER = 2**26  # bytes of the pictures that are held at once, or one


def pictures_in(folder: Path) -> list[Path]:
    """Pictures in the folder and below it, by path; links that lead out of the folder are left out.

    Raises:
        DataError: there is none, or the folder cannot be read.
    """
    try:
        inside = folder.resolve()
        found = sorted(each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file())
        found = [each for each in found if inside in each.resolve().parents]
    except OSError as error:
        raise DataError(f"need a folder of pictures, got: {error}") from error
    if not found:
        raise DataError(f"need pictures ({', '.join(SUFFIXES)}) in the folder {folder}, it holds none")
    return found


def load_folder(path: Path, options: DataOptions) -> StoredDataset:
    """The data set that a folder of pictures is; grey where all pictures are, else RGB.

    Raises:
        DataError: no pictures, a damaged one, or pictures of different sizes; the message names the file.
    """
    pictures = pictures_in(path)
    folder = prepared(path.resolve().name, pictures, lambda: read_pictures(pictures), version="folder")
    return StoredDataset(
        path.resolve().name, folder, source=f"folder {path}", reference=str(path.resolve()), options=options
    )


def read_pictures(pictures: Sequence[Path], size: tuple[int, int] | None = None) -> Content:
    """Pictures as images, resized (Lanczos) to ``size`` = (height, width) where given."""
    headers = {each: _header(each) for each in pictures}
    first = pictures[0]
    if size is None:
        for each, (extent, _) in headers.items():
            if extent != headers[first][0]:
                raise DataError(
                    f"need pictures of one size, {first} has {headers[first][0][0]}x{headers[first][0][1]} pixels and "
                    f"{each} {extent[0]}x{extent[1]}"
                )
    width, height = headers[first][0] if size is None else (size[1], size[0])
    grey = all(mode in ("1", "L") for _, mode in headers.values())
    shape = (len(pictures), height, width, 1 if grey else 3)
    return Content(shape=shape, dtype=np.uint8, blocks=_blocks(pictures, shape, "L" if grey else "RGB"))


def _header(path: Path) -> tuple[tuple[int, int], str]:
    """Width and height, and mode."""
    with opened_picture(path) as image:
        return image.size, image.mode


def _blocks(pictures: Sequence[Path], shape: tuple[int, int, int, int], mode: str) -> Iterator[NDArray[np.uint8]]:
    _, height, width, channels = shape
    together = max(_TOGETHER // (height * width * channels), 1)
    for start in range(0, len(pictures), together):
        block = np.empty((min(together, len(pictures) - start), height, width, channels), np.uint8)
        for image, path in zip(block, pictures[start : start + together], strict=True):
            image[:] = _pixels(path, mode, (width, height)).reshape(image.shape)
        yield block


def _pixels(path: Path, mode: str, extent: tuple[int, int]) -> NDArray[np.uint8]:
    with opened_picture(path) as image:
        picture = image.convert(mode)
        return np.asarray(picture if picture.size == extent else picture.resize(extent, Image.Resampling.LANCZOS))
