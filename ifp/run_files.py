"""The files of a run: written atomically, the same content the same bytes, read without pickle."""

import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.plain_json import read_json, shown
from annealing.errors import RunError
from ifp.datasets.npz_arrays import holds_characters, open_npz

_LARGEST_JSON = 64 * 2**20  # bytes; findings of many factors have some hundred thousand
_LARGEST_ARRAYS = 2**30  # bytes of all arrays of a file together, unpacked
_LONGEST_ROW = 2**16  # bytes of a table that grows
PARTIAL = ".partial-"  # prefix of files being written


def require_writable(folder: Path) -> None:
    """RunError where a folder, or the nearest one above it that is there, cannot be written to."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise RunError(f"need a writable folder, got {there}, which is none")


def write_atomically(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, and durably: a temporary file, fsync, rename, fsync of the folder."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL, suffix=path.suffix)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
            _settle(path.parent)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"need to write {path}, got: {error}") from error


def write_into_folder(path: Path, data: bytes) -> None:
    """:func:`write_atomically`, in a folder that is made where it is not there yet."""
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"need to write {path}, got: {error}") from error
    write_atomically(path, data)


def append_row(path: Path, columns: Sequence[str], row: Mapping[str, object]) -> None:
    """One more row of a table that grows by many, which would take long to write anew each time.

    What a crash left of a row is cut off first; RunError where there is no room.
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
            os.fsync(file.fileno())
    except OSError as error:
        raise RunError(f"need to write {path}, got: {error}") from error


def _settle(folder: Path) -> None:
    """Have the names in a folder on disk: a rename alone may be forgotten when the power fails."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as an npz that holds no time stamp and no pickle: the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


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
            data = file.read(largest + 1)
    except OSError as error:
        raise RunError(f"need {what} {path}, got: {error}") from error
    if len(data) > largest:
        raise RunError(f"need {what} {path} of at most {largest:,} bytes, got more")
    return data


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an npz, read without pickle; RunError where it is damaged, or larger than a run's ever are."""
    try:
        if not path.is_file():
            raise RunError(f"need a whole npz {path}, got: there is no such file")
        with open_npz(path) as archive:
            held = sum(each.file_size for each in archive.infolist())
        if held > _LARGEST_ARRAYS:
            raise RunError(f"need a whole npz {path} of at most {_LARGEST_ARRAYS:,} bytes of arrays, got {held:,}")
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except RunError:
        raise
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise RunError(f"need a whole npz {path}, got: {str(error)[:300]}") from error
    for name, array in found.items():
        if not isinstance(array, np.ndarray):
            raise RunError(f"need arrays alone in the npz {path}, got {shown(name)}")
        if array.dtype.kind == "U" and not holds_characters(array):
            raise RunError(f"need text as {shown(name)} in the npz {path}, got numbers that are no characters")
    return found


def load_json(path: Path) -> Any:
    """The content of a JSON file; RunError where it is missing, damaged or too large."""
    data = read_file(path, "a JSON file", _LARGEST_JSON)
    try:
        return read_json(data.decode())
    except ValueError as error:
        raise RunError(f"need a JSON file {path}, got: {error}") from error
