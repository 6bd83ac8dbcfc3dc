"""Which latent tells how much of which factor, as a heat map."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

_LATENTS = 40  # rows that can be read


def draw_information_matrix(names: Sequence[str], shares: NDArray[np.floating], owners: Sequence[int | None]) -> Figure:
    """A row per latent, a column per factor: information in percent of the factor's entropy, the owner's outlined.

    Owners stand first, in the order of their factors, then the others, those that tell most first; of many latents
    only the first are drawn, which the title says.

    Args:
        names: of the factors.
        shares: information over the factor's entropy (latents, factors).
        owners: of each factor, the latent that tells most of it; None for none.
    """
    owning = list(dict.fromkeys(owner for owner in owners if owner is not None))
    by_most = np.argsort(-shares.max(axis=1), kind="stable").tolist()
    order = [*owning, *(latent for latent in by_most if latent not in owning)]
    drawn = order[: max(_LATENTS, len(owning))]
    figure = Figure(figsize=(2.6 + 0.8 * len(names), 1.4 + 0.32 * len(drawn)), layout="constrained")
    axes = figure.subplots()
    sns.heatmap(
        100 * shares[drawn], vmin=0, vmax=100, cmap="Blues", annot=True, fmt=".0f", linewidths=1, ax=axes,
        annot_kws={"fontsize": 8}, xticklabels=list(names), yticklabels=[f"z{latent}" for latent in drawn],
        cbar_kws={"label": "information (% of the factor's entropy)"},
    )  # fmt: skip
    for column, owner in enumerate(owners):
        if owner is not None:
            axes.add_patch(Rectangle((column, drawn.index(owner)), 1, 1, fill=False, edgecolor="black", linewidth=2))
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)
    left_out = f"; the {len(drawn)} of {len(order):,} latents that tell most" if len(drawn) < len(order) else ""
    axes.set_title(f"outlined: the latent that tells most of a factor{left_out}", loc="left", fontsize=9)
    return figure
