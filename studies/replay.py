"""Rows measured again on this machine, and how far they are from those that are kept."""

import math
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ifp.files.plain import load_json
from studies.rows import Case, measure_all, row_file
from studies.size import Size

TOLERANCE = 0.02  # of a value, and absolute below 1: the same machine gives the same row, another rounds otherwise
_OF_THE_MACHINE = ("seconds", "device", "torch")


@dataclass(frozen=True)
class Replayed:
    """A row measured again: values compared, the farthest two, and those further apart than the tolerance.

    ``error`` says why there is no new row; "" where there is one.
    """

    path: str
    values: int
    farthest: float
    beyond: tuple[str, ...]
    error: str = ""


def chosen(cases: Sequence[Case], size: Size, count: int, seed: int) -> list[Case]:
    """So many of the cases that have a row, at random."""
    done = [case for case in dict.fromkeys(cases) if row_file(case, size).is_file()]
    return random.Random(seed).sample(done, min(count, len(done)))


def replay(cases: Sequence[Case], size: Size, *, jobs: int, device: str, tolerance: float) -> Iterator[Replayed]:
    """Measure rows again into a folder of their own, which is dropped, and compare each with the one that is kept."""
    again = replace(size, name=f"{size.name}-replayed")
    shutil.rmtree(again.rows, ignore_errors=True)
    by_path = {case.path: case for case in cases}
    try:
        for told in measure_all(cases, again, jobs=jobs, device=device):
            path, _, error = told.partition(": ")
            if error:
                yield Replayed(path, 0, math.inf, (), error)
                continue
            case = by_path[path]
            apart = dict(differences(load_json(row_file(case, size)), load_json(row_file(case, again))))
            beyond = tuple(name for name, distance in apart.items() if not distance <= tolerance)
            yield Replayed(path, len(apart), max(apart.values(), default=0.0), beyond)
    finally:
        shutil.rmtree(again.rows, ignore_errors=True)
        shutil.rmtree(again.traces, ignore_errors=True)


def differences(kept: Any, found: Any, name: str = "row") -> Iterator[tuple[str, float]]:
    """Every value of a row, by its place, and how far the other is from it.

    |a - b| / max(1, |a|) of numbers; 0 or infinite of all else, of lists of different lengths and of missing values.

    >>> dict(differences({"mig": 0.5, "names": ["a"]}, {"mig": 0.4, "names": ["b"]}))
    {'row.mig': 0.09999999999999998, 'row.names[0]': inf}
    """
    if isinstance(kept, Mapping) and isinstance(found, Mapping):
        for key in sorted({*kept, *found} - {*_OF_THE_MACHINE}):
            yield from differences(kept.get(key), found.get(key), f"{name}.{key}")
    elif isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        for number, (one, other) in enumerate(zip(kept, found, strict=True)):
            yield from differences(one, other, f"{name}[{number}]")
    elif _is_number(kept) and _is_number(found):
        yield name, abs(kept - found) / max(1.0, abs(kept))
    else:
        yield name, 0.0 if kept == found else math.inf


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
