"""The files of a run: written atomically, the same content the same bytes, read without pickle."""

import dataclasses
import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import RunError

PARTIAL = ".partial-"  # prefix of files being written


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


def _settle(folder: Path) -> None:
    """Have the names in a folder on disk: a rename alone may be forgotten when the power fails."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_bytes(value: object) -> bytes:
    """Indented JSON; NaN becomes null, dataclasses objects."""

    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return plain(dataclasses.asdict(item))
        if isinstance(item, Mapping):
            return {str(key): plain(each) for key, each in item.items()}
        if isinstance(item, (list, tuple, np.ndarray)):
            return [plain(each) for each in item]
        if isinstance(item, np.generic):
            return plain(item.item())
        if isinstance(item, float) and not np.isfinite(item):
            return None
        return item

    return (json.dumps(plain(value), indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


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


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an npz, read without pickle; RunError where it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise RunError(f"need a whole npz {path}, got: {error}") from error


def load_json(path: Path) -> Any:
    """The content of a JSON file; RunError where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"need a JSON file {path}, got: {error}") from error
