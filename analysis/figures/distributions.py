"""Distributions of freezing points, one row per factor, on a logarithmic axis of pressure."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from analysis.figures.palette import factor_colours
from annealing.choices import require_one_of
from annealing.errors import IFPError

KINDS = ("box", "violin")
_MEASURED = (
    Line2D([], [], marker="o", color="grey", markeredgecolor="black", label="measured, freezing to melting"),
    Line2D([], [], marker="|", color="black", linestyle="", markersize=9, label="closed form of the same case"),
)


def draw_distributions(freezing: pd.DataFrame, spectral: pd.DataFrame, kind: str = "box") -> Figure:
    """Measured freezing points as dots with their brackets; closed form over all contexts as box or violin.

    Args:
        freezing: rows of freezing.csv at one threshold; none where nothing was measured.
        spectral: rows of spectral.csv, factor and spectral_beta.
        kind: box or violin.

    Raises:
        IFPError: another kind, or no freezing point at all.
    """
    require_one_of("a kind", kind, KINDS)
    measured = freezing[freezing["status"] == "ok"]
    if measured.empty and spectral.empty:
        raise IFPError("need at least one freezing point to draw, got none")
    factors = list(dict.fromkeys(freezing["factor"] if len(freezing) else spectral["factor"]))
    colours = factor_colours(factors)
    figure = Figure(figsize=(8, 1.2 + 0.85 * len(factors)), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    shared = {
        "data": spectral, "x": "spectral_beta", "y": "factor", "order": factors, "hue": "factor",
        "hue_order": factors, "palette": colours, "legend": False, "ax": axes, "log_scale": True,
    }  # fmt: skip
    if kind == "box":
        sns.boxplot(**shared, width=0.5, fliersize=0, linewidth=1, boxprops={"alpha": 0.35})
    else:
        sns.violinplot(**shared, width=0.8, inner="quartile", linewidth=1, alpha=0.35, cut=0)
    for row, factor in enumerate(factors if len(freezing) else ()):
        of_factor = measured[measured["factor"] == factor].sort_values("context")
        spread = [row + 0.36 * ((rank + 0.5) / max(len(of_factor), 1) - 0.5) for rank in range(len(of_factor))]
        axes.hlines(spread, of_factor["ifp_low"], of_factor["ifp_high"], color=colours[factor], linewidth=1.2, zorder=3)
        axes.scatter(of_factor["ifp_beta"], spread, s=26, color=colours[factor], edgecolor="black", zorder=4)
        axes.scatter(of_factor["spectral_beta"], spread, marker="|", s=90, color="black", linewidths=1.4, zorder=5)
    contexts = spectral["context"].nunique() if "context" in spectral else len(spectral)
    figure.legend(
        handles=[
            *(_MEASURED if len(freezing) else ()),
            Line2D([], [], color="grey", linewidth=7, alpha=0.35, label=f"closed form, {contexts} contexts"),
        ],
        loc="outside lower center", ncols=3, frameon=False, fontsize=8,
    )  # fmt: skip
    dataset = (freezing if len(freezing) else spectral)["dataset"].iloc[0]
    axes.set(xlabel=r"pressure $\beta$ (nats; reconstruction summed over pixels)", ylabel="")
    axes.set_title(f"Information freezing points of {dataset}", loc="left")
    plain_pressure_axis(axes.xaxis)
    axes.grid(axis="x", which="both", alpha=0.2)
    sns.despine(ax=axes, left=True)
    return figure


def plain_pressure_axis(axis: object) -> None:
    """Ticks at 1, 2 and 5 times the powers of ten, at more where less than a decade is shown, as plain numbers."""
    low, high = axis.get_view_interval()  # type: ignore[attr-defined]
    subs = (1.0, 2.0, 5.0) if high > 8 * low else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
    axis.set_major_locator(LogLocator(subs=subs))  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))  # type: ignore[attr-defined]
    axis.set_minor_formatter(FuncFormatter(lambda *_: ""))  # type: ignore[attr-defined]
