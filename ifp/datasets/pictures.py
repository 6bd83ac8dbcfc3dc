"""Pictures opened with care: of five formats, 8 or 16 bits a channel, of a bounded size, whole.

What a file holds decides, not its name, and only these five decoders are ever asked. Pillow knows some forty formats;
one of them hands what it reads to another program (PostScript), and others are rarely read by anyone.
"""

import io
import logging
import os
import stat
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin, features
from PIL import UnidentifiedImageError as Unidentified

from annealing.errors import DataError

_PLUGINS = (
    PngImagePlugin,
    JpegImagePlugin,
    TiffImagePlugin,
    BmpImagePlugin,
    WebPImagePlugin,
)  # importing one is enough
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_READ = "PNG, JPEG, TIFF, BMP or WebP"
_LIBRARIES = {b"\x89PNG": "zlib", b"\xff\xd8\xff": "jpg", b"RIFF": "webp"}  # what Pillow may have been built without
_LARGEST = 50_000_000  # pixels, half as many of 16 bits a channel
_LARGEST_FILE = 2**29  # bytes: 50 million pixels of four channels of 16 bits are fewer
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")  # modes of one channel beside alpha
_NATIVE, _OTHER = ("L", "B") if sys.byteorder == "little" else ("B", "L")
# layouts of 16 bits a channel: Pillow's decoders keep the first of the two bytes; the layout that keeps the second
SECOND_BYTES = {
    f"{bands};16{order}": f"{bands};16{other}"
    for bands in ("RGB", "RGBA", "RGBX")
    for order, other in (("B", "L"), ("L", "B"), ("N", _OTHER))
}
GREY_AND_ALPHA = "LA;16B"
_SIXTEEN = {"I;16", "I;16B", "I;16L", "I;16N", "I;16R", GREY_AND_ALPHA, *SECOND_BYTES}
_BITS, _PLANES = 258, 284  # tags of TIFF
_ORIENTED = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}  # where a camera's orientation may stand
_ORIENTATION = 274


@contextmanager
def opened_picture(path: Path) -> Iterator[Image.Image]:
    """The picture, its pixels not read yet.

    Raises:
        DataError: it is of no format that is read, whatever it is called, or any damage is found while it is open, or
            it is too large or too deep, or one of several in its file.
    """
    try:
        with _silence():
            _require_file(path)
            # of a path Pillow maps some TIFFs with height and width exchanged where they lie on their side
            with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
                _require_fit(image, path)
                yield image
    except DataError:
        raise
    except Unidentified as error:
        _require_library(path)
        raise DataError(
            f"need a whole {_READ} picture, {path} cannot be read: it holds something else, or a damaged one"
        ) from error
    except Exception as error:  # decoders raise whatever they run into in a damaged file
        told = str(error) or type(error).__name__
        raise DataError(f"need a whole {_READ} picture, {path} cannot be read: {told}") from error


@contextmanager
def _silence() -> Iterator[None]:
    """No word of Pillow's on odd tags of files that can be read all the same, or beside the error where not."""
    log = logging.getLogger(TiffImagePlugin.__name__)
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        log.disabled = before


def load_pixels(image: Image.Image) -> None:
    """Read the pixels; libtiff, which writes what it finds damaged to stderr past Python, is not heard."""
    try:
        tile = _first_tile(image)
        heard = os.dup(2) if tile is not None and tile[0] == "libtiff" else None
    except OSError:  # stderr is closed
        heard = None
    if heard is None:
        image.load()
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        image.load()
    finally:
        os.dup2(heard, 2)
        os.close(heard)


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


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What stands in a picture's file beside its pixels."""

    height: int  # as it is shown, a camera's orientation applied
    width: int
    grey: bool
    sixteen: bool  # bits a channel; else 8 or fewer
    alpha: bool  # whether pixels may be transparent


def read_header(path: Path) -> PictureHeader:
    """What is known of a picture before its pixels are read; DataError as :func:`opened_picture` raises it."""
    with opened_picture(path) as image:
        layout = raw_mode(image)
        alpha = image.mode.endswith(("A", "a")) or "transparency" in image.info
        grey = image.mode in _GREY or layout == GREY_AND_ALPHA
        width, height = image.size
        turned = width != height and _turned(image, path)
    width, height = (height, width) if turned else (width, height)
    return PictureHeader(height, width, grey, layout in _SIXTEEN, alpha)


def orientation(image: Image.Image) -> int:
    """How the camera was held, 1 to 8 as in Exif; 1 where the file does not say, or was turned as it was opened."""
    if image.format == "TIFF" or _ORIENTED.isdisjoint(image.info):
        return 1
    try:
        number = image.getexif().get(_ORIENTATION)
    except Exception:  # a damaged note says nothing of the pixels
        return 1
    return number if isinstance(number, int) and number in range(1, 9) else 1


def raw_mode(image: Image.Image) -> str:
    """How the pixels lie in the file, in Pillow's words; nothing where the decoder does not tell."""
    args = None if (tile := _first_tile(image)) is None else tile[3]
    return args if isinstance(args, str) else "" if not args else str(args[0])


def _first_tile(image: Any) -> Any:
    """Decoder, extents, offset and arguments; None once the pixels are read."""
    return image.tile[0] if image.tile else None


def _turned(image: Image.Image, path: Path) -> bool:
    """Whether the orientation exchanges height and width."""
    if image.format == "PNG" and _ORIENTED.isdisjoint(image.info) and b"eXIf" in path.read_bytes():
        image.load()  # it stands behind the pixels
    return orientation(image) > 4


def _require_file(path: Path) -> None:
    try:
        about = path.stat()
    except FileNotFoundError as error:
        raise DataError(f"need a picture, {path} is no file") from error
    if not stat.S_ISREG(about.st_mode):  # a pipe would be waited for
        raise DataError(f"need a picture, {path} is no file")
    if about.st_size > _LARGEST_FILE:
        raise DataError(f"need a picture of at most {_LARGEST_FILE:,} bytes, {path} has {about.st_size:,}")


def _require_library(path: Path) -> None:
    """DataError where the picture is of a format that this Pillow was built without."""
    with path.open("rb") as file:
        head = file.read(12)
    for magic, library in _LIBRARIES.items():
        if head.startswith(magic) and (library != "webp" or head.endswith(b"WEBP")) and not features.check(library):
            raise DataError(
                f"need a Pillow with {library} to read {path}, this one was built without: install one from PyPI, or "
                f"save the picture in another format"
            )


def _require_fit(image: Image.Image, path: Path) -> None:
    reason = _unfit(image)
    if reason is not None:
        raise DataError(f"need {reason}, {path} has {image.width}x{image.height} pixels of mode {image.mode}")
    # what a camera adds to its JPEG (MPO) is the same picture once more
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise DataError(f"need one picture in a file, {path} has several: save each page or frame as a file of its own")


def _unfit(image: Image.Image) -> str | None:
    layout, deep = raw_mode(image), image.mode.startswith(("I", "F"))
    if image.format == "TIFF":
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        bits = max(tags.get(_BITS) or (1,))
        deep = deep or bits > 8
        if deep and (layout not in _SIXTEEN or bits != 16 or (tags.get(_PLANES) == 2 and image.mode not in _GREY)):
            return "a picture of 8 or 16 bits a channel, plain ones side by side (others as floats in an npz)"
    elif deep and layout not in _SIXTEEN:
        return "a picture of 8 or 16 bits a channel (others as floats in an npz)"
    if image.width * image.height > (most := _LARGEST // 2 if layout in _SIXTEEN else _LARGEST):
        return f"a picture of at most {most:,} pixels"
    return None
