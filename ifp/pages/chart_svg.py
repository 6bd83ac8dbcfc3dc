"""A chart as an element of the page: its curves, events and stages drawn, with their values in titles."""

import html
from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from ifp.pages.chart import Chart, Mark, Shape

# lengths in units of the drawing, which is as wide as the page lets it be
_WIDTH, _NUMBERS, _NAMES, _TOP, _HEIGHT = 640, 54, 100, 26, 230  # at the sides: numbers of nats, names of curves
_ROW, _BELOW, _LINE = 18, 46, 15  # a row of points, what is below the axis, least distance between two names of curves
_LONGEST = 8  # characters of a curve's name beside it
_TICKS = 6
# around the point, in the sizes of a mark; they differ without colour
_SHAPES: Mapping[Shape, str] = {
    "froze": "M-5,0A5,5 0 1 0 5,0A5,5 0 1 0 -5,0Z",
    "spread": "M5,-6L-6,0L5,6Z",
    "gather": "M-5,-6L6,0L-5,6Z",
    "move": "M0,-7L6,0L0,7L-6,0Z",
}


def chart_svg(chart: Chart) -> str:
    """The drawing, in the colours of the page; every curve and mark says in its title what it is."""
    axes = _Axes(chart)
    parts = [*axes.frame(), *_stages(chart, axes), *_curves(chart, axes), *_names(chart, axes), *_marks(chart, axes)]
    label = html.escape(f"{chart.title}. {chart.caption}")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {axes.height}" role="group" aria-label="{label}">' + "\n".join(parts) + "\n</svg>"
    )


def chart_data(chart: Chart) -> dict[str, object]:
    """What the script is told: where records and curves stand in the drawing, and each record in words."""
    axes = _Axes(chart)
    return {
        "control": chart.control,
        "head": [chart.subject, "state", "KL (nats)", chart.holds],
        "start": 0 if chart.logarithmic else len(chart.at) - 1,  # at low pressure, or at the end: most are awake
        "x": [round(axes.x(at), 1) for at in chart.at],
        "ends": [_TOP, _TOP + _HEIGHT],
        "told": [chart.sentence(record) for record in range(len(chart.at))],
        "curves": [
            {
                "name": curve.name,
                "colour": curve.colour,
                "y": [None if np.isnan(nats) else round(axes.y(nats), 1) for nats in curve.nats],
                "nats": ["-" if np.isnan(nats) else f"{nats:.3f}" for nats in curve.nats],
                "state": [chart.state(curve, record) for record in range(len(chart.at))],
                "told": list(curve.told),
            }
            for curve in chart.curves
        ],
    }


