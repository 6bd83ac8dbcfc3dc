"""KL of each latent along a training, and the pressure that it was under."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures.palette import factor_colours
from annealing.thresholds import ACTIVE

_LATENTS = 40  # curves that an eye can tell apart, generously
_POINTS = 20_000  # of a curve: several for each dot of the figure's width


def draw_kl_steps(step: NDArray[np.integer], pressure: NDArray[np.floating], kl: NDArray[np.floating]) -> Figure:
    """A curve per latent against the step, of many latents those that held most; below, the pressure.

    Args:
        step: of each record (records,).
        pressure: nats (records,).
        kl: nats (records, latents).
    """
    drawn = np.sort(np.argsort(-kl.max(axis=0), kind="stable")[:_LATENTS])
    names = [f"z{latent}" for latent in drawn]
    colours = factor_colours(names)
    shown = slice(None, None, max(len(step) // _POINTS, 1))
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for name, nats in zip(names, kl.T[drawn], strict=True):
        upper.plot(step[shown], nats[shown], color=colours[name], linewidth=1.2, label=name)
    upper.axhline(ACTIVE, color="grey", linewidth=0.6, linestyle=":")
    upper.set_yscale("symlog", linthresh=ACTIVE)
    upper.set_ylim(bottom=0)
    upper.set_ylabel("KL (nats)")
    upper.legend(frameon=False, fontsize=8, ncols=1 + len(names) // 12)
    lower.plot(step[shown], pressure[shown], color="black", linewidth=1)
    lower.set_ylim(bottom=0)
    lower.set(xlabel="step", ylabel=r"$\beta$ (nats)")
    if len(drawn) < kl.shape[1]:
        upper.set_title(f"drawn: the {len(drawn)} of {kl.shape[1]:,} latents that held most", fontsize=9)
    return figure
