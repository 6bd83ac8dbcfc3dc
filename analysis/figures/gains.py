"""Where the information about each factor went: to its owner, or elsewhere."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from analysis.figures.palette import factor_colours

_OTHERS = "#8c8c8c"


def draw_gains(
    names: Sequence[str],
    gained: NDArray[np.floating],
    own: NDArray[np.floating],
    notes: Sequence[str],
    title: str,
) -> Figure:
    """A bar per factor: all gains of information along training (nats), the owner's in colour, the others' in grey.

    Args:
        names: of the factors.
        gained: nats (factors,).
        own: what of it the owner gained, nats (factors,).
        notes: at the end of each bar.
        title: above all.
    """
    colours = factor_colours(list(names))
    figure = Figure(figsize=(7, 1.6 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(names))
    axes.barh(rows, own, color=[colours[name] for name in names])
    axes.barh(rows, gained - own, left=own, color=_OTHERS)
    for row, nats, note in zip(rows, gained, notes, strict=True):
        axes.annotate(note, (nats, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(gained.max(initial=0), 0.1))
    axes.set(xlabel="gains of information along training (nats)")
    axes.set_title(title, loc="left", fontsize=10)
    handles = [
        Patch(color=colours[names[0]], label="by the owner, in the factor's colour"),
        Patch(color=_OTHERS, label="by other latents"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure
