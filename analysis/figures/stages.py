"""A plan of DEFT's stages as a staircase of falling pressure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter


def draw_stages(
    pressures: Sequence[float], shares: Sequence[float], notes: Sequence[Sequence[str]], title: str
) -> Figure:
    """Pressure (nats, logarithmic) against the share of the steps; on each tread its pressure and its notes.

    Args:
        pressures: of each stage, nats.
        shares: of the steps; together 1.
        notes: lines on each tread: the stage's factors, then its latents.
        title: above all.
    """
    ends = np.cumsum(shares)
    starts = ends - shares
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set_yscale("log")
    axes.stairs(pressures, [0.0, *ends], baseline=None, color="black", linewidth=1.6)
    for number, (pressure, lines, start, end) in enumerate(zip(pressures, notes, starts, ends, strict=True)):
        axes.axvspan(start, end, color="grey", alpha=0.06 if number % 2 else 0.14, linewidth=0)
        axes.annotate(
            "\n".join([f"{pressure:.4g}", *lines]), ((start + end) / 2, pressure),
            xytext=(0, 5), textcoords="offset points", ha="center", va="bottom", fontsize=8,
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(min(pressures) / 1.6, max(pressures) * 1.6 * 2 ** max(len(lines) - 1 for lines in notes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="share of the steps", ylabel="pressure $\\beta$ (nats)")
    axes.set_title(title, loc="left")
    return figure
