"""A table with a title, and how its cells are written."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of one set of columns; what the columns mean is said in the title."""

    title: str
    rows: tuple[Mapping[str, object], ...]


def cell(value: object) -> str:
    """Four digits of a number; - where there is none.

    >>> cell(3.14159), cell(None), cell(float("nan")), cell(7), cell("z0")
    ('3.142', '-', '-', '7', 'z0')
    """
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
