"""KL of each latent against pressure, from records of any model."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from analysis.figures.distributions import plain_pressure_axis
from analysis.figures.palette import factor_colours
from annealing.freezing import branches

_LATENTS = 40  # curves that an eye can tell apart, generously
_BRANCHES = 200  # turns of the pressure that lie over one another
_POINTS = 20_000  # of a curve: several for each dot of the figure's width


def draw_records(
    beta: NDArray[np.floating], kl: NDArray[np.floating], brackets: NDArray[np.floating], threshold: float
) -> Figure:
    """A curve per latent, solid where the pressure rises and dashed where it falls, with its point and its bracket.

    Of many latents those are drawn that held most, of many turns of the pressure the last, and of many records some,
    evenly: the title says so.

    Args:
        beta: pressure of each record (records,), nats.
        kl: nats (records, latents).
        brackets: freezing point, low and high end of each latent (latents, 3), nats; NaN where there is none.
        threshold: nats of KL from which a latent is active.
    """
    most = np.nan_to_num(kl, nan=0.0).max(axis=0)
    drawn = np.sort(np.argsort(-most, kind="stable")[:_LATENTS])
    names = [f"z{latent}" for latent in drawn]
    colours = factor_colours(names)
    found = branches(beta)
    last = found[-_BRANCHES:]
    ways = {way: _joined([on for each, on in last if each == way]) for way in dict.fromkeys(way for way, _ in last)}
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=threshold)
    for name, nats, (point, low, high) in zip(names, kl.T[drawn], brackets[drawn], strict=True):
        for way, on in ways.items():
            there = on >= 0
            shown_beta, shown_nats = np.where(there, beta[on], np.nan), np.where(there, nats[on], np.nan)
            axes.plot(shown_beta, shown_nats, "-" if way == "heat" else "--", color=colours[name], linewidth=1.2)
        if np.isfinite(point):
            axes.hlines(threshold, low, high, color=colours[name], linewidth=4, alpha=0.4)
            axes.plot([point], [threshold], "o", color=colours[name], markeredgecolor="black", zorder=4)
    axes.axhline(threshold, color="grey", linewidth=0.6, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set(xlabel=r"pressure $\beta$ (nats, as given)", ylabel="KL (nats)")
    handles = [Line2D([], [], color=colours[name], label=name) for name in names]
    handles += [
        Line2D([], [], color="grey", label="beta rises"),
        Line2D([], [], color="grey", linestyle="--", label="beta falls"),
    ]
    axes.legend(handles=handles, frameon=False, fontsize=8, ncols=1 + len(handles) // 12)
    plain_pressure_axis(axes.xaxis)
    left_out = _left_out(len(drawn), kl.shape[1], len(found), sum(len(on) for _, on in found))
    if left_out:
        axes.set_title(f"drawn: {left_out}", fontsize=9)
    return figure


def _joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Records of several branches, -1 between two of them: one line with gaps, of a bounded number of points."""
    step = max(sum(map(len, parts)) // _POINTS, 1)
    thinned = [np.unique(np.append(on[::step], on[-1])) for on in parts]  # both ends of each stay
    return np.concatenate([np.append(on, -1) for on in thinned])


def _left_out(drawn: int, latents: int, turns: int, records: int) -> str:
    """In words, what of all there is the figure shows; nothing where it shows all."""
    parts = [
        f"the {drawn} of {latents:,} latents that held most" if drawn < latents else "",
        f"the last {_BRANCHES} of {turns:,} sweeps" if turns > _BRANCHES else "",
        "of the records some, evenly" if turns <= _BRANCHES and records > 2 * _POINTS else "",
    ]
    return "; ".join(part for part in parts if part)
