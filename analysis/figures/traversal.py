"""Latent traversals: one row per latent, its value running from left to right while the others stay."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.picture import channels_said, picture


def draw_traversal(images: NDArray[np.floating], values: Sequence[float], labels: Sequence[str]) -> Figure:
    """A grid of decoded images.

    Args:
        images: in 0..1, shape (latents, values, H, W, C); C of 1 in grey, of 3 in colour, of any other the mean,
            which a title says.
        values: of the latent along a row, in prior standard deviations.
        labels: of the rows.
    """
    rows, columns = images.shape[:2]
    figure = Figure(figsize=(0.8 * columns + 2.2, 0.8 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for row in range(rows):
        for column in range(columns):
            panel = grid[row][column]
            panel.imshow(picture(np.clip(images[row, column], 0, 1)), cmap="gray", vmin=0, vmax=1)
            panel.set(xticks=[], yticks=[])
            if row == 0:
                panel.set_title(f"{values[column]:+.1f}", fontsize=8)
        grid[row][0].set_ylabel(labels[row], rotation=0, ha="right", va="center", fontsize=8)
    if channels_said(images.shape[4]):
        figure.suptitle(channels_said(images.shape[4]), fontsize=9)
    return figure
