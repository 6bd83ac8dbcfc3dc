"""Leading freezing points of rows, one row of the figure a mode, on a logarithmic axis of pressure."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from analysis.figures.distributions import plain_pressure_axis
from analysis.figures.palette import factor_colours

_UNTOLD = (0.55, 0.55, 0.55)


def draw_modes(
    points: NDArray[np.floating],
    held_out: NDArray[np.floating],
    above: Sequence[bool],
    suggested: NDArray[np.floating],
    title: str,
    *,
    chance: float | None = None,
    weight_of_nat: float | None = None,
    loss: str = "",
) -> Figure:
    """A dot where each mode freezes, a ring at what rows left out say, a line between; chance shaded; pressures to use.

    Args:
        points: freezing points (modes,), nats, falling.
        held_out: the same by rows that the mode was not chosen on (modes,); NaN or 0 where there is none.
        above: whether each mode is above chance.
        suggested: pressure at which as many modes carry information (modes,), nats; NaN where none is suggested.
        title: of the figure.
        chance: pressure, nats, from which down no mode is told from chance; None where all are.
        weight_of_nat: weight of the KL in the user's loss at a pressure of 1 nat, for an axis on top.
        loss: its name.
    """
    colour = factor_colours(["above chance"])["above chance"]
    rows = np.arange(len(points))
    figure = Figure(figsize=(8, 2.0 + 0.34 * len(points)), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    known = np.isfinite(held_out) & (held_out > 0)
    colours = [colour if real else _UNTOLD for real in above]
    for row in rows:
        if known[row]:
            axes.plot([held_out[row], points[row]], [row, row], color=colours[row], linewidth=2, alpha=0.5, zorder=2)
            axes.plot([held_out[row]], [row], "o", color=colours[row], markerfacecolor="white", zorder=3)
        axes.plot([points[row]], [row], "o", color=colours[row], markeredgecolor="black", zorder=4)
        if np.isfinite(suggested[row]):
            axes.plot([suggested[row]], [row], marker="|", color="black", markersize=12, markeredgewidth=1.6, zorder=5)
    handles: list[Artist] = []
    if chance is not None:
        low = min(*points, *held_out[known], *suggested[np.isfinite(suggested)], chance) / 1.3
        axes.axvspan(low, chance, color="grey", alpha=0.15, linewidth=0)
        axes.set_xlim(left=low)
        handles.append(Patch(color="grey", alpha=0.15, label="not told from chance"))
    axes.set_yticks(rows, [f"mode {row + 1}" for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel=r"pressure $\beta$ (nats; negative log-likelihood summed over features)")
    axes.set_title(title.replace("$", r"\$"), loc="left")
    plain_pressure_axis(axes.xaxis)
    axes.grid(axis="x", which="major", alpha=0.2)
    if weight_of_nat is not None:
        to_weight, to_beta = partial(np.multiply, weight_of_nat), partial(np.multiply, 1 / weight_of_nat)
        top = axes.secondary_xaxis("top", functions=(to_weight, to_beta))
        top.set_xlabel(f"weight of the KL in {loss}")
        plain_pressure_axis(top.xaxis)
    handles += [
        _mark("above chance", marker="o", color=colour, markeredgecolor="black"),
        _mark("may be chance", marker="o", color=_UNTOLD, markeredgecolor="black"),
        _mark("on rows left out", marker="o", color=_UNTOLD, markerfacecolor="white"),
        _mark("pressure to use", marker="|", color="black", markersize=10),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _mark(label: str, **style: Any) -> Line2D:
    return Line2D([], [], linestyle="", label=label, **style)
