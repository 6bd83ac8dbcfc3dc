"""KL of many latents against pressure as it rose and fell, each in the colour of the factor it was about."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.attribution import LatentBranch, LatentFreezing
from analysis.figures.distributions import plain_pressure_axis
from analysis.figures.palette import factor_colours
from analysis.melting import LatentMelting
from analysis.modes import degenerate_modes

_UNTOLD = (0.45, 0.45, 0.45)


def draw_latents(
    branch: LatentBranch,
    latents: Sequence[LatentFreezing],
    threshold: float,
    predicted: Mapping[str, float],
    heating: LatentBranch | None = None,
    melted: Sequence[LatentMelting] = (),
) -> Figure:
    """A curve per latent with a dot where it froze, and a dotted one with a triangle where it melted.

    Vertical lines are predicted freezing points.

    Args:
        branch: the records of the cooling.
        latents: their freezing points and what they froze about.
        heating, melted: the same of the heating, where there was one.
        threshold: the main one, nats of KL.
        predicted: closed-form freezing points by factor, may be empty; grey under a name that is no factor's.
    """
    colours = factor_colours(branch.names)
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=threshold)
    for each in latents:
        colour = _UNTOLD if each.frozen.factor is None else colours[each.frozen.factor]
        axes.plot(branch.beta, branch.kl[:, each.latent], color=colour, linewidth=1.3, label=f"z{each.latent}")
        if each.statuses[0] == "ok":
            axes.plot([each.freezing[0]], [threshold], "o", color=colour, markeredgecolor="black", zorder=4)
        if each.kl_end >= threshold:  # silent ones would lie on one another
            axes.annotate(
                f"z{each.latent}", (branch.beta[-1], each.kl_end), xytext=(-4, 0), textcoords="offset points",
                ha="right", va="center", fontsize=7, color=colour,
            )  # fmt: skip
    if heating is not None:
        for one in melted:
            colour = _UNTOLD if one.melted.factor is None else colours[one.melted.factor]
            axes.plot(heating.beta, heating.kl[:, one.latent], color=colour, linewidth=1.3, linestyle=":")
            if one.statuses[0] == "ok":
                axes.plot([one.melting[0]], [threshold], "^", color=colour, markeredgecolor="black", zorder=4)
    for group in degenerate_modes(predicted):  # lines too near to part get one name
        for name in group:
            axes.axvline(predicted[name], color=colours.get(name, _UNTOLD), linewidth=1.0, linestyle="--", alpha=0.8)
        axes.annotate(
            ", ".join(group), (predicted[group[0]], 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", rotation=30, ha="left", va="bottom", fontsize=8,
        )  # fmt: skip
    axes.axhline(threshold, color="grey", linewidth=0.6, linestyle=":")
    axes.set_ylim(bottom=0)
    tops = [branch.beta[0], *predicted.values(), *([] if heating is None else [heating.beta[0]])]
    axes.set_xlim(branch.beta[-1] / 1.15, max(tops) * 1.05)
    axes.set(xlabel=r"pressure $\beta$ (nats; reconstruction summed over pixels)", ylabel="KL (nats)")
    plain_pressure_axis(axes.xaxis)
    axes.yaxis.set_major_formatter("{x:g}")
    about = {*predicted, *(each.frozen.factor for each in latents), *(each.melted.factor for each in melted)}
    shown = [name for name in branch.names if name in about]
    handles = [Line2D([], [], color=colours[name], linewidth=2, label=name) for name in shown]
    if any(each.frozen.factor is None and np.nanmax(branch.kl[:, each.latent]) >= threshold for each in latents):
        handles.append(Line2D([], [], color=_UNTOLD, linewidth=2, label="no factor told" if shown else "no labels"))
    if predicted:
        handles.append(Line2D([], [], color="black", linewidth=1, linestyle="--", label="predicted freezing point"))
    if handles:
        axes.legend(handles=handles, frameon=False, fontsize=8)
    rises = "rises (dotted; triangles: melting) and " if heating is not None else ""
    figure.suptitle(f"Latents as the pressure {rises}falls; dots: freezing at {threshold:g} nat", fontsize=10)
    return figure
