"""One colour per factor, the same in every figure of a run."""

from collections.abc import Sequence

import seaborn as sns


def factor_colours(factors: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """A colour for each factor, in the order of the data set."""
    names = list(dict.fromkeys(factors))
    return dict(zip(names, sns.color_palette("colorblind" if len(names) <= 10 else "husl", len(names)), strict=True))
