"""Samples in tables with named columns: a DataFrame, or a CSV or TSV; columns apart from features by their names."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analysis.names import in_one_line
from annealing.errors import DataError, did_you_mean
from ifp.datasets.sample_values import UNNAMED, Found
from ifp.files.plain import read_file

_LARGEST = 2**31  # bytes of a table as text
_SAMPLE = 2**16  # of which the way it is written is told
_DELIMITERS = {".tsv": "\t"}
_SHOWN = 200  # characters of names in a message


def is_frame(data: object) -> bool:
    """Whether something is a table with named columns: pandas's, or another's that offers the same."""
    return hasattr(data, "columns") and hasattr(data, "to_numpy") and hasattr(data, "__getitem__")


def read_frame(frame: Any, apart: Sequence[str]) -> Found:
    """The columns of a table: features, but for those whose names are asked for.

    Raises:
        DataError: a name that is not there or is there twice, or a feature that is no number.
    """
    names = [str(name) for name in frame.columns]
    _require_once(names, "the table")
    if hasattr(frame, "sparse") and all(hasattr(kind, "subtype") for kind in frame.dtypes) and len(names):
        return _sparse_frame(frame, names, apart)
    held = {name: np.asarray(frame[own]) for name, own in zip(names, frame.columns, strict=True)}
    return _features(held, apart, UNNAMED, "the table given")


def read_text(path: Path, apart: Sequence[str]) -> Found:
    """A table in a file of text: a row of names, or none, and numbers; a first column without a name names the rows.

    Raises:
        DataError: no table, rows of several lengths, or as :func:`read_frame` has it.
        RunError: no such file, or one too large.
    """
    import pandas as pd

    data = read_file(path, "a table", _LARGEST)
    head = data[:_SAMPLE].decode("utf-8-sig", "replace")
    first = next((line for line in head.splitlines() if line.strip()), "")
    delimiter = _DELIMITERS.get(path.suffix.lower()) or max(",;\t", key=first.count)
    cells = next(csv.reader([first.removeprefix("#")], delimiter=delimiter), [])
    named = not all(_is_number(cell) for cell in cells)
    names = [cell.strip() for cell in cells] if named else [f"column{number}" for number in range(len(cells))]
    said: tuple[str, ...] = () if named else ("no row of names",)
    _require_once([name for name in names if name], f"{path}")
    try:
        table = pd.read_csv(
            io.BytesIO(data),
            sep=delimiter,
            header=None,
            skiprows=1 if named else 0,
            decimal="," if delimiter == ";" and _decimal_comma(head, named) else ".",
            encoding="utf-8-sig",
            index_col=False,
            low_memory=False,
        )
    except ValueError as error:  # of pandas: a parser's, of text that is no UTF-8, or of no row at all
        raise DataError(f"need a table of numbers in {path}, got: {' '.join(str(error).split())[:_SHOWN]}") from error
    if table.shape[1] != len(names):
        raise DataError(f"need {len(names)} cells in each row of {path}, as its first has, got {table.shape[1]}")
    if names and not names[0]:
        names, table = names[1:], table.iloc[:, 1:]
        said += ("the first column, without a name, taken for names of rows",)
    names = [name or f"column{number}" for number, name in enumerate(names)]
    held = {name: table.iloc[:, number].to_numpy() for number, name in enumerate(names)}
    found = _features(held, apart, path.stem, f"file {path}")
    return replace(found, said=said)


def _features(held: Mapping[str, NDArray[Any]], apart: Sequence[str], name: str, source: str) -> Found:
    _require_there(apart, held, source)
    names = [each for each in held if each not in apart]
    columns = [_numbers(held[each], each, source) for each in names]
    if not columns:
        raise DataError(f"need a column of numbers at least in {source}, got none but {', '.join(apart) or 'none'}")
    taken = {each: held[each] for each in apart if each in held}
    return Found(np.column_stack(columns), name, source, tuple(names), taken)


def _numbers(column: NDArray[Any], name: str, source: str) -> NDArray[Any]:
    """The column as numbers; text that is none is told with its row, a missing one is NaN, which is told later."""
    if column.dtype.kind in "biuf":
        return column
    if column.dtype.kind != "O" and column.dtype.kind not in "US":
        raise DataError(f"need numbers in column {in_one_line(name)} of {source}, got {column.dtype}")
    numbers = np.empty(len(column), np.float64)
    for row, value in enumerate(column.tolist()):
        try:
            numbers[row] = np.nan if value is None or type(value).__name__ == "NAType" else float(value)
        except (TypeError, ValueError):
            raise DataError(
                f"need numbers in column {in_one_line(name)} of {source}, got {in_one_line(repr(value)[:60])} in row "
                f"{row}: name it as labels to leave it out, or as the condition"
            ) from None
    return numbers


def _sparse_frame(frame: Any, names: Sequence[str], apart: Sequence[str]) -> Found:
    _require_there(apart, names, "the table given")
    kept = [number for number, name in enumerate(names) if name not in apart]
    if not kept:
        raise DataError("need a column of numbers at least in the table given, got none")
    values = sparse.csr_array(frame.iloc[:, kept].sparse.to_coo())
    columns = {name: np.asarray(frame.iloc[:, number]) for number, name in enumerate(names) if name in apart}
    return Found(values, UNNAMED, "the table given", tuple(names[number] for number in kept), columns)


def _require_once(names: Sequence[str], source: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"need each column once in {source}, {in_one_line(twice[0])[:_SHOWN]} stands there twice")


def _require_there(apart: Sequence[str], known: Mapping[str, Any] | Sequence[str], source: str) -> None:
    for name in apart:
        if name not in known and name != "total":
            listed = in_one_line(", ".join(known))[:_SHOWN]
            raise DataError(f"need a column {name!r} of {source}, got {listed}{did_you_mean(name, known)}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _decimal_comma(head: str, named: bool) -> bool:
    """Whether cells between semicolons have a comma as decimal point."""
    body = head.splitlines()[1 if named else 0 :]
    cells = [cell.strip() for line in body[:20] for cell in line.split(";")]
    return any("," in cell and _is_number(cell.replace(",", ".")) for cell in cells)
