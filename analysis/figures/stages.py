"""A plan of DEFT's stages as a staircase of falling pressure."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analysis.stage_plan import StagePlan


def draw_stages(plan: StagePlan) -> Figure:
    """Pressure (nats, logarithmic) against the share of the steps; on each tread its factors and latents."""
    ends = np.cumsum([stage.share for stage in plan.stages])
    starts = ends - [stage.share for stage in plan.stages]
    pressures = [stage.pressure for stage in plan.stages]
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set_yscale("log")
    axes.stairs(pressures, [0.0, *ends], baseline=None, color="black", linewidth=1.6)
    for number, (stage, start, end) in enumerate(zip(plan.stages, starts, ends, strict=True)):
        axes.axvspan(start, end, color="grey", alpha=0.06 if number % 2 else 0.14, linewidth=0)
        latents = ", ".join(f"z{latent}" for latent in stage.latents)
        axes.annotate(
            f"{stage.pressure:.4g}\n" + "\n".join(stage.factors) + f"\n{latents}", ((start + end) / 2, stage.pressure),
            xytext=(0, 5), textcoords="offset points", ha="center", va="bottom", fontsize=8,
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(min(pressures) / 1.6, max(pressures) * 1.6 * 2 ** max(len(stage.factors) for stage in plan.stages))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="share of the steps", ylabel="pressure $\\beta$ (nats)")
    axes.set_title(f"Stages planned for {plan.dataset}", loc="left")
    return figure
