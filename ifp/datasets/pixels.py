"""The values of a picture's pixels, as the file has them: 8 or 16 bits, grey or RGB, upright, opaque.

What is transparent shows what lies behind it, with c the picture's value, a its opacity in 0..1, b the background's:

.. math:: a c + (1 - a) b

A file does not say what lies behind. Colours under a = 0 are whatever a program left there, so that they are never
read as they stand: a background is named, or the picture refused.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from annealing.errors import DataError, IFPError
from ifp.datasets.pictures import GREY_AND_ALPHA, SECOND_BYTES, load_pixels, opened_picture, orientation, raw_mode

Color = tuple[int, int, int]  # red, green, blue in 0..255
Values = NDArray[Any]  # uint8 (0..255) or uint16 (0..65535)

_TOGETHER = 2**20  # pixels laid over a background at once
_STEPS = {"L;2": 85, "L;4": 17}  # what a transparent grey of 2 or 4 bits is multiplied by to have 8, as the pixels are
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PHOTOMETRIC = 262  # tag of TIFF: 0 where zero is white


def parse_color(text: str) -> Color:
    """A colour by its CSS name, or as #rrggbb; IFPError for anything else.

    >>> parse_color("white"), parse_color("#102030")
    ((255, 255, 255), (16, 32, 48))
    """
    try:
        color = ImageColor.getrgb(str(text))
    except ValueError:
        color = (0, 0, 0, 0)
    if len(color) != 3 or max(color) > 255:  # a fourth is an opacity; 300 of rgb(300, 0, 0)
        raise IFPError(f"need --background-color as a name like white, or as #rrggbb, got {str(text)[:50]!r}")
    return color


def read_pixels(path: Path, background: Color | None = None) -> Values:
    """The pixels of a picture, (height, width, 1 or 3), uint8 (0..255) or uint16 (0..65535).

    Grey stays grey, also over a background that is grey.

    Args:
        path: of the picture.
        background: what is seen through transparent pixels.

    Raises:
        DataError: the picture cannot be read, or it is not opaque and there is no background.
    """
    values, alpha = _samples(path)
    if alpha is None or (alpha == np.iinfo(values.dtype).max).all():
        return values
    if background is None:
        raise DataError(
            f"need opaque pictures, {path} has transparent pixels: name what is behind them with --background-color, "
            f"like white or #rrggbb"
        )
    return _laid_over(values, alpha, background)


def _laid_over(values: Values, alpha: Values, background: Color) -> Values:
    """The sum of the first lines, rounded to the nearest; some rows at a time, since it takes four bytes a value."""
    most = int(np.iinfo(values.dtype).max)
    colour = background[:1] if values.shape[2] == 1 and len(set(background)) == 1 else background
    behind = np.array(colour, np.uint32) * np.uint32(most // 255)
    shown = np.empty((*values.shape[:2], len(behind)), values.dtype)
    together = max(_TOGETHER // values.shape[1], 1)
    for start in range(0, len(values), together):
        rows = slice(start, start + together)
        opacity = alpha[rows].astype(np.uint32)[..., None]
        shown[rows] = (opacity * values[rows] + (most - opacity) * behind + most // 2) // most  # most^2 is below 2^32
    return shown


def is_opaque(path: Path) -> bool:
    """Whether nothing shines through a picture, whatever its file could say; DataError where it cannot be read."""
    values, alpha = _samples(path)
    return alpha is None or bool((alpha == np.iinfo(values.dtype).max).all())


def _samples(path: Path) -> tuple[Values, Values | None]:
    """Values (height, width, 1 or 3) and opacity (height, width), none where all of it is opaque."""
    with opened_picture(path) as image:
        layout, key = raw_mode(image), image.info.get("transparency")
        if layout in SECOND_BYTES:
            first = np.asarray(_upright(image))
            with opened_picture(path) as again:
                _relay(again, SECOND_BYTES[layout])
                values: Values = _joined(first, np.asarray(_upright(again)))
        elif layout == GREY_AND_ALPHA:  # two values of two bytes lie as four of one
            _relay(image, "RGBA")
            halves = np.asarray(_upright(image))
            values = _joined(halves[..., 0::2], halves[..., 1::2])
        elif image.mode.startswith("I"):
            values = np.asarray(_upright(image)).astype(np.uint16)
            if image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == 0:  # type: ignore[attr-defined]
                values = np.uint16(65535) - values
        else:
            values = np.asarray(_upright(image).convert(_eight_bits(image)))
            key = None if image.mode == "P" else key  # the palette has it
    values = values.reshape(*values.shape[:2], -1)
    if values.shape[2] in (2, 4):
        return values[..., :-1], values[..., -1]
    return values, None if key is None else _keyed(values, np.asarray(key, np.int64) * _STEPS.get(layout, 1))


def _eight_bits(image: Image.Image) -> str:
    """The mode that has the picture's own values, grey or colours, with alpha where it has any."""
    if image.mode in ("1", "L"):
        return "L"
    if image.mode in ("LA", "La"):
        return "LA"
    transparent = image.mode in ("RGBA", "RGBa", "PA") or (image.mode == "P" and "transparency" in image.info)
    return "RGBA" if transparent else "RGB"


def _upright(image: Image.Image) -> Image.Image:
    """The picture as the camera was held; its pixels are read on the way, since some files tell behind them."""
    load_pixels(image)
    turn = _TURNS.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def _relay(image: Any, layout: str) -> None:
    """Have the decoder take the bytes of a pixel for another layout of as many."""
    image.tile = [
        tile._replace(args=layout if isinstance(tile.args, str) else (layout, *tile.args[1:])) for tile in image.tile
    ]


def _joined(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return first.astype(np.uint16) * np.uint16(256) + second


def _keyed(values: Values, key: NDArray[np.int64]) -> Values:
    """Opacity where one value stands for what is transparent."""
    most = np.iinfo(values.dtype).max
    return np.where((values == (key & most)).all(axis=-1), 0, most).astype(values.dtype)
