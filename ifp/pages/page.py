"""The page: sections of text, tables and pictures as one HTML file that needs nothing but itself."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ifp.pages.chart import Chart
from ifp.pages.chart_svg import chart_data, chart_svg
from ifp.pages.panels import Panels
from ifp.pages.script import data_block, page_script, page_style, policy
from ifp.tables.table import Table, cell


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Listed:
    """A list of sentences."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Lines to copy."""

    text: str


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, or the bytes of a PNG, with what it shows in words and a caption; of a traversal also its panels."""

    figure: Figure | bytes
    alternative: str
    caption: str
    panels: Panels | None = None


@dataclass(frozen=True)
class Folded:
    """A long table under a line that opens it; printed open."""

    line: str
    table: Table


@dataclass(frozen=True)
class Section:
    """What stands under one heading; of a page of several runs, the sections of one."""

    title: str
    parts: "tuple[Part | Section, ...]"


Part = Text | Listed | Code | Picture | Chart | Table | Folded


def page(title: str, lead: str, sections: Sequence[Section]) -> bytes:
    """The HTML file: nothing loaded from elsewhere, whole without its script, light or dark as the reader has it,
    printable."""
    links = " ".join(f'<a href="#part-{number}">{_plain(each.title)}</a>' for number, each in enumerate(sections))
    bodies = "\n".join(_section(number, each) for number, each in enumerate(sections))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{_plain(title)}</title>
<style>{page_style()}</style>
</head>
<body>
<header><h1>{_plain(title)}</h1><p>{_plain(lead)}</p><nav aria-label="Sections">{links}</nav></header>
<main>
{bodies}
</main>
<script>{page_script()}</script>
</body>
</html>
""".encode()


def _section(number: int, section: Section) -> str:
    return f'<section id="part-{number}"><h2>{_plain(section.title)}</h2>\n{_parts(section, 3)}\n</section>'


def _parts(section: Section, level: int) -> str:
    """What stands in a section, sections within it under headings of that level."""
    return "\n".join(
        f"<section><h{level}>{_plain(part.title)}</h{level}>\n{_parts(part, level + 1)}\n</section>"
        if isinstance(part, Section)
        else _part(part)
        for part in section.parts
    )


def _part(part: Part) -> str:
    if isinstance(part, Text):
        kind = ' class="warning"' if part.warning else ""
        return f"<p{kind}>{_plain(part.text)}</p>"
    if isinstance(part, Listed):
        return "<ul>" + "".join(f"<li>{_plain(line)}</li>" for line in part.lines) + "</ul>"
    if isinstance(part, Code):
        return f"<pre>{_plain(part.text)}</pre>"
    if isinstance(part, Picture):
        data = base64.b64encode(part.figure if isinstance(part.figure, bytes) else _png(part.figure)).decode()
        image = f'<img src="data:image/png;base64,{data}" alt="{_plain(part.alternative)}">'
        panels = "" if part.panels is None else data_block(part.panels.data())
        return f"<figure>{image}<figcaption>{_plain(part.caption)}</figcaption>{panels}</figure>"
    if isinstance(part, Folded):
        return f"<details><summary>{_plain(part.line)}</summary>{_table(part.table)}</details>"
    return _chart(part) if isinstance(part, Chart) else _table(part)


def _chart(chart: Chart) -> str:
    """The drawing, data for the script that puts it under a slider, and all records as a table."""
    figure = (
        f'<p class="title">{_plain(chart.title)}</p>{chart_svg(chart)}<figcaption>{_plain(chart.caption)}</figcaption>'
        f"{data_block(chart_data(chart))}"
    )
    return f"<figure>{figure}</figure>\n" + _part(Folded("All records as a table", chart.table()))


def _table(table: Table) -> str:
    if not table.rows:
        return f"<p>{_plain(table.title)}: none</p>"
    kinds = {name: ' class="text"' if isinstance(value, str) else "" for name, value in table.rows[0].items()}
    head = "".join(f'<th scope="col"{kinds[name]}>{_plain(name)}</th>' for name in table.rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td{kinds[name]}>{_plain(cell(value))}</td>" for name, value in row.items()) + "</tr>"
        for row in table.rows
    )
    title = _plain(table.title)  # above, not a caption: a narrow screen would scroll it away with the columns
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return (
        f'<p class="title">{title}</p><div class="wide" tabindex="0"><table aria-label="{title}">{inside}</table></div>'
    )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _plain(text: str) -> str:
    return html.escape(text, quote=True)
