"""JSON as ours is written, and read from files that anyone may have written: each key once, and not too deep."""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

AT_DEFAULT = "left out at its default"  # in a field's metadata: readers of before would not know it
_DEEPEST = 64  # levels of objects and arrays; the deepest file of ours has eight
_SHOWN = 60  # characters of a value that an error repeats


def json_bytes(value: object) -> bytes:
    """Indented JSON; NaN becomes null, dataclasses objects, without fields marked ``AT_DEFAULT`` that hold theirs."""

    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            fields = [(each, getattr(item, each.name)) for each in dataclasses.fields(item)]
            told = [(each, value) for each, value in fields if AT_DEFAULT not in each.metadata or value != each.default]
            return {each.name: plain(value) for each, value in told}
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


def read_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is no JSON, an object names a key twice, levels are too many, or a text in it cannot be written
            as UTF-8.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError(f"more than {_DEEPEST} levels of objects and arrays") from None
    level = [value]
    for _ in range(_DEEPEST):
        for each in level:
            if isinstance(each, str):
                each.encode()  # a lone surrogate is an escape that no UTF-8 has: UnicodeEncodeError
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return value
    raise ValueError(f"more than {_DEEPEST} levels of objects and arrays")


def is_finite(value: Any) -> bool:
    """Whether all numbers in a value that :func:`read_json` gave are finite: JSON has no others."""
    if isinstance(value, float):
        return math.isfinite(value)
    return all(is_finite(each) for each in _inside(value))


def shown(value: object) -> str:
    """A value as an error repeats it: one short line without control characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {shown(twice)} stands there twice")
    return found
