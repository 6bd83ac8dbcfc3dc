"""Tables of an annealing test, read strictly, every cell by its column: freezing.csv, spectral.csv, mixing.csv."""

import csv
import hashlib
import io
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.conclusions import main_rows
from analysis.mixing import PairMixing
from analysis.names import is_name
from analysis.plain_json import shown
from annealing.choices import Order, PointSource, Status
from annealing.errors import RunError
from ifp.files.npz import load_arrays
from ifp.files.plain import read_file
from ifp.run_directory.run import RunDirectory

_LARGEST = 64 * 2**20  # bytes
_MOST_ROWS = 200_000
_MOST_FACTORS = 256
_WIDEST = 1e90  # pressures of 1e-90..1e90: beyond that their ratios are no numbers
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)
# what is read of curves.npz
CURVES = {
    "factor": "names: cases", "context": "whole numbers: cases", "direction": "names: cases records",
    "loop": "whole numbers: cases records", "beta": "floats: cases records", "kl": "floats: cases records latents",
}  # fmt: skip


@dataclass(frozen=True)
class _Column:
    """What the cells of a column are: in words, and as a function that gives None for a text that is not so."""

    wanted: str
    read: Callable[[str], object]
    always: bool = True  # else the column may be missing


@dataclass(frozen=True, eq=False)
class AnnealingTables:
    """Rows of freezing.csv and of spectral.csv, whose factors are the same or more, and the first file's SHA-256."""

    freezing: pd.DataFrame
    spectral: pd.DataFrame
    digest: str


def read_tables(run: RunDirectory) -> AnnealingTables:
    """The tables of a finished annealing test.

    Raises:
        RunError: a file is missing, too large, no UTF-8 or no table; the message names column and line of a cell that
            is not as it must be, a case that stands there twice, or a factor that only one of the tables has.
    """
    path, key = run.path / "freezing.csv", ("factor", "context", "latent", "threshold_nats")
    freezing, digest = _read(path, _FREEZING | _OF_0_1, key)
    freezing = _of_networks(freezing)
    spectral, _ = _read(run.path / "spectral.csv", _SPECTRAL, ("factor", "context"))
    if main_rows(freezing).empty:
        raise RunError(f"need rows of latent 0 at the first threshold in {run.path / 'freezing.csv'}, got none")
    known = set(spectral["factor"])
    for name in dict.fromkeys(freezing["factor"]):
        if name not in known:
            raise RunError(f"need rows of every factor in {run.path / 'spectral.csv'}, {name} has none")
    return AnnealingTables(freezing, spectral, digest)


def read_mixing(run: RunDirectory) -> tuple[PairMixing, ...]:
    """Predicted mixing of a finished annealing test; nothing where it has one factor, or is of ifp 0.1.

    Raises:
        RunError: the file is too large or no such table.
    """
    path = run.path / "mixing.csv"
    if not path.is_file():
        return ()
    table, _ = _read(path, _MIXING, ("factor", "other"))
    return tuple(PairMixing(row.factor, row.other, float(row.nats)) for row in table.itertuples())


def read_curves(run: RunDirectory, freezing: pd.DataFrame) -> dict[str, NDArray]:
    """Arrays of the test's curves.npz, whose cases are those of its freezing.csv.

    Raises:
        RunError: the file is damaged, an array is not as it must be, or a case is none of the table's.
    """
    path = run.path / "curves.npz"
    curves = load_arrays(path, CURVES)
    main = main_rows(freezing)
    cases = set(zip(main["factor"], main["context"], strict=True))
    for number, case in enumerate(zip(curves["factor"].tolist(), curves["context"].tolist(), strict=True)):
        if case not in cases:
            raise RunError(f"need cases of freezing.csv in {path}, it has {case[0]} in context {case[1]}")
        swept = curves["beta"][number][np.isin(curves["direction"][number], ("heat", "cool"))]
        if not len(swept) or not ((swept >= 1 / _WIDEST) & (swept <= _WIDEST)).all():
            raise RunError(f"need pressures above 0 in {path}, case {number} has others or none")
    return curves


def _read(path: Path, columns: Mapping[str, _Column], key: tuple[str, ...]) -> tuple[pd.DataFrame, str]:
    """The table in a file, and the SHA-256 of the file."""
    data = read_file(path, "a table", _LARGEST)
    try:
        text = data.decode()
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        names = next(reader, [])
        _require_columns(names, columns, path)
        values: list[list[object]] = [[] for _ in names]
        seen: set[tuple[object, ...]] = set()
        for row in reader:
            line = f"line {reader.line_num} of {path}"
            if len(row) != len(names):
                raise RunError(f"need {len(names)} cells in {line}, got {len(row)}")
            for name, cell, kept in zip(names, row, values, strict=True):
                value = columns[name].read(cell)
                if value is None:
                    raise RunError(f"need {columns[name].wanted} as {name} in {line}, got {shown(cell)}")
                kept.append(value)
            case = tuple(values[names.index(name)][-1] for name in key)
            if case in seen:
                raise RunError(f"need each case once, {', '.join(map(str, case))} stands again in {line}")
            seen.add(case)
            if len(seen) > _MOST_ROWS:
                raise RunError(f"need at most {_MOST_ROWS:,} rows in {path}, got more")
    except (UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"need a table in UTF-8 in {path}, got: {error}") from error
    if not seen:
        raise RunError(f"need a row or more in {path}, got none")
    table = pd.DataFrame(dict(zip(names, values, strict=True)))
    if table["factor"].nunique() > _MOST_FACTORS:
        raise RunError(f"need at most {_MOST_FACTORS} factors in {path}, got {table['factor'].nunique()}")
    return table, hashlib.sha256(data).hexdigest()


