r"""Arrows that point to the middle of the image, more or less: a factor that follows two others.

The correlated data set of DEFT's reference implementation. An arrow head stands at one of 32x32 places; at
(row, column) = (y, x) from the middle its heading is

.. math:: \theta = \mathrm{atan2}(-x, -y) + 45^\circ \epsilon, \qquad \epsilon \sim N(0, 1),

cut into 32 classes. Instead of being drawn, epsilon takes 32 evenly probable values at every place, so that 32,768
images make up the data set. The arrow head is drawn afresh, with smooth edges.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.special import ndtri  # scipy.stats takes a second to import

from ifp.datasets.cells import Cells
from ifp.datasets.dataset import DataOptions, Factors, Index, checked_index
from ifp.datasets.family import Family

_SIDE, _CLASSES, _SPRITE = 64, 32, 13  # pixels of the image, classes of every factor, pixels of the arrow's square
_CORNER = 9  # row and column of that square at place 0
_OUTLINE = np.array([[-5.0, -3.0], [5.0, 0.0], [-5.0, 3.0]])  # tail, tip, tail: along the heading and across it
_FINE = 8  # each pixel is the mean of 8x8


def arrow_head(heading: int) -> NDArray[np.uint8]:
    """The arrow of a heading's class, (13, 13); class 0 points down, then it turns towards the right."""
    angle = 2 * np.pi * heading / _CLASSES
    along, across = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
    corners = _OUTLINE[:, :1] * along + _OUTLINE[:, 1:] * across  # x right, y down
    size = _SPRITE * _FINE
    canvas = Image.new("L", (size, size))
    ImageDraw.Draw(canvas).polygon([tuple(corner) for corner in (corners + _SPRITE / 2) * _FINE], fill=255)
    return np.asarray(canvas.reduce(_FINE))


def headings() -> NDArray[np.int64]:
    """Classes of the heading at every place, (32 rows, 32 columns, 32 values of epsilon)."""
    place = np.arange(_CLASSES) - _CLASSES // 2
    towards = np.degrees(np.arctan2(-place[None, :], -place[:, None]))
    noise = 45 * ndtri((np.arange(_CLASSES) + 0.5) / _CLASSES)
    degrees = np.mod(towards[:, :, None] + noise, 360)
    return np.floor(degrees * _CLASSES / 360).astype(np.int64) % _CLASSES


class Arrows:
    """The arrows of every place and epsilon, epsilon fastest; several images of a cell are the same."""

    image_shape = (_SIDE, _SIDE, 1)
    nuisances: tuple[str, ...] = ()
    repaints = False
    source = "drawn from the geometry"

    def __init__(self, name: str, options: DataOptions) -> None:
        self.name = self.reference = name
        self.options = options
        self.factors: Factors | None = Factors(("orientation", "posY", "posX"), (_CLASSES,) * 3)
        row, column, _ = np.indices((_CLASSES,) * 3)
        self._labels = np.stack([headings(), row, column], axis=-1).reshape(-1, 3).astype(np.int32)
        self._cells = Cells(self._labels, self.factors.sizes)
        self._heads = np.stack([arrow_head(heading) for heading in range(_CLASSES)])
        digest = hashlib.sha256(self._labels.tobytes())
        digest.update(self._heads.tobytes())
        self.fingerprint = digest.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self._labels)

    def images(self, index: Sequence[int] | Index, nuisances_of: Index | None = None) -> NDArray[np.uint8]:
        """Images (N, 64, 64, 1), uint8."""
        heading, row, column = self._labels[checked_index(index, len(self))].T
        images = np.zeros((len(heading), *self.image_shape), np.uint8)
        side = np.arange(_SPRITE) + _CORNER
        rows, columns = row[:, None] + side, column[:, None] + side
        images[np.arange(len(heading))[:, None, None], rows[:, :, None], columns[:, None, :], 0] = self._heads[heading]
        return images

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64]:
        """Factor classes (N, 3): orientation, posY, posX."""
        return self._cells.factors_at(index)

    def lookup(self, factors: NDArray[np.integer], nuisances_of: Index | None = None) -> Index:
        """Index (N,) of factor classes (N, 3); DataError where the arrow never has that heading there."""
        return self._cells.lookup(factors)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the arrow ever has that heading at that place."""
        return self._cells.holds(factors)


def load(name: str, data_dir: Path | None, options: DataOptions) -> Arrows:
    """The arrows."""
    return Arrows(name, options)


FAMILY = {
    "arrow": Family(
        load=load,
        summary="orientation 32, posY 32, posX 32: orientation follows position",
        images=_CLASSES**3,
        image_shape=Arrows.image_shape,
        size="none",
        licence="made here",
        citation="Wu et al.: DEFT, Machine Learning 111, 2022, doi 10.1007/s10994-022-06134-7",
        made_here=True,
    )
}
