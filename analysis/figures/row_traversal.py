"""Latent traversals of rows: a panel per latent, a line over the features for each value that it runs through."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

_SHOWN = 30  # features: more are not told apart


def draw_row_traversal(
    drawn: NDArray[np.floating], values: Sequence[float], labels: Sequence[str], features: Sequence[str]
) -> Figure:
    """What is drawn of each feature, from the first value (dark) to the last (light).

    Args:
        drawn: (latents, values, D).
        values: of the latent, in prior standard deviations.
        labels: of the latents.
        features: names (D,); of more than 30 those that move most are shown, in their order.
    """
    moves = np.ptp(drawn, axis=1).max(axis=0)
    shown = np.sort(np.argsort(-moves, kind="stable")[:_SHOWN])
    figure = Figure(figsize=(max(4.0, 0.3 * len(shown) + 2.2), 1.3 * len(drawn) + 1.2), layout="constrained")
    panels = figure.subplots(len(drawn), 1, squeeze=False, sharex=True)[:, 0]
    colours = colormaps["viridis"](np.linspace(0, 0.9, len(values)))
    for panel, row, label in zip(panels, drawn, labels, strict=True):
        for line, value, colour in zip(row, values, colours, strict=True):
            panel.plot(line[shown], marker=".", color=colour, linewidth=1, label=f"{value:+.1f}")
        panel.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        panel.tick_params(labelsize=7)
    names = [features[number][:_SHOWN].replace("$", r"\$") for number in shown]
    panels[-1].set_xticks(range(len(shown)), names, rotation=90, fontsize=7)
    handles, said = panels[0].get_legend_handles_labels()
    figure.legend(handles, said, loc="outside right upper", fontsize=7)
    if len(shown) < len(features):
        figure.suptitle(f"the {len(shown)} of {len(features):,} features that move most", fontsize=9)
    return figure
