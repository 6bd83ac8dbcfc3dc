"""Scores of one model, a bar each."""

from collections.abc import Mapping

from matplotlib.figure import Figure


def draw_scores(scores: Mapping[str, float]) -> Figure:
    """A bar per score, all from 0 to 1, with its value beside it."""
    names = [name.replace("_", " ") for name in scores]
    figure = Figure(figsize=(6.5, 0.9 + 0.32 * len(names)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, list(scores.values()), color="#0173b2")
    axes.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.12), xlabel="score (0 to 1)")
    axes.grid(axis="x", alpha=0.3)
    return figure
