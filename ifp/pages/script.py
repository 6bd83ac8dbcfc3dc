"""The page's one script and style, the policy under which nothing else runs or loads, and data for the script."""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}  # the HTML parser sees none of its own signs


@cache
def page_style() -> str:
    """The style sheet, ``page.css`` beside this module."""
    return files("ifp.pages").joinpath("page.css").read_text(encoding="utf-8")


@cache
def page_script() -> str:
    """The script, ``page.js`` beside this module: adds sliders to charts and traversals that are whole without."""
    return files("ifp.pages").joinpath("page.js").read_text(encoding="utf-8")


def policy() -> str:
    """The Content-Security-Policy of a page: this script and this style by their hashes, pictures within the page.

    Nothing is fetched, no other script runs, whether it stands in an element, in an attribute or in a link, and no form
    is sent.
    """
    allowed = {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": _digest(page_style()),
        "script-src": _digest(page_script()),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {source}" for name, source in allowed.items())


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def data_block(value: object) -> str:
    r"""An element with data for the script, as JSON that the HTML parser cannot take for markup.

    What is not ASCII is escaped, line separators and marks of writing direction among it, and so are the signs of
    markup. The script reads it with ``JSON.parse`` and shows it as text alone.

    >>> data_block(["</script>", "\u2028"])
    '<script type="application/json">["\\u003c/script\\u003e","\\u2028"]</script>'

    Raises:
        ValueError: a number is NaN or infinite, which JSON has no word for.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign, escape in _ESCAPED.items():
        text = text.replace(sign, escape)
    return f'<script type="application/json">{text}</script>'
