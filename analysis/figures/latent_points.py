"""Where each latent froze or melted, one dot a latent, in the colour of the factor it was then about."""

from collections.abc import Mapping
from typing import Literal

from matplotlib.figure import Figure

from analysis.figures.distributions import plain_pressure_axis
from analysis.figures.palette import factor_colours

_UNTOLD = (0.45, 0.45, 0.45)


def draw_points(
    points: Mapping[int, float],
    about: Mapping[int, str | None],
    predicted: Mapping[str, float],
    dataset: str,
    passed: Literal["froze", "melted"] = "froze",
) -> Figure:
    """A row per latent with a point, from the highest one down; predicted freezing points as dashed lines.

    Args:
        points: pressure (nats) at which each latent froze, or melted.
        about: the factor that each latent held most of, None where that is not known.
        predicted: closed-form freezing points by factor (nats), may be empty.
        dataset: its name.
        passed: what the points are of.
    """
    names = [*predicted, *(name for name in about.values() if name is not None)]
    colours = factor_colours(names)
    order = sorted(points, key=lambda latent: -points[latent])
    figure = Figure(figsize=(8, 1.6 + 0.35 * len(order)), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    for name, beta in predicted.items():
        axes.axvline(beta, color=colours[name], linewidth=1.0, linestyle="--", label=f"predicted, {name}")
    for row, latent in enumerate(order):
        told = about.get(latent)
        axes.plot(
            [points[latent]], [row], "o", color=_UNTOLD if told is None else colours[told], markeredgecolor="black"
        )
        if told is not None:
            at = (points[latent], row)
            axes.annotate(told, at, xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(order)), [f"z{latent}" for latent in order])
    axes.invert_yaxis()
    axes.set(xlabel=rf"pressure $\beta$ at which the latent {passed} (nats; reconstruction summed over pixels)")
    axes.set_title(f"Latents that {passed} on {dataset}", loc="left")
    if predicted:
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    plain_pressure_axis(axes.xaxis)
    return figure
