"""Columns of an annealing test's tables: what their cells are, and how each is read."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from analysis.names import is_name
from annealing.choices import Order, PointSource, Status

WIDEST = 1e90  # pressures of 1e-90..1e90: beyond that their ratios are no numbers
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Column:
    """What the cells of a column are: in words, and as a function that gives None for a text that is not so."""

    wanted: str
    read: Callable[[str], object]
    always: bool = True  # else the column may be missing


def _name(text: str) -> str | None:
    return text if is_name(text) else None


def _text(text: str) -> str | None:
    return text if not text or is_name(text) else None


def _source(text: str) -> str | None:
    return text if text in ("", *get_args(PointSource)) else None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _number(text: str) -> float | None:
    if text in ("", "inf", "-inf"):  # a ratio may have overflown
        return float(text or "nan")
    return float(text) if _NUMBER.fullmatch(text) else None


def _pressure(text: str) -> float | None:
    value = _number(text)
    return value if value is not None and (math.isnan(value) or 1 / WIDEST <= value <= WIDEST) else None


def _nats(text: str) -> float | None:
    value = _number(text)
    return value if value is not None and 0 <= value < WIDEST else None


def _known_pressure(text: str) -> float | None:
    return _pressure(text) if text else None


def _pressure_or_zero(text: str) -> float | None:
    return 0.0 if _number(text) == 0 else _pressure(text)


def _one_of(*known: str) -> Column:
    return Column(f"one of {', '.join(known)}", lambda text: text if text in known else None)


_OPTIONAL_TEXT = Column("a text in one line", _text, always=False)
_OPTIONAL_WHOLE = Column("a whole number from 0 on, or nothing,", lambda text: _whole(text or "0"), always=False)
_OPTIONAL_NUMBER = Column("a number", _number, always=False)
_POINT = Column("a pressure above 0, or nothing,", _pressure)
_OPTIONAL_POINT = Column("a pressure above 0, or nothing,", _pressure, always=False)
_WHOLE = Column("a whole number from 0 on", _whole)
_CASE = {"dataset": Column("a name", _name), "factor": Column("a name", _name), "context": _WHOLE}
FREEZING = {
    **_CASE,
    "latent": _WHOLE,
    "threshold_nats": Column("nats above 0", _known_pressure),
    **dict.fromkeys(("freezing_beta", "melting_beta", "ifp_beta", "ifp_low", "ifp_high"), _POINT),
    "ifp_source": Column(f"one of {', '.join(get_args(PointSource))}, or nothing,", _source, always=False),
    **dict.fromkeys(("knee_beta", "knee_low", "knee_high"), _OPTIONAL_POINT),
    "slope": _OPTIONAL_NUMBER,
    "spectral_beta": Column("a pressure above 0", _known_pressure),
    "beta_rd": _POINT,
    "transition": _one_of(*get_args(Order)),
    "attributed_factor": _OPTIONAL_TEXT,
    "attributed_share": _OPTIONAL_NUMBER,
    "protocol": _OPTIONAL_TEXT,
    "seed": _WHOLE,
    "status": _one_of(*get_args(Status)),
    **dict.fromkeys(("repeats_ok", "repeats_below", "repeats_above"), _OPTIONAL_WHOLE),
    "ifp_over_spectral": _OPTIONAL_NUMBER,
    "gap": _OPTIONAL_TEXT,
    "stopped_by": _OPTIONAL_TEXT,
    "steps": _OPTIONAL_NUMBER,
    "balance": _OPTIONAL_NUMBER,
    **dict.fromkeys(("equilibrium_onset", "equilibrium_freezing", "equilibrium_melting"), _OPTIONAL_POINT),
}
OF_0_1 = {"knee_source": _OPTIONAL_TEXT}  # a column of ifp 0.1: see :mod:`ifp.annealing_test.freezing_csv`
FREEZING_COLUMNS = tuple(FREEZING)  # in the order in which they are written
MIXING = {
    **dict.fromkeys(("factor", "other"), Column("a name", _name)),
    "nats": Column("nats from 0 on", _nats),
}
SPECTRAL = {
    **_CASE,
    "index": Column("a whole number from 0 on", _whole, always=False),
    "spectral_beta": Column("a pressure from 0 on, or nothing,", _pressure_or_zero),
    "beta_rd": Column("a pressure from 0 on, or nothing,", _pressure_or_zero, always=False),
    "second_ratio": _OPTIONAL_NUMBER,
    "transition": Column("a text in one line", _text, always=False),
    "slope": Column("a number, or nothing,", lambda text: None if "inf" in text else _number(text), always=False),
    "slope_rough": Column("True or False", {"True": True, "False": False}.get, always=False),
    "values": _OPTIONAL_WHOLE,
}
