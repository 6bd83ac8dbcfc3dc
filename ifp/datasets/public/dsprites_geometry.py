"""dSprites drawn from its geometry: three outlines, turned, scaled, moved and rasterised as a GPU would.

In pixels of the 64x64 canvas, x right, y down: the centre lies at (16 + 32 posX, 16 + 32 posY), an outline
point (u, v) at x = cx + s (u cos + v sin), y = cy + s (v cos - u sin), vertices are rounded to 1/256 pixel, and
a pixel is 1 where its centre is inside (on an edge: left and bottom edges count as inside). Against 46,080
frames of the official set, 6 differ by one pixel each.

x depends on posX alone and y on posY alone, so for one shape, scale and orientation the edges that cross a row
are found once per posY and serve all 32 posX.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

SIZE = 64
NAMES = ("shape", "scale", "orientation", "posX", "posY")
SIZES = (3, 6, 40, 32, 32)
SHAPES = ("square", "ellipse", "heart")
SCALES = np.linspace(0.5, 1.0, 6)
ORIENTATIONS = np.linspace(0.0, 2.0 * np.pi, 40)
POSITIONS = np.linspace(0.0, 1.0, 32)

_HALF_SIDE = 0.15 * SIZE
_SUBPIXELS = 256  # vertices lie on this fraction of a pixel
_LEFT_OF = np.array([(1 << k) - 1 for k in range(SIZE + 1)], dtype=np.uint64)  # bits of the columns below k


def outline(shape: int) -> NDArray[np.float64]:
    """Closed polygon (vertices, 2) of a shape at scale 1, in pixels about its centre of rotation."""
    if SHAPES[shape] == "square":
        return _HALF_SIDE * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    if SHAPES[shape] == "ellipse":
        t = np.linspace(0.0, 2 * np.pi, 100, endpoint=False)
        return np.stack([1.33 * _HALF_SIDE * np.cos(t), _HALF_SIDE / 1.33 * np.sin(t)], axis=1)
    t = np.linspace(0.0, 2 * np.pi, 150, endpoint=False)
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([_HALF_SIDE * np.sin(t) ** 3, -_HALF_SIDE * (height / 14.5 + 0.15)], axis=1)


def _vertices(
    shape: int, scale: int, orientation: int, positions: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Snapped vertex coordinates in sub-pixels: x (posX, vertices) and y (posY, vertices)."""
    single = np.float32  # single precision, like a GPU: it settles vertices between two grid points
    u, v = outline(shape).T.astype(single)
    angle = float(single(ORIENTATIONS[orientation]))
    cosine, sine = single(np.cos(angle)), single(np.sin(angle))
    size = single(SCALES[scale])
    centre = single(16) + single(32) * positions.astype(single)[:, None]
    x = centre + (size * cosine * u + size * sine * v)
    y = centre + (size * cosine * v - size * sine * u)
    return np.rint(x * _SUBPIXELS).astype(np.int64), np.rint(y * _SUBPIXELS).astype(np.int64)


def render_block(
    shape: int, scale: int, orientation: int, positions: NDArray[np.float64] = POSITIONS
) -> NDArray[np.uint64]:
    """One sprite in all positions: rows of pixels as bits, (posX, posY, 64 rows), bit c = column c."""
    x, y = _vertices(shape, scale, orientation, positions)
    y_next = np.roll(y, -1, axis=1)
    half = _SUBPIXELS // 2
    # rows whose centre Y = 256 row + 128 satisfies min < Y <= max
    first = (np.minimum(y, y_next) - half) // _SUBPIXELS + 1
    last = (np.maximum(y, y_next) - half) // _SUBPIXELS + 1
    pos_y, edge = np.nonzero(last > first)
    repeats = (last - first)[pos_y, edge]
    step = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    pos_y, edge = np.repeat(pos_y, repeats), np.repeat(edge, repeats)
    row = first[pos_y, edge] + step
    by_row = np.argsort(pos_y * SIZE + row, kind="stable")
    pos_y, edge, row = pos_y[by_row], edge[by_row], row[by_row]
    # columns strictly left of the crossing, as exact integers: ceil of (a quotient of sub-pixels)
    rise = (y_next - y)[pos_y, edge]
    run = (np.roll(x, -1, axis=1) - x)[:, edge]
    numerator = (x[:, edge] - half) * rise + run * (_SUBPIXELS * row + half - y[pos_y, edge])
    column = np.clip(-(-numerator // (_SUBPIXELS * rise)), 0, SIZE)
    cell, start = np.unique(pos_y * SIZE + row, return_index=True)
    rows = np.zeros((len(positions), len(positions) * SIZE), dtype=np.uint64)
    rows[:, cell] = np.bitwise_xor.reduceat(_LEFT_OF[column], start, axis=1)  # even-odd rule
    return rows.reshape(len(positions), len(positions), SIZE)


def render_all(
    shapes: Sequence[int] = range(SIZES[0]),
    scales: Sequence[int] = range(SIZES[1]),
    orientations: Sequence[int] = range(SIZES[2]),
    positions: Sequence[int] = range(SIZES[3]),
) -> Iterator[NDArray[np.uint8]]:
    """Images of the classes given, all by default, in official order as packed bits: blocks (posX * posY, 512)."""
    places = POSITIONS[list(positions)]
    for shape, scale, orientation in product(shapes, scales, orientations):
        block = render_block(shape, scale, orientation, places).astype("<u8")
        yield block.view(np.uint8).reshape(len(places) ** 2, SIZE * SIZE // 8)
