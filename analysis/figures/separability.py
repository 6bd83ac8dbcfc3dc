"""Which factor freezes first, for every pair of factors, as a heat map."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import NDArray


def draw_separability(names: Sequence[str], matrix: NDArray[np.float64], title: str) -> Figure:
    """Share of contexts in which the row's factor freezes at a higher pressure than the column's.

    Args:
        names: of the factors.
        matrix: shares in 0..1 (factors, factors); NaN where there is none, as on the diagonal.
        title: above it.
    """
    size = 1.2 + 0.85 * len(names)
    figure = Figure(figsize=(size + 1.6, size), layout="constrained")
    axes = figure.subplots()
    sns.heatmap(
        100 * matrix, vmin=0, vmax=100, cmap="vlag", annot=True, fmt=".0f", linewidths=1, square=True, ax=axes,
        xticklabels=list(names), yticklabels=list(names),
        cbar_kws={"label": "row freezes at the higher pressure (% of contexts)"},
    )  # fmt: skip
    axes.set(xlabel="column", ylabel="row")
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)
    figure.suptitle(title, fontsize=10)
    return figure
