"""dSprites painted and reshaped: in colour, with noise or a picture behind it, without its shape, at 32x32.

Colour, noise and the piece of the picture are nuisances, one draw per image, a pure function of seed and index.
Formulas of the field's standard study (Locatello et al. 2019, section 5.1), for a sprite s of zeros and ones:

- color: s times one RGB of U(0.5, 1);
- noisy: min(s + n, 1), n of U(0, 1) per pixel and channel;
- scream: b = (64x64 piece of the picture + one RGB of U(0, 1)) / 2, and 1 - b on the sprite.
"""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray
from PIL import Image

from annealing.errors import DataError
from ifp.datasets.cells import Cells
from ifp.datasets.dataset import (
    DataOptions,
    Dataset,
    DataWarning,
    Factors,
    Index,
    LabelledDataset,
    checked_index,
    require_labelled,
)
from ifp.datasets.family import Family
from ifp.datasets.half_size import HalfSize
from ifp.datasets.pixels import parse_color, read_pixels
from ifp.datasets.public.dsprites import CITATION, load
from ifp.datasets.public.dsprites_geometry import NAMES, SIZE, SIZES

Float = NDArray[np.float32]
Paint = Callable[[Float, Generator], Float]  # a sprite (64, 64) and an image's own stream: the picture (3, 64, 64)

_THUMBNAIL = (350, 274)  # largest width and height of the picture behind


def in_color(sprite: Float, stream: Generator) -> Float:
    """The sprite in one colour on black."""
    return sprite * _one_color(stream, 0.5)


def in_noise(sprite: Float, stream: Generator) -> Float:
    """The sprite, white, in front of noise."""
    noise = np.moveaxis(stream.random((SIZE, SIZE, 3), dtype=np.float32), -1, 0)
    return np.minimum(sprite + noise, np.float32(1))


def _one_color(stream: Generator, low: float) -> Float:
    """RGB (3, 1, 1) of U(low, 1)."""
    return stream.uniform(low, 1, 3).astype(np.float32)[:, None, None]


def before(picture: Float) -> Paint:
    """The sprite as the negative of a piece of the picture (height, width, 3), mixed with one colour."""
    channels = np.ascontiguousarray(np.moveaxis(picture, -1, 0))

    def paint(sprite: Float, stream: Generator) -> Float:
        top = stream.integers(0, picture.shape[0] - SIZE, endpoint=True)
        left = stream.integers(0, picture.shape[1] - SIZE, endpoint=True)
        piece = channels[:, top : top + SIZE, left : left + SIZE]
        background = (piece + _one_color(stream, 0)) / np.float32(2)
        return np.where(sprite > 0, 1 - background, background)

    return paint


def open_picture(path: str | None, behind: str | None = None) -> tuple[Float, str]:
    """The picture behind scream-dsprites, (height, width, 3) in 0..1, and its name; a sample where none is given.

    ``behind``: the colour, #rrggbb, that is seen through its transparent pixels.

    Raises:
        DataError: no such picture, or one that is damaged, or smaller than a sprite's image, or not opaque with no
            colour behind it.
    """
    if path is None:
        from sklearn.datasets import load_sample_image

        warnings.warn(
            "no --background given: scikit-learn's sample picture china.jpg stands behind the sprites",
            DataWarning,
            stacklevel=2,
        )
        image, name = Image.fromarray(load_sample_image("china.jpg")), "scikit-learn's china.jpg"
    else:
        pixels, name = read_pixels(Path(path), None if behind is None else parse_color(behind)), Path(path).name
        if pixels.dtype != np.uint8:
            raise DataError(f"need a picture of 8 bits a channel for --background, {path} has 16: save it with 8")
        image = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())
    image.thumbnail(_THUMBNAIL)
    picture = np.asarray(image, np.float32) / np.float32(255)
    if min(picture.shape[:2]) < SIZE:
        raise DataError(
            f"need a picture of at least {SIZE}x{SIZE} pixels once it fits {_THUMBNAIL[0]}x{_THUMBNAIL[1]}, "
            f"{name} has {picture.shape[1]}x{picture.shape[0]}"
        )
    return picture, name


