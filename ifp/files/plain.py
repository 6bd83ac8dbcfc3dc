"""The files of a run: written atomically, the same content the same bytes, read without pickle."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.plain_json import read_json
from annealing.errors import RunError

_LARGEST_JSON = 64 * 2**20  # bytes; findings of many factors have some hundred thousand
_LONGEST_ROW = 2**16  # bytes of a table that grows


def append_row(path: Path, columns: Sequence[str], row: Mapping[str, object], *, durably: bool = True) -> None:
    """One more row of a table that grows by many, which would take long to write anew each time.

    What a crash left of a row is cut off first; RunError where there is no room.

    Args:
        path: of the table, which gets a header as its first row is written.
        columns, row: the names in their order, and the row's values by them.
        durably: wait until the row is on disk; else a power cut, though no kill, may take the rows since the last
            one that was waited for.
    """
    header, line = csv_bytes(columns, [row]).split(b"\n", 1)
    try:
        with path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            before = file.seek(max(end - _LONGEST_ROW, 0))
            whole = before + file.read().rfind(b"\n") + 1
            file.truncate(whole)
            file.write(line if whole else header + b"\n" + line)
            file.flush()
            if durably:
                os.fsync(file.fileno())
    except OSError as error:
        raise RunError(f"need to write {path}, got: {error}") from error


def csv_bytes(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> bytes:
    """A table as CSV; None and NaN are left empty, floats keep all their digits."""

    def cell(value: object) -> str:
        if value is None or (isinstance(value, (float, np.floating)) and np.isnan(value)):
            return ""
        text = repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)
        return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(c in text for c in ',"\n\r') else text

    lines = [",".join(columns), *(",".join(cell(row.get(column)) for column in columns) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def read_file(path: Path, what: str, largest: int) -> bytes:
    """The bytes of a file; RunError where it is missing, no file, not to be read or larger than that."""
    try:
        if not path.is_file():  # a pipe would be waited for
            raise RunError(f"need {what} {path}, got: there is no such file")
        with path.open("rb") as file:
            # no more than is there: room is made for as much as is asked for
            data = file.read(min(largest, os.fstat(file.fileno()).st_size) + 1)
    except OSError as error:
        raise RunError(f"need {what} {path}, got: {error}") from error
    if len(data) > largest:
        raise RunError(f"need {what} {path} of at most {largest:,} bytes, got more")
    return data


def load_json(path: Path) -> Any:
    """The content of a JSON file; RunError where it is missing, damaged or too large."""
    data = read_file(path, "a JSON file", _LARGEST_JSON)
    try:
        return read_json(data.decode())
    except ValueError as error:
        raise RunError(f"need a JSON file {path}, got: {error}") from error
