"""Images of a data set in labelled rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.picture import channels_said, picture

_CELL = 0.8  # inches of an image's width
_GAP = 1 / 16  # of an image's width, between two


def draw_samples(rows: Sequence[tuple[str, NDArray[np.floating[Any]]]], title: str) -> Figure:
    """One row of images under another, each row one axes with its label on the left.

    Args:
        rows: labels, may be empty, and images (n, H, W, C) in 0..1: C of 1 is drawn in grey, of 3 in colour, of any
            other the mean, which the title says. Rows may differ in length.
        title: above them.
    """
    columns = max(len(images) for _, images in rows)
    height, width = rows[0][1].shape[1:3]
    label = 0.09 * max(len(name) for name, _ in rows) + 0.2
    across, down = _CELL * columns * (1 + _GAP) + label, (_CELL * height / width + 0.06) * len(rows) + 0.4
    figure = Figure(figsize=(across, down))
    # the labels' room by hand: a layout engine does not count on pictures that keep their shape
    figure.subplots_adjust(left=label / across, right=1 - 0.05 / across, top=1 - 0.35 / down, bottom=0.05 / down)
    for panel, (name, images) in zip(figure.subplots(len(rows), squeeze=False)[:, 0], rows, strict=True):
        strip = _strip(np.clip(images, 0, 1), columns)
        panel.imshow(picture(strip), cmap="gray", vmin=0, vmax=1)
        panel.set(xticks=[], yticks=[])
        panel.set_frame_on(False)
        panel.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    said = channels_said(rows[0][1].shape[3])
    figure.suptitle(f"{title} ({said})" if said else title, fontsize=10)
    return figure


def _strip(images: NDArray[np.floating[Any]], columns: int) -> NDArray[np.floating[Any]]:
    """The images side by side on white, (H, as wide as ``columns`` of them, C)."""
    count, height, width, channels = images.shape
    step = width + max(round(_GAP * width), 1)
    strip = np.ones((height, step * columns, channels), images.dtype)
    for number in range(count):
        strip[:, number * step : number * step + width] = images[number]
    return strip[:, : step * (columns - 1) + width]
