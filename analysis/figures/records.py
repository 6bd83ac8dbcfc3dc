"""KL of each latent against pressure, from records of any model."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from analysis.figures.distributions import plain_pressure_axis
from analysis.figures.palette import factor_colours
from annealing.freezing import branches


def draw_records(
    beta: NDArray[np.floating], kl: NDArray[np.floating], brackets: NDArray[np.floating], threshold: float
) -> Figure:
    """A curve per latent, solid where the pressure rises and dashed where it falls, with its point and its bracket.

    Args:
        beta: pressure of each record (records,), nats.
        kl: nats (records, latents).
        brackets: freezing point, low and high end of each latent (latents, 3), nats; NaN where there is none.
        threshold: nats of KL from which a latent is active.
    """
    names = [f"z{latent}" for latent in range(kl.shape[1])]
    colours = factor_colours(names)
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=threshold)
    for name, nats, (point, low, high) in zip(names, kl.T, brackets, strict=True):
        for way, on in branches(beta):
            axes.plot(beta[on], nats[on], "-" if way == "heat" else "--", color=colours[name], linewidth=1.2)
        if np.isfinite(point):
            axes.hlines(threshold, low, high, color=colours[name], linewidth=4, alpha=0.4)
            axes.plot([point], [threshold], "o", color=colours[name], markeredgecolor="black", zorder=4)
    axes.axhline(threshold, color="grey", linewidth=0.6, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set(xlabel=r"pressure $\beta$ (nats, as given)", ylabel="KL (nats)")
    handles = [Line2D([], [], color=colours[name], label=name) for name in names]
    handles += [
        Line2D([], [], color="grey", label="beta rises"),
        Line2D([], [], color="grey", linestyle="--", label="beta falls"),
    ]
    axes.legend(handles=handles, frameon=False, fontsize=8, ncols=1 + len(handles) // 12)
    plain_pressure_axis(axes.xaxis)
    return figure
