"""KL of each latent against pressure, from records of any model."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from analysis.figures.distributions import plain_pressure_axis
from analysis.figures.palette import factor_colours
from analysis.freezing_points import FreezingPoints, branches


def draw_records(found: FreezingPoints) -> Figure:
    """A curve per latent, solid where the pressure rises and dashed where it falls, with its point and its bracket."""
    names = [f"z{each.latent}" for each in found.points]
    colours = factor_colours(names)
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=found.threshold)
    for name, each in zip(names, found.points, strict=True):
        for way, on in branches(found.beta):
            style = "-" if way == "heat" else "--"
            axes.plot(found.beta[on], found.kl[on, each.latent], style, color=colours[name], linewidth=1.2)
        if np.isfinite(each.ifp):
            axes.hlines(found.threshold, each.low, each.high, color=colours[name], linewidth=4, alpha=0.4)
            axes.plot([each.ifp], [found.threshold], "o", color=colours[name], markeredgecolor="black", zorder=4)
    axes.axhline(found.threshold, color="grey", linewidth=0.6, linestyle=":")
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
