"""Where the information about each factor went: to its owner, or elsewhere."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.diffusion import Diffusion
from analysis.figures.palette import factor_colours

_OTHERS = "#8c8c8c"


def draw_gains(found: Diffusion) -> Figure:
    """A bar per factor: all gains of information along training (nats), the owner's in colour, the others' in grey."""
    names = [each.factor for each in found.factors]
    colours = factor_colours(names)
    figure = Figure(figsize=(7, 1.6 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(names))
    gained = np.array([each.gained for each in found.factors])
    elsewhere = (len(found.latents) - 1) / max(len(found.latents), 1)  # of what is gained evenly
    own = gained * [1 - elsewhere * (each.index or 0.0) for each in found.factors]
    axes.barh(rows, own, color=[colours[name] for name in names])
    axes.barh(rows, gained - own, left=own, color=_OTHERS)
    for row, each in zip(rows, found.factors, strict=True):
        said = "never froze" if each.owner is None else f"z{each.owner}"
        index = "" if each.index is None else f", index {each.index:.2f}"
        axes.annotate(
            said + index, (each.gained, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(gained.max(initial=0), 0.1))
    axes.set(xlabel="gains of information along training (nats)")
    index = "nothing gained" if found.index is None else f"diffusion index {found.index:.2f}"
    axes.set_title(index, loc="left", fontsize=10)
    handles = [
        Patch(color=colours[names[0]], label="by the owner, in the factor's colour"),
        Patch(color=_OTHERS, label="by other latents"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure
