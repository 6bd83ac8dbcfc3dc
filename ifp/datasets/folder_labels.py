"""Labels of a folder of pictures: a CSV beside them, or the subfolders that they lie in."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError, did_you_mean
from ifp.datasets.dataset import DataOptions
from ifp.datasets.labels import Labels, factor_classes
from ifp.datasets.stored import Content, labelled_content

_LARGEST = 2**28  # bytes of a CSV
_MOST_COLUMNS = 257  # file names and the factors
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]+,[0-9]+\s*")
_FOLDER = "folder"  # the factor that subfolders are


def table_in(folder: Path) -> Path | None:
    """The CSV in a folder of pictures, hidden ones passed over; None where there is none or are several."""
    try:
        inside = folder.resolve()
        shown = [each for each in sorted(folder.iterdir()) if not each.name.startswith(".") and each.is_file()]
        found = [each for each in shown if each.suffix.lower() == ".csv" and inside in each.resolve().parents]
    except OSError as error:
        raise DataError(f"need a folder of pictures, got: {error}") from error
    return found[0] if len(found) == 1 else None


def folder_labels(folder: Path, pictures: Sequence[Path], options: DataOptions) -> Labels | None:
    """The labels of pictures, in their order; None where the folder has none.

    Of one CSV in the folder: a column has the names of the pictures, with or without suffix, or their paths below the
    folder, the other columns are factors; a picture that it does not have lacks its labels. Else, where all pictures
    lie in subfolders, two or more, the name of the subfolder is the factor ``folder``.

    Args:
        folder, pictures: the folder, and the pictures in it or below.
        options: ``factors_from`` names columns; ``bins`` and ``missing`` are those of
            :func:`ifp.datasets.labels.factor_classes`.

    Raises:
        DataError: a CSV that is damaged, has no column of file names or not the columns that are asked for, or labels
            that are no classes.
    """
    table = table_in(folder)
    if table is not None:
        names, columns = _read(table, folder, pictures)
        where = str(table)
    else:
        inside = [each.relative_to(folder).parts[:-1] for each in pictures]
        if not all(inside) or len({each[0] for each in inside}) < 2:
            if options.factors_from is not None:
                raise DataError(
                    f"need one CSV in {folder}, or pictures in subfolders, for --factors-from, there is neither"
                )
            return None
        names, columns = [_FOLDER], [np.array([each[0] for each in inside], dtype=np.str_)]
        where = f"subfolders of {folder}"
    if options.factors_from is not None:
        asked = [each.strip() for each in options.factors_from.split(",") if each.strip()]
        unknown = [each for each in asked if each not in names]
        if unknown or not asked:
            near = did_you_mean(unknown[0], names) if unknown else ""
            raise DataError(
                f"need --factors-from out of {', '.join(names)} of {where}, got {options.factors_from}{near}"
            )
        columns = [columns[names.index(each)] for each in asked]
        names = asked
    return factor_classes(columns, names, bins=options.bins, missing=options.missing, where=where)


def labelled_pictures(
    folder: Path, pictures: Sequence[Path], options: DataOptions, read: Callable[[Sequence[Path]], Content]
) -> Content:
    """What the pictures hold, with their labels where the folder has some; those that lack one are left out.

    Args:
        folder, pictures, options: as :func:`folder_labels` has them.
        read: reads pictures, without labels.
    """
    labels = folder_labels(folder, pictures, options)
    if labels is None:
        return read(pictures)
    content = read([picture for picture, kept in zip(pictures, labels.kept, strict=True) if kept])
    return labelled_content(content, labels)


def _read(table: Path, folder: Path, pictures: Sequence[Path]) -> tuple[list[str], list[NDArray[np.str_]]]:
    """Names and columns (pictures,) of the CSV's factors; empty text where it does not have a picture."""
    header, rows = _rows(table)
    paths = [_named(each.relative_to(folder).as_posix()) for each in pictures]
    called = (paths, [_named(each.name) for each in pictures], [_named(each.stem) for each in pictures])
    best: tuple[int, int, list[str]] = (0, 0, paths)
    held = [{_named(row[column]) for row in rows} for column in range(len(header))]
    for known in called:
        for column, values in enumerate(held):
            found = sum(each in values for each in known)
            # a picture 1.png has a name that labels may have, too
            if found > best[0] and (known is not called[-1] or 2 * found > len(pictures)):
                best = found, column, known
    found, key, known = best
    if not found:
        listed = ", ".join(header)[:300]
        raise DataError(f"need a column of the pictures' file names in {table} (or no CSV beside them), got {listed}")
    also = [column for column in range(len(header)) if sum(each in held[column] for each in known) == found]
    if known is called[-1] and len(also) > 1:
        raise DataError(
            f"need the pictures' file names with their suffixes in {table}, {header[also[0]]} and {header[also[1]]} "
            "may both be names without"
        )
    if len(set(known)) < len(known):
        raise DataError(f"need the pictures' paths below {folder} in {table}, several have the same name")
    by_name: dict[str, list[str]] = {}
    for row in rows:
        name = _named(row[key])
        if by_name.setdefault(name, row) is not row:
            raise DataError(f"need each picture once in {table}, {name} stands in it twice")
    others = [column for column in range(len(header)) if column != key]
    if not others:
        raise DataError(f"need columns of factors beside {header[key]} in {table}, there is none")
    absent = [""] * len(header)
    chosen = [by_name.get(each, absent) for each in known]
    return [header[column] for column in others], [
        np.array([row[column] for row in chosen], dtype=np.str_) for column in others
    ]


def _named(cell: str) -> str:
    """A picture as a table has it, in one spelling of its path."""
    return cell.strip().replace("\\", "/").removeprefix("./")


def _rows(table: Path) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and the rows, each of as many cells."""
    try:
        if table.stat().st_size > _LARGEST:
            raise DataError(f"need a CSV of at most {_LARGEST:,} bytes beside pictures, {table} is larger")
        text = table.read_text(encoding="utf-8-sig")
        try:
            dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
        except csv.Error:  # of one column
            dialect = csv.excel
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), dialect) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"need a CSV in UTF-8 beside pictures, {table} cannot be read: {str(error)[:200]}") from error
    if len(rows) < 2 or len(rows[0]) > _MOST_COLUMNS:
        raise DataError(f"need a CSV of a row of names and rows of up to {_MOST_COLUMNS} cells, {table} is none")
    header = [cell.strip() or f"column{number}" for number, cell in enumerate(rows[0])]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise DataError(f"need {len(header)} cells in each row of {table}, row {number} has {len(row)}")
    if dialect.delimiter == ";":  # where a comma is the decimal point
        rows = [[each.replace(",", ".") if _DECIMAL_COMMA.fullmatch(each) else each for each in row] for row in rows]
    return header, rows[1:]
