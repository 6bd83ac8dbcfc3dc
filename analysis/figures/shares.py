"""Where the information about each factor is at the end: in the latent that holds most of it, or elsewhere."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from analysis.figures.palette import factor_colours

_OTHERS = "#8c8c8c"


def draw_shares(
    names: Sequence[str],
    nats: NDArray[np.floating],
    most: NDArray[np.floating],
    notes: Sequence[str],
    title: str,
) -> Figure:
    """A bar per factor: its information in all latents (nats), that of the one with most in colour, the rest in grey.

    Args:
        names: of the factors.
        nats: in all latents together (factors,).
        most: what of it the latent with most holds, nats (factors,).
        notes: at the end of each bar.
        title: above all.
    """
    colours = factor_colours(list(names))
    figure = Figure(figsize=(7, 1.6 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(names))
    axes.barh(rows, most, color=[colours[name] for name in names])
    axes.barh(rows, nats - most, left=most, color=_OTHERS)
    for row, length, note in zip(rows, nats, notes, strict=True):
        axes.annotate(note, (length, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(nats.max(initial=0), 0.1))
    axes.set(xlabel="information at the end (nats)")
    axes.set_title(title, loc="left", fontsize=10)
    handles = [
        Patch(color=colours[names[0]], label="in the latent that holds most, in the factor's colour"),
        Patch(color=_OTHERS, label="in other latents"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure
