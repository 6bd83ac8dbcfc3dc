"""Information about each factor along training, stacked by latent, and the diffusion index below."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.diffusion import Diffusion, diffusion_curve
from analysis.diffusion_events import EventKind
from analysis.figures.palette import factor_colours
from analysis.information_trace import InformationTrace
from annealing.thresholds import INFORMED

_OTHERS = ("#595959", "#a6a6a6", "#7f7f7f", "#d0d0d0")  # neighbours in a stack differ in grey
_MARKS: dict[EventKind, str] = {"spread": "<", "gather": ">", "move": "D"}
_NAMED = 0.08  # share of the panel's height from which a latent's band has its name


def draw_information(runs: Sequence[tuple[str, InformationTrace, Diffusion]]) -> Figure:
    """A row per factor and a column per run: the owner in the factor's colour, all other latents in greys.

    Below, the diffusion index D of every record. Marks at the top of a panel are events, dotted lines ends of stages,
    with the pressures between them above the panels.

    Args:
        runs: a label, the trace and what was concluded from it; all of the same factors.
    """
    names = runs[0][1].names
    colours = factor_colours(names)
    figure = Figure(figsize=(1.2 + 4.2 * len(runs), 2.6 + 1.5 * len(names)), layout="constrained")
    panels = figure.subplots(len(names) + 1, len(runs), squeeze=False, sharex="col", sharey="row")
    for column, (label, trace, found) in enumerate(runs):
        for row, name in enumerate(names):
            axes = panels[row, column]
            _stack(axes, trace, row, found.factors[row].owner, colours[name])
            _mark(axes, found, name)
            if column == 0:
                axes.set_ylabel(f"{name}\n(nats)")
        panels[-1, column].plot(trace.step, diffusion_curve(trace), color="black", linewidth=1)
        for axes in panels[:, column]:
            for end in trace.ends[:-1]:
                axes.axvline(end, color="black", linewidth=0.8, linestyle=":")
        index = "nothing held" if found.index is None else f"diffusion index {found.index:.2f}"
        panels[0, column].set_title(f"{label}\n{index}\n{_pressures(trace)}", fontsize=9)
        panels[-1, column].set_xlabel("step")
    panels[-1, 0].set(ylim=(0, 1), ylabel="index D")
    for row in range(len(names)):  # one scale for all runs, and none so fine that chance would fill the panel
        most = max(float(trace.above[:, :, row].sum(axis=1).max()) for _, trace, _ in runs)
        panels[row, 0].set_ylim(0, max(1.05 * most, INFORMED))
    handles = [
        Patch(color=colours[names[0]], label="owner, in the factor's colour"),
        Patch(color=_OTHERS[0], label="other latents"),
        *(Line2D([], [], linestyle="", color="black", marker=mark, label=kind) for kind, mark in _MARKS.items()),
        Line2D([], [], color="black", linewidth=0.8, linestyle=":", label="end of a stage"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _mark(axes: Axes, found: Diffusion, name: str) -> None:
    """The events of a factor, at the top of its panel."""
    for kind, mark in _MARKS.items():
        steps = [event.step for event in found.events if (event.factor, event.kind) == (name, kind)]
        if steps:
            axes.scatter(
                steps, [0.94] * len(steps), marker=mark, color="black", s=16, transform=axes.get_xaxis_transform()
            )


def _stack(axes: Axes, trace: InformationTrace, factor: int, owner: int | None, colour: tuple[float, ...]) -> None:
    held = trace.above[:, :, factor]
    others = [latent for latent in range(held.shape[1]) if latent != owner and held[:, latent].any()]
    order = others if owner is None else [owner, *others]
    if not order:
        return
    shades = [colour if latent == owner else _OTHERS[number % len(_OTHERS)] for number, latent in enumerate(order)]
    axes.stackplot(trace.step, held[:, order].T, colors=shades, linewidth=0)
    axes.set(xlim=(trace.step[0], trace.step[-1]))
    base = 0.0
    for latent in order:
        height = float(held[-1, latent])
        if height > _NAMED * max(held.sum(axis=1).max(), 1e-9):
            axes.annotate(
                f"z{latent}", (float(trace.step[-1]), base + height / 2), xytext=(3, 0), textcoords="offset points",
                ha="left", va="center", fontsize=7,
            )  # fmt: skip
        base += height


def _pressures(trace: InformationTrace) -> str:
    """The pressures of the stages, or the first and the last."""
    if len(trace.ends) > 1:
        at = [int(np.searchsorted(trace.step, end)) for end in trace.ends]
        return "beta " + ", ".join(f"{trace.pressure[min(record, len(trace.step) - 1)]:.4g}" for record in at)
    return f"beta {trace.pressure[0]:.4g} to {trace.pressure[-1]:.4g}"
