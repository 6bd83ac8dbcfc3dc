"""KL against pressure, heating and cooling, one panel per factor."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.distributions import plain_pressure_axis
from analysis.figures.palette import factor_colours


def draw_curves(curves: Mapping[str, NDArray[Any]], freezing: pd.DataFrame) -> Figure:
    """Heating solid, cooling dashed, the closed form of each case as a vertical line; loops after the survey darker.

    Args:
        curves: arrays of curves.npz: factor (case,), direction, loop and beta (case, step), kl (case, step, latent).
        freezing: rows of freezing.csv at one threshold.
    """
    factors = list(dict.fromkeys(curves["factor"].tolist()))
    colours = factor_colours(factors)
    closed_form = freezing.set_index(["factor", "context"])["spectral_beta"]
    threshold = float(freezing["threshold_nats"].iloc[0])
    columns = min(3, len(factors))
    rows = -(-len(factors) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.0 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for number, panel in enumerate(grid.flat):
        if number >= len(factors):
            panel.set_axis_off()
            continue
        factor = factors[number]
        for case in np.flatnonzero(curves["factor"] == factor):
            for beta, nats, style, alpha in _branches(curves, int(case)):
                panel.plot(beta, nats, style, color=colours[factor], linewidth=0.9, alpha=alpha)
            panel.axvline(
                float(closed_form[factor, int(curves["context"][case])]), color="black", linewidth=0.6, alpha=0.5
            )
        panel.axhline(threshold, color="grey", linewidth=0.6, linestyle=":")
        panel.set(xscale="log", yscale="symlog", title=factor)
        panel.set_yscale("symlog", linthresh=threshold)
        panel.set_ylim(bottom=0)
        panel.set(xlabel=r"pressure $\beta$ (nats)", ylabel="KL (nats)")
        plain_pressure_axis(panel.xaxis)
    figure.suptitle("KL on heating (solid) and cooling (dashed); black: closed-form freezing point", fontsize=10)
    return figure


def _branches(
    curves: Mapping[str, NDArray[Any]], case: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], str, float]]:
    """Pressures, nats, line style and opacity of each heating and cooling of one case."""
    ways, loops = curves["direction"][case], curves["loop"][case]
    for loop, (way, style) in itertools.product(np.unique(loops), (("heat", "-"), ("cool", "--"))):
        on = (ways == way) & (loops == loop)
        if on.any():
            yield curves["beta"][case][on], curves["kl"][case][on].sum(axis=1), style, 0.35 if loop == 0 else 0.8