def _of_networks(table: pd.DataFrame) -> pd.DataFrame:
    """A table of ifp 0.1, where the knee and with it the point and its bracket may be equilibrium's, by what it is now.

    What is left of such a case is what its networks measured: freezing, melting and the middle of the two.
    """
    if "knee_source" not in table:
        return table
    borrowed = (table["knee_source"] == "equilibrium") & (table["protocol"] == "heat-cool")
    ends = table[["freezing_beta", "melting_beta"]]
    own = {"ifp_low": ends.min(axis=1), "ifp_high": ends.max(axis=1), "ifp_beta": np.sqrt(ends.prod(axis=1))}
    nothing = dict.fromkeys({"knee_beta", "knee_low", "knee_high"} & set(table), np.nan)
    table = table.assign(**{name: table[name].mask(borrowed, value) for name, value in (own | nothing).items()})
    source = np.select(
        [table["status"] != "ok", table["knee_source"] == "networks", table["protocol"] == "heat-cool"],
        ["", "knee", "crossings"],
        np.where(table["protocol"] == "equilibrium", "equilibrium", "freezing"),
    )
    found = table.assign(ifp_source=source, ifp_over_spectral=table["ifp_beta"] / table["spectral_beta"])
    return found.drop(columns="knee_source")


def _require_columns(names: list[str], columns: Mapping[str, _Column], path: Path) -> None:
    for name in names:
        if name not in columns or names.count(name) > 1:
            raise RunError(f"need columns out of {', '.join(columns)}, each once, in {path}, got {shown(name)}")
    missing = [name for name, column in columns.items() if column.always and name not in names]
    if missing:
        raise RunError(f"need the column {missing[0]} in {path}, it is missing")


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
    return value if value is not None and (math.isnan(value) or 1 / _WIDEST <= value <= _WIDEST) else None


def _nats(text: str) -> float | None:
    value = _number(text)
    return value if value is not None and 0 <= value < _WIDEST else None


def _known_pressure(text: str) -> float | None:
    return _pressure(text) if text else None


def _pressure_or_zero(text: str) -> float | None:
    return 0.0 if _number(text) == 0 else _pressure(text)


def _one_of(*known: str) -> _Column:
    return _Column(f"one of {', '.join(known)}", lambda text: text if text in known else None)


_OPTIONAL_TEXT = _Column("a text in one line", _text, always=False)
_OPTIONAL_WHOLE = _Column("a whole number from 0 on, or nothing,", lambda text: _whole(text or "0"), always=False)
_OPTIONAL_NUMBER = _Column("a number", _number, always=False)
_POINT = _Column("a pressure above 0, or nothing,", _pressure)
_OPTIONAL_POINT = _Column("a pressure above 0, or nothing,", _pressure, always=False)
_WHOLE = _Column("a whole number from 0 on", _whole)
_CASE = {"dataset": _Column("a name", _name), "factor": _Column("a name", _name), "context": _WHOLE}
_FREEZING = {
    **_CASE,
    "latent": _WHOLE,
    "threshold_nats": _Column("nats above 0", _known_pressure),
    **dict.fromkeys(("freezing_beta", "melting_beta", "ifp_beta", "ifp_low", "ifp_high"), _POINT),
    "ifp_source": _Column(f"one of {', '.join(get_args(PointSource))}, or nothing,", _source, always=False),
    **dict.fromkeys(("knee_beta", "knee_low", "knee_high"), _OPTIONAL_POINT),
    "slope": _OPTIONAL_NUMBER,
    "spectral_beta": _Column("a pressure above 0", _known_pressure),
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
_OF_0_1 = {"knee_source": _OPTIONAL_TEXT}  # a column of ifp 0.1: see _of_networks
FREEZING_COLUMNS = tuple(_FREEZING)  # in the order in which they are written
_MIXING = {
    **dict.fromkeys(("factor", "other"), _Column("a name", _name)),
    "nats": _Column("nats from 0 on", _nats),
}
_SPECTRAL = {
    **_CASE,
    "index": _Column("a whole number from 0 on", _whole, always=False),
    "spectral_beta": _Column("a pressure from 0 on, or nothing,", _pressure_or_zero),
    "beta_rd": _Column("a pressure from 0 on, or nothing,", _pressure_or_zero, always=False),
    "second_ratio": _OPTIONAL_NUMBER,
    "transition": _Column("a text in one line", _text, always=False),
    "slope": _Column("a number, or nothing,", lambda text: None if "inf" in text else _number(text), always=False),
    "slope_rough": _Column("True or False", {"True": True, "False": False}.get, always=False),
    "values": _OPTIONAL_WHOLE,
}
