"""Who reads stderr: a person at a terminal, who sees bars and colours, or a file, which holds plain lines."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_PIPED = 100  # columns of a table in a pipe, so that it looks the same from everywhere


def is_terminal() -> bool:
    """Whether stderr is a terminal that moves its cursor; FORCE_COLOR, which rich heeds, makes none of a pipe."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def console() -> "Console":
    """stderr for tables: colours and bold type on a terminal alone, and none where NO_COLOR is set.

    Names are data: ``[x]`` and ``:x:`` in them are only text.
    """
    from rich.console import Console

    there = is_terminal()
    plain = not there or bool(os.environ.get("NO_COLOR"))
    found = Console(
        stderr=True,
        markup=False,
        emoji=False,
        force_terminal=there,
        highlight=not plain,
        color_system=None if plain else "auto",
    )
    if not there:
        found.width = max(found.width, _PIPED)
    return found
