"""Methods side by side: a panel per measure, a box per method, a point per run."""

from collections.abc import Sequence

import seaborn as sns
from matplotlib.figure import Figure

from analysis.comparison import Row, measures_of, methods_of, values_of

_COLUMNS = 3


def draw_comparison(rows: Sequence[Row], title: str) -> Figure:
    """Boxes from quartile to quartile with the median, whiskers to the extremes, and every run as a point.

    Args:
        rows: one per run: ``method``, its measures, and what names it.
        title: above the panels.
    """
    methods = methods_of(rows)
    measures = [each for each in measures_of(rows) if any(values_of(rows, method, each) for method in methods)]
    columns = max(min(_COLUMNS, len(measures)), 1)
    lines = max(-(-len(measures) // columns), 1)
    size = (1.6 + 3.2 * columns, 0.6 + lines * (0.9 + 0.32 * len(methods)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True)
    colors = dict(zip(methods, sns.color_palette("colorblind", len(methods)), strict=True))
    for panel, measure in zip(panels.flat, measures, strict=False):
        points = [(value, method) for method in methods for value in values_of(rows, method, measure)]
        data = {"x": [value for value, _ in points], "y": [method for _, method in points]}
        shared = {"x": data["x"], "y": data["y"], "order": methods, "hue": data["y"], "hue_order": methods, "ax": panel}
        sns.boxplot(**shared, palette=colors, whis=(0, 100), width=0.6, fill=False, linewidth=1, legend=False)
        sns.stripplot(**shared, palette=colors, size=4, jitter=False, legend=False)
        panel.set(xlabel=measure.replace("_", " "), ylabel="")
        panel.grid(axis="x", alpha=0.3)
    for panel in list(panels.flat)[len(measures) :]:
        panel.set_visible(False)
    figure.suptitle(title, fontsize=10)
    return figure