class _Axes:
    """Where a place on the axis and so many nats stand in the drawing."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        known = [nats for curve in chart.curves for nats in curve.nats if not np.isnan(nats)]
        self.ticks = [float(tick) for tick in MaxNLocator(4).tick_values(0.0, max([*known, 2 * chart.threshold]))]
        self.top = self.ticks[-1]
        rows = {mark.curve for mark in chart.marks if mark.nats is None}
        self.rows = {curve: number for number, curve in enumerate(sorted(rows))}
        self.floor = _TOP + _HEIGHT + _ROW * len(self.rows)
        self.height = self.floor + _BELOW
        # names stand where curves lie apart: at the end of training, at low pressure
        self.left, right = (_NAMES, _NUMBERS) if chart.logarithmic else (_NUMBERS, _NAMES)
        self.right = _WIDTH - right

    def x(self, at: float) -> float:
        first, last = self.chart.at[0], self.chart.at[-1]
        if first == last:  # one record
            return self.left
        share = np.log(at / first) / np.log(last / first) if self.chart.logarithmic else (at - first) / (last - first)
        return self.left + float(np.clip(share, 0.0, 1.0)) * (self.right - self.left)

    def y(self, nats: float) -> float:
        return _TOP + _HEIGHT * (1 - max(nats, 0.0) / self.top)

    def row(self, curve: int) -> float:
        """The height of a curve's row of points, below the axis."""
        return _TOP + _HEIGHT + _ROW * (self.rows[curve] + 0.6)

    def frame(self) -> Iterator[str]:
        """Ticks with their numbers, the axis, and the threshold."""
        left, right, middle = self.left, self.right, (self.left + self.right) / 2
        side, anchor = (right + 7, "start") if self.chart.logarithmic else (left - 7, "end")
        for tick in self.ticks:
            y = self.y(tick)
            yield f'<path class="grid" d="M{left},{y:.1f}H{right}"/>'
            yield f'<text x="{side}" y="{y + 4:.1f}" text-anchor="{anchor}">{tick:g}</text>'
        for tick in self._places():
            yield f'<path class="grid" d="M{self.x(tick):.1f},{self.floor}v5"/>'
            yield f'<text x="{self.x(tick):.1f}" y="{self.floor + 20}" text-anchor="middle">{tick:g}</text>'
        yield f'<path class="axis" d="M{left},{self.floor}H{right}"/>'
        yield f'<path class="threshold" d="M{left},{self.y(self.chart.threshold):.1f}H{right}"/>'
        yield f'<text x="{middle}" y="{self.height - 4}" text-anchor="middle">{_plain(self.chart.axis)}</text>'

    def _places(self) -> list[float]:
        """At most six ticks of the axis."""
        first, last = self.chart.at[0], self.chart.at[-1]
        if not self.chart.logarithmic:
            ticks = MaxNLocator(_TICKS - 1, steps=[1, 2, 5, 10]).tick_values(first, last)
        else:
            ticks = LogLocator(subs=(1.0, 2.0, 5.0)).tick_values(first, last)
        inside = [float(tick) for tick in ticks if first <= tick <= last]
        return inside[:: -(-len(inside) // _TICKS)] if inside else []


def _stages(chart: Chart, axes: _Axes) -> Iterator[str]:
    """A line where each stage begins, or at its pressure, with its name above while there is room."""
    taken = -np.inf
    for stage in sorted(chart.stages, key=lambda stage: stage.at):
        x = axes.x(stage.at)
        yield f'<g class="stage"><title>{_plain(stage.text)}</title><path d="M{x:.1f},{_TOP - 6}V{axes.floor}"/></g>'
        if x - taken > 12 * len(stage.label):
            yield f'<text x="{x + 3:.1f}" y="14">{_plain(stage.label)}</text>'
            taken = x


def _curves(chart: Chart, axes: _Axes) -> Iterator[str]:
    end = 0 if chart.logarithmic else len(chart.at) - 1
    for curve in chart.curves:
        path, pen = "", "M"
        for at, nats in zip(chart.at, curve.nats, strict=True):
            if np.isnan(nats):
                pen = "M"
                continue
            path, pen = f"{path}{pen}{axes.x(at):.1f},{axes.y(nats):.1f}", "L"
        told = f"{curve.name}, {chart.sentence(end)}: {curve.nats[end]:.3f} nats {curve.told[end]}"
        dash = f' stroke-dasharray="{curve.dash}"' if curve.dash else ""
        yield (
            f'<g class="curve"><title>{_plain(told.rstrip())}</title>'
            f'<path d="{path}" stroke="{curve.colour}"{dash}/></g>'
        )


def _names(chart: Chart, axes: _Axes) -> Iterator[str]:
    """Names at the side where curves are highest, the highest first, none on another."""
    end, x, anchor = (0, axes.left - 6, "end") if chart.logarithmic else (-1, axes.right + 6, "start")
    ends = [(axes.y(curve.nats[end]), curve) for curve in chart.curves if curve.nats[end] >= chart.threshold]
    low = -np.inf
    for y, curve in sorted(ends, key=lambda pair: pair[0]):
        low = max(y, low + _LINE)
        if low > _TOP + _HEIGHT + 4:
            return
        name = curve.name if len(curve.name) <= _LONGEST else f"{curve.name[: _LONGEST - 1]}…"
        yield (
            f'<text class="name" x="{x}" y="{low + 4:.1f}" text-anchor="{anchor}" fill="{curve.colour}">'
            f"{_plain(name)}</text>"
        )


def _marks(chart: Chart, axes: _Axes) -> Iterator[str]:
    for mark in chart.marks:
        y = axes.row(mark.curve) if mark.nats is None else axes.y(mark.nats)
        colour, text = chart.curves[mark.curve].colour, _plain(mark.text)
        yield (
            f'<g class="mark" role="img" aria-label="{text}"><title>{text}</title>{_span(mark, axes, y)}'
            f'<path transform="translate({axes.x(mark.at):.1f} {y:.1f})" d="{_SHAPES[mark.shape]}" '
            f'fill="{colour}"/></g>'
        )


def _span(mark: Mark, axes: _Axes, y: float) -> str:
    if mark.span is None:
        return ""
    low, high = (axes.x(end) for end in mark.span)
    return f'<path class="span" d="M{low:.1f},{y:.1f}H{high:.1f}"/>'


def _plain(text: str) -> str:
    return html.escape(text, quote=True)
