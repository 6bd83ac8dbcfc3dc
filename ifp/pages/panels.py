"""Where the images of a traversal lie within its picture, so that a slider can show one at a time."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_WHITE = 250  # of 255, from it on a pixel is the paper between frames
_MOST_PIXELS = 20_000_000  # of a picture that is looked into
_MOST_ROWS = 40  # of sliders on a page

Box = tuple[int, int, int, int]  # left, top, width and height, pixels


@dataclass(frozen=True)
class Panels:
    """The images of a traversal.

    Attributes:
        names: of the rows, a latent each.
        values: of the latent, of the columns.
        boxes: of each row, in the order of the columns.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    boxes: tuple[tuple[Box, ...], ...]

    def data(self) -> dict[str, object]:
        """What the script is told."""
        rows = [{"name": name, "boxes": row} for name, row in zip(self.names, self.boxes, strict=True)]
        return {"values": [f"{value:+.1f}" for value in self.values], "rows": rows[:_MOST_ROWS]}


def traversal_panels(png: bytes, names: Sequence[str], values: Sequence[float]) -> Panels | None:
    """The panels of a picture by :func:`analysis.figures.traversal.draw_traversal`; None where it is no such grid.

    Every panel has a dark frame, and between frames there is white. So the panels are the last runs of rows and of
    columns that are not white throughout, as many as there are latents and values.

    Args:
        png: a whole PNG.
        names: of the rows.
        values: of the columns.
    """
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            ink = np.asarray(image.convert("RGB")).min(axis=2) < _WHITE
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError):  # its header is whole, its pixels are not
        return None
    rows, columns = _grid(ink, len(names), len(values))
    sizes = {(stop - start) for runs in (rows, columns) for start, stop in runs}
    if not rows or not columns or min(sizes) < 8 or len({*_lengths(rows)}) > 2 or len({*_lengths(columns)}) > 2:
        return None
    boxes = tuple(tuple((left, top, right - left, bottom - top) for left, right in columns) for top, bottom in rows)
    return Panels(tuple(names), tuple(values), boxes)


def _grid(ink: NDArray[np.bool_], rows: int, columns: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The last runs of rows with ink, then those of columns within these; none where there are fewer.

    In this order, since a title above the rows would join columns.
    """
    down = _runs(np.asarray(ink.any(axis=1)))[-rows:]
    if len(down) < rows:
        return [], []
    across = _runs(np.asarray(ink[down[0][0] : down[-1][1]].any(axis=0)))[-columns:]
    return (down, across) if len(across) == columns else ([], [])


def _runs(on: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of each run of True.

    >>> _runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    ends = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]])))
    return [(int(start), int(stop)) for start, stop in ends.reshape(-1, 2)]


def _lengths(runs: Sequence[tuple[int, int]]) -> set[int]:
    return {stop - start for start, stop in runs}
