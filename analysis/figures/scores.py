"""Scores of one model, a bar each."""

from collections.abc import Mapping

from matplotlib.figure import Figure


def draw_scores(scores: Mapping[str, float]) -> Figure:
    """A bar per score, 1 at best, with its value beside it; IRS may lie a little below 0, the others do not."""
    names = [name.replace("_", " ") for name in scores]
    figure = Figure(figsize=(6.5, 0.9 + 0.32 * len(names)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, list(scores.values()), color="#0173b2")
    axes.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(min(0.0, *scores.values()), 1.12), xlabel="score (1 at best)")
    axes.grid(axis="x", alpha=0.3)
    return figure
