"""PNG and JPEG pictures, opened with care: 8 bits a channel, of a bounded size, whole.

What a file holds decides, not its name, and only these two decoders are ever asked. Pillow knows some forty formats;
one of them hands what it reads to another program (PostScript), and others are rarely read by anyone.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from annealing.errors import DataError

_FORMATS = ("PNG", "JPEG")
_LARGEST = 50_000_000  # pixels
_DEEP = ("I", "F")  # how the modes of 16 and 32 bits begin


@contextmanager
def opened_picture(path: Path) -> Iterator[Image.Image]:
    """The picture, its pixels not read yet.

    Raises:
        DataError: it is neither PNG nor JPEG, whatever it is called, or any damage is found while it is open, or it is
            too large or too deep.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise DataError(f"need a picture, {path} is no file")
        with Image.open(path, formats=_FORMATS) as image:
            reason = _unfit(image)
            if reason is None:
                yield image
    except UnidentifiedImageError as error:
        raise DataError(
            f"need a whole PNG or JPEG picture, {path} cannot be read: it holds something else, or a damaged one"
        ) from error
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise DataError(f"need a whole PNG or JPEG picture, {path} cannot be read: {error}") from error
    if reason is not None:
        raise DataError(f"need {reason}, {path} has {image.width}x{image.height} pixels of mode {image.mode}")


def whole_png(data: bytes, path: Path) -> bytes:
    """The bytes of a PNG of bounded size, as they came; DataError, which names the path, where they are something else.

    What a page embeds is looked at so: a picture, and nothing that only stands under a picture's name.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            reason = _unfit(image)
            image.verify()
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise DataError(f"need a whole PNG picture, {path} holds something else, or a damaged one") from error
    if reason is not None:
        raise DataError(f"need {reason}, {path} has {image.width}x{image.height} pixels of mode {image.mode}")
    return data


def _unfit(image: Image.Image) -> str | None:
    if image.width * image.height > _LARGEST:
        return f"a picture of at most {_LARGEST:,} pixels"
    if image.mode.startswith(_DEEP):
        return "a picture of 8 bits a channel (others as floats in an npz)"
    return None
