"""Freezing points of two annealing runs by factor, on one logarithmic axis, with the shift of each factor beside."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.distributions import KINDS, plain_pressure_axis
from analysis.figures.palette import factor_colours
from analysis.shifts import FactorShift
from annealing.choices import require_one_of
from annealing.errors import IFPError

_APART = 0.2  # of a row: from its middle to either run's
_SPREAD = 0.3  # of a row, over which a run's cases are laid out


def draw_shifts(first: str, second: str, shifts: Sequence[FactorShift], kind: str = "box") -> Figure:
    """Measured cases as dots, their closed form as ticks, pairs joined by lines; beside them the ratio of each factor.

    Args:
        first, second: names of the runs.
        shifts: one per factor; cases known only to lie beyond the sweep are counted at the right, not drawn.
        kind: box or violin.

    Raises:
        IFPError: another kind, or no freezing point at all.
    """
    require_one_of("a kind", kind, KINDS)
    points = _points(shifts)
    if not np.isfinite(points["beta"]).any():
        raise IFPError("need at least one freezing point to draw, got none")
    factors = [each.factor for each in shifts]
    runs = ["first", "second"]
    colours = factor_colours(runs)
    figure = Figure(figsize=(10, 1.6 + 0.85 * len(factors)), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    known = points[np.isfinite(points["beta"])]
    shared = {
        "data": known, "x": "beta", "y": "factor", "order": factors, "hue": "run", "hue_order": runs,
        "palette": colours, "legend": False, "ax": axes, "log_scale": True, "linewidth": 1, "width": 4 * _APART,
    }  # fmt: skip
    if kind == "box":
        sns.boxplot(**shared, fliersize=0, boxprops={"alpha": 0.35})
    else:
        sns.violinplot(**shared, inner="quartile", alpha=0.35, cut=0)
    for row, each in enumerate(shifts):
        _draw_cases(axes, row, each, [colours[run] for run in runs])
        axes.text(1.01, row, _said(each), transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    axes.text(
        1.01, -0.6, "second / first, 95% interval", transform=axes.get_yaxis_transform(), va="bottom", fontsize=8,
        fontweight="bold",
    )  # fmt: skip
    handles = [Line2D([], [], marker="o", color=colours[run], linestyle="", markeredgecolor="black") for run in runs]
    handles.append(Line2D([], [], marker="|", color="black", linestyle="", markersize=9))
    labels = [f"first: {first}", f"second: {second}", "closed form of the same case"]
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a folder's name may hold anything
    axes.set(xlabel=r"pressure $\beta$ (nats; reconstruction summed over pixels)", ylabel="")
    axes.set_ylim(len(factors) - 0.5, -0.5)
    axes.set_title("Information freezing points of two runs", loc="left")
    plain_pressure_axis(axes.xaxis)
    axes.grid(axis="x", which="both", alpha=0.2)
    sns.despine(ax=axes, left=True)
    return figure


def _points(shifts: Sequence[FactorShift]) -> pd.DataFrame:
    cases = [
        (each.factor, run, beta)
        for each in shifts
        for run, betas in (("first", each.first_beta), ("second", each.second_beta))
        for beta in betas
    ]
    return pd.DataFrame(cases, columns=["factor", "run", "beta"])


def _draw_cases(axes: object, row: int, each: FactorShift, colours: list[tuple[float, float, float]]) -> None:
    sides = (each.first_beta, each.first_spectral), (each.second_beta, each.second_spectral)
    places = []
    for (beta, spectral), colour, middle in zip(sides, colours, (row - _APART, row + _APART), strict=True):
        place = middle + _SPREAD * ((np.arange(len(beta)) + 0.5) / max(len(beta), 1) - 0.5)
        drawn = np.where(np.isfinite(beta), beta, np.nan)
        axes.scatter(drawn, place, s=20, color=[colour], edgecolor="black", linewidths=0.7, zorder=4)  # type: ignore[attr-defined]
        axes.scatter(spectral, place, marker="|", s=50, color="black", linewidths=1.1, zorder=5)  # type: ignore[attr-defined]
        places.append((drawn, place))
    if each.shift.paired:
        (a, first), (b, second) = places
        axes.plot([a, b], [first, second], color="grey", linewidth=0.6, alpha=0.6, zorder=3)  # type: ignore[attr-defined]


def _said(each: FactorShift) -> str:
    """The ratio with its interval, what the closed form predicts, and cases that could not be drawn."""
    shift = each.shift
    ends = [None if end is None else np.exp(end) for end in (shift.low, shift.high)]
    interval = f" [{_number(ends[0])}, {_number(ends[1])}]" if any(end is not None for end in ends) else ""
    cases = f"{shift.n} pairs" if shift.paired else f"{shift.n} and {shift.m} cases"
    beyond = [side.below + side.above for side in (each.first, each.second)]
    more = f"; beyond the sweep {beyond[0]}, {beyond[1]}" if any(beyond) else ""
    predicted = _number(each.closed_form.ratio)
    moved = "-" if shift.shift is None else f"{shift.shift:.3f}"
    return f"{_number(shift.ratio)}{interval}, shift {moved}\nclosed form {predicted}; {cases}{more}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
