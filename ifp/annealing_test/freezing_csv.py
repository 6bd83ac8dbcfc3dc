"""Tables of an annealing test, read strictly, every cell by its column: freezing.csv, spectral.csv, mixing.csv."""

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.conclusions import main_rows
from analysis.mixing import PairMixing
from analysis.plain_json import shown
from annealing.errors import RunError
from ifp.annealing_test.columns import FREEZING, MIXING, OF_0_1, SPECTRAL, WIDEST, Column
from ifp.files.npz import load_arrays
from ifp.files.plain import read_file
from ifp.run_directory.run import RunDirectory

_LARGEST = 64 * 2**20  # bytes
_MOST_ROWS = 200_000
_MOST_FACTORS = 256
# what is read of curves.npz
CURVES = {
    "factor": "names: cases", "context": "whole numbers: cases", "direction": "names: cases records",
    "loop": "whole numbers: cases records", "beta": "floats: cases records", "kl": "floats: cases records latents",
}  # fmt: skip


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
    freezing, digest = _read(path, FREEZING | OF_0_1, key)
    freezing = _of_networks(freezing)
    spectral, _ = _read(run.path / "spectral.csv", SPECTRAL, ("factor", "context"))
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
    table, _ = _read(path, MIXING, ("factor", "other"))
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
        if not len(swept) or not ((swept >= 1 / WIDEST) & (swept <= WIDEST)).all():
            raise RunError(f"need pressures above 0 in {path}, case {number} has others or none")
    return curves


def _read(path: Path, columns: Mapping[str, Column], key: tuple[str, ...]) -> tuple[pd.DataFrame, str]:
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


def _require_columns(names: list[str], columns: Mapping[str, Column], path: Path) -> None:
    for name in names:
        if name not in columns or names.count(name) > 1:
            raise RunError(f"need columns out of {', '.join(columns)}, each once, in {path}, got {shown(name)}")
    missing = [name for name, column in columns.items() if column.always and name not in names]
    if missing:
        raise RunError(f"need the column {missing[0]} in {path}, it is missing")
