"""PNG and JPEG pictures, opened with care: 8 bits a channel, of a bounded size, whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from annealing.errors import DataError

_LARGEST = 50_000_000  # pixels
_DEEP = ("I", "F")  # how the modes of 16 and 32 bits begin


@contextmanager
def opened_picture(path: Path) -> Iterator[Image.Image]:
    """The picture, its pixels not read yet.

    Raises:
        DataError: it cannot be opened, or any damage found while it is open, or it is too large or too deep.
    """
    try:
        with Image.open(path) as image:
            reason = _unfit(image)
            if reason is None:
                yield image
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise DataError(f"need a whole PNG or JPEG picture, {path} cannot be read: {error}") from error
    if reason is not None:
        raise DataError(f"need {reason}, {path} has {image.width}x{image.height} pixels of mode {image.mode}")


def _unfit(image: Image.Image) -> str | None:
    if image.width * image.height > _LARGEST:
        return f"a picture of at most {_LARGEST:,} pixels"
    if image.mode.startswith(_DEEP):
        return "a picture of 8 bits a channel (others as floats in an npz)"
    return None
