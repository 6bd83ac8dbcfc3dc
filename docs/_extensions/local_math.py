"""Formulas as MathML, which browsers draw themselves: nothing is loaded from elsewhere."""

import re
from html import escape

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

_FUNCTION = re.compile(r"(\\(?:ln|log)) *(?=[A-Za-z0-9\\])(?!\\left)")  # is set without a space after it
_LOG = logging.getLogger(__name__)


def _mathml(latex: str, display: str, node: nodes.Element) -> str:
    latex = re.sub("'+", lambda marks: r"{" + r"\prime" * len(marks[0]) + "}", latex)  # the sign itself stands raised
    latex = _FUNCTION.sub(r"\1\\,", latex)
    try:
        return convert(latex, display=display)
    except Exception as error:  # of whatever kind: the formula is named, and warnings are errors of the build
        _LOG.warning("formula that cannot be drawn: %s (%s)", latex, error, location=node)
        return f"<code>{escape(latex)}</code>"


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(_mathml(node.astext(), "inline", node))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    latex = node.astext().strip()
    if r"\\" in latex or "&" in latex:
        latex = rf"\begin{{split}}{latex}\end{{split}}"
    self.body.append(self.starttag(node, "div", CLASS="math-block"))
    self.body.append(f"{_mathml(latex, 'block', node)}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make this the renderer of formulas in HTML: a page asks for the one that was added, where it is the only one."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