class PaintedSprites:
    """dSprites with nuisances painted in: the lattice and order of dSprites, RGB images, float32 in 0..1."""

    image_shape = (SIZE, SIZE, 3)
    repaints = True

    def __init__(self, name: str, sprites: Dataset, paint: Paint, nuisances: tuple[str, ...], of: str) -> None:
        """``of`` says what it is painted with: two data sets with the same ``of`` and seed are the same."""
        self.name = self.reference = name
        self.factors, self.options, self.nuisances = sprites.factors, sprites.options, nuisances
        self.source = f"{sprites.source}, {of}"
        self.canvas, self._paint = sprites, paint
        identity = repr((name.removesuffix("-32"), sprites.fingerprint, of, self.options.seed))
        self.fingerprint = hashlib.sha256(identity.encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.canvas)

    def images(self, index: Sequence[int] | Index, nuisances_of: Index | None = None) -> Float:
        """Images (N, 64, 64, 3), painted as the images of the index, or of ``nuisances_of``, are."""
        rows = checked_index(index, len(self))
        shown_as = rows if nuisances_of is None else checked_index(nuisances_of, len(self))
        # channel by channel: a loop over three values a pixel is several times slower
        images = np.empty((len(rows), 3, SIZE, SIZE), np.float32)
        for image, sprite, number in zip(images, self.canvas.images(rows), shown_as.tolist(), strict=True):
            image[:] = self._paint(sprite[..., 0], self._stream(number))
        return np.ascontiguousarray(np.moveaxis(images, 1, -1))

    def painted(self, canvases: Float, nuisances_of: Index) -> Float:
        """Each row of sprites, or means of sprites (M, N, 64, 64, 1), as one image (M,) is painted."""
        images = np.empty((*canvases.shape[:2], 3, SIZE, SIZE), np.float32)
        blank, full = np.zeros((SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.float32)
        for row, sprites, number in zip(images, canvases[..., 0], nuisances_of.tolist(), strict=True):
            behind, on_it = (self._paint(sprite, self._stream(number)) for sprite in (blank, full))
            np.multiply(sprites[:, None], on_it - behind, out=row)
            row += behind
        return np.moveaxis(images, 2, -1)

    def _stream(self, number: int) -> Generator:
        """What an image's nuisances are drawn from."""
        return Generator(Philox(key=[self.options.seed, number]))

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64] | None:
        """Factor classes (N, 5)."""
        return self.canvas.factors_at(index)

    def lookup(self, factors: NDArray[np.integer], nuisances_of: Index | None = None) -> Index:
        """Index (N,) of factor classes (N, 5)."""
        return self.canvas.lookup(factors)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the factor classes are within the lattice."""
        return self.canvas.holds(factors)


class WithoutShape:
    """All of dSprites with the shape as a nuisance: three images to each scale, orientation, posX and posY."""

    nuisances: tuple[str, ...] = ("shape",)
    repaints = False

    def __init__(self, name: str, sprites: LabelledDataset) -> None:
        self.name = self.reference = name
        self.options, self.image_shape = sprites.options, sprites.image_shape
        self.factors: Factors | None = Factors(NAMES[1:], SIZES[1:])
        self.source = f"{sprites.source}, shape as a nuisance"
        self.fingerprint = hashlib.sha256(f"without shape {sprites.fingerprint}".encode()).hexdigest()[:16]
        labels = sprites.factors_at(np.arange(len(sprites)))
        self._sprites, self._cells = sprites, Cells(labels[:, 1:].astype(np.int16), SIZES[1:])

    def __len__(self) -> int:
        return len(self._sprites)

    def images(self, index: Sequence[int] | Index, nuisances_of: Index | None = None) -> NDArray[np.float32]:
        """Images (N, 64, 64, 1): the shape is the index's own, see :meth:`lookup`."""
        return self._sprites.images(index).astype(np.float32, copy=False)

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64]:
        """Factor classes (N, 4): scale, orientation, posX, posY."""
        return self._cells.factors_at(index)

    def lookup(self, factors: NDArray[np.integer], nuisances_of: Index | None = None) -> Index:
        """Index (N,) of factor classes (N, 4), of the first shape, or of that of ``nuisances_of``."""
        return self._cells.lookup(factors, nuisances_of)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the factor classes (N, 4) are within the lattice."""
        return self._cells.holds(factors)


def load_color(name: str, data_dir: Path | None, options: DataOptions) -> Dataset:
    """dSprites in colour."""
    return PaintedSprites(name, load("dsprites", data_dir, options), in_color, ("colour",), "in colour")


def load_noisy(name: str, data_dir: Path | None, options: DataOptions) -> Dataset:
    """dSprites in noise."""
    return PaintedSprites(name, load("dsprites", data_dir, options), in_noise, ("noise",), "in noise")


def load_scream(name: str, data_dir: Path | None, options: DataOptions) -> Dataset:
    """dSprites in front of a picture."""
    picture, of = open_picture(options.background, options.background_color)
    pixels = hashlib.sha256(picture.tobytes()).hexdigest()[:16]
    sprites = load("dsprites", data_dir, options)
    return PaintedSprites(name, sprites, before(picture), ("background", "colour"), f"before {of} ({pixels})")


def load_noshape(name: str, data_dir: Path | None, options: DataOptions) -> Dataset:
    """dSprites with the shape as a nuisance."""
    return WithoutShape(name, require_labelled(load("dsprites", data_dir, options)))


def _half(whole: Callable[[str, Path | None, DataOptions], Dataset]) -> Callable[..., Dataset]:
    return lambda name, data_dir, options: HalfSize(name, whole(name.removesuffix("-32"), data_dir, options))


def _family(load: Callable[..., Dataset], summary: str, shape: tuple[int, int, int]) -> Family:
    images = int(np.prod(SIZES))
    return Family(
        load=load, summary=summary, images=images, image_shape=shape, size="none; 0.4 GB in the cache",
        licence="Apache-2.0", citation=CITATION, made_here=True,
    )  # fmt: skip


_PAINTED = {
    "color-dsprites": (load_color, "as dsprites; a colour as nuisance"),
    "noisy-dsprites": (load_noisy, "as dsprites; noise as nuisance"),
    "scream-dsprites": (load_scream, "as dsprites; piece and colour of a picture (--background) as nuisances"),
}

FAMILY = {
    "dsprites-noshape": _family(
        load_noshape, "scale 6, orientation 40, posX 32, posY 32; shape as nuisance", (SIZE, SIZE, 1)
    ),
    "dsprites-32": _family(_half(load), "as dsprites, at 32x32: its pressures are lower", (SIZE // 2, SIZE // 2, 1)),
    **{name: _family(opener, summary, (SIZE, SIZE, 3)) for name, (opener, summary) in _PAINTED.items()},
    **{
        f"{name}-32": _family(_half(opener), f"{summary}; at 32x32", (SIZE // 2, SIZE // 2, 3))
        for name, (opener, summary) in _PAINTED.items()
    },
}
