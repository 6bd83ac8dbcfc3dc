"""Labels as they are read: numbers, or text that may stand for numbers, and which of them are missing."""

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError

_ABSENT = ("", "nan")  # how text says that there is no label


def label_values(column: NDArray[Any], missing: str | None, where: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Whole numbers, floats or text, (rows,), and which of them are missing, (rows,).

    Args:
        column: labels (rows,).
        missing: a label that means there is none, beside NaN and empty text.
        where: what they are called in a message.

    Raises:
        DataError: labels that are neither numbers nor text, or infinite ones.
    """
    absent = np.zeros(len(column), np.bool_)
    if column.dtype.kind in "USO":
        text = _text(column)
        absent = np.isin(np.char.lower(text), _ABSENT)
        if missing is not None:
            absent |= text == missing.strip()
        numbers = _numbers_of(text[~absent])  # NA among numbers, where that is a missing one, does not make them text
        if numbers is None:
            return text, absent
        column = np.zeros(len(text), numbers.dtype)
        column[~absent] = numbers
    if column.dtype.kind == "b":
        column = column.astype(np.int64)
    if column.dtype.kind not in "iuf":
        raise DataError(f"need numbers or text in {where}, got {column.dtype}")
    stored = column.dtype.type
    if column.dtype.kind == "f":
        with np.errstate(over="ignore"):
            column = column.astype(np.float64)
        if np.isinf(column).any():
            raise DataError(f"need finite labels in {where}, got {column[np.isinf(column)][0]} (NaN is a missing one)")
    absent |= np.isnan(column)
    if missing is not None:
        with contextlib.suppress(ValueError), np.errstate(over="ignore"):  # no number, so none of them
            absent |= column == float(missing)
            if column.dtype.kind == "f":  # 0.1 as the column's own type has it
                absent |= column == np.float64(stored(float(missing)))
    return column, absent


def _text(column: NDArray[Any]) -> NDArray[np.str_]:
    """Text (rows,) without blanks around it, of text, of bytes, or of a mixture as Python has it."""
    if column.dtype.kind == "U":
        return np.char.strip(column)
    held = ("" if each is None else each for each in column.tolist())
    decoded = (each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in held)
    return np.array([each.strip() for each in decoded], dtype=np.str_)


def _numbers_of(text: NDArray[np.str_]) -> NDArray[Any] | None:
    """The numbers that text (rows,) stands for, whole ones where all are; None where one is no finite number."""
    distinct, place = np.unique(text, return_inverse=True)
    if any("_" in each for each in distinct.tolist()):  # which Python reads over: 1_0 would be 10
        return None
    for number, dtype in ((int, np.int64), (float, np.float64)):
        with contextlib.suppress(ValueError, OverflowError):
            numbers = np.array([number(each) for each in distinct.tolist()], dtype)
            return numbers[place] if np.isfinite(numbers).all() else None
    return None
