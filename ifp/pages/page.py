"""The page: sections of text, tables and pictures as one HTML file that needs nothing but itself."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ifp.tables.table import Table, cell

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --quiet: #5a5a66; --line: #d8d8de; --wash: #f4f4f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ee; --paper: #16161a; --quiet: #a6a6b3; --line: #3a3a44; --wash: #202027; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
nav { font-size: .9rem; } nav a { margin-right: .9rem; white-space: nowrap; display: inline-block; }
a { color: inherit; }
p, li { max-width: 46rem; } .warning { border-left: .25rem solid #d55e00; padding-left: .7rem; }
.wide { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
.title { color: var(--quiet); font-size: .87rem; margin: 1.2rem 0 .3rem; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { background: var(--wash); } th.text, td.text { text-align: left; }
figure { margin: 1rem 0; } figcaption { color: var(--quiet); font-size: .87rem; }
img { max-width: 100%; height: auto; background: #fff; border-radius: .3rem; }
pre { background: var(--wash); padding: .7rem; overflow-x: auto; font-size: .85rem; border-radius: .3rem; }
@media print { nav { display: none; } figure, table, pre { break-inside: avoid; } body { max-width: none; } }
"""


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
    """A figure, or the bytes of a PNG, with what it shows in words and a caption."""

    figure: Figure | bytes
    alternative: str
    caption: str


Part = Text | Listed | Code | Picture | Table


@dataclass(frozen=True)
class Section:
    """What stands under one heading."""

    title: str
    parts: tuple[Part, ...]


def page(title: str, lead: str, sections: Sequence[Section]) -> bytes:
    """The HTML file: no script, nothing loaded from elsewhere, light or dark as the reader has it, printable."""
    links = " ".join(f'<a href="#part-{number}">{_plain(each.title)}</a>' for number, each in enumerate(sections))
    bodies = "\n".join(_section(number, each) for number, each in enumerate(sections))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{_plain(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{_plain(title)}</h1><p>{_plain(lead)}</p><nav aria-label="Sections">{links}</nav></header>
<main>
{bodies}
</main>
</body>
</html>
""".encode()


def _section(number: int, section: Section) -> str:
    parts = "\n".join(_part(part) for part in section.parts)
    return f'<section id="part-{number}"><h2>{_plain(section.title)}</h2>\n{parts}\n</section>'


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
        return f"<figure>{image}<figcaption>{_plain(part.caption)}</figcaption></figure>"
    return _table(part)


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
