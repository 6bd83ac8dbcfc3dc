"""Frozen dataclasses from plain JSON values, strictly: nothing unknown, nothing missing, nothing of another type.

A field that a later version added may be missing in a file of an earlier one: ``field(default=..., metadata={ADDED:
True})``. If the earlier version meant another value than today's default, ``metadata={ADDED: True, MEANT: value}``
gives it.
"""

import contextlib
import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from analysis.names import in_one_line
from analysis.plain_json import is_finite, shown
from annealing.errors import IFPError, did_you_mean

T = TypeVar("T")

ADDED = "added"  # in a field's metadata: records of before do not have it, and its default is what they meant
MEANT = "meant"  # in a field's metadata beside that: what they meant, where it is not the default


def read_record(kind: type[T], value: object, where: str, error: type[IFPError] = IFPError) -> T:
    """A dataclass of type ``kind`` from the objects, arrays and numbers of a JSON file.

    Fields may be str, int, float, bool, Literal, None unions, dataclasses, ``tuple[X, ...]``, fixed tuples, mappings
    from str, and Any for what is free.

    Raises:
        IFPError: or the kind of it given as ``error``: an unknown or missing key, or a value of another type; the
            message says where.
    """
    if not isinstance(value, Mapping):
        raise error(f"need an object for {where}, got {shown(value)}")
    hints = typing.get_type_hints(kind)
    known = {each.name: each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [key for key in value if key not in known]
    if unknown:
        near = did_you_mean(unknown[0], known)
        raise error(f"need only the keys {', '.join(known)} in {where}, got {shown(unknown[0])}{near}")
    missing = [name for name in known if name not in value and not known[name].metadata.get(ADDED)]
    if missing:
        raise error(f"need the key {missing[0]!r} in {where}, it is missing")
    meant = {name: each.metadata[MEANT] for name, each in known.items() if name not in value and MEANT in each.metadata}
    there = [name for name in known if name in value]
    read = {name: read_value(hints[name], value[name], f"{where}.{name}", error) for name in there}
    return kind(**meant, **read)


def require_settings(kind: type, given: Iterable[str]) -> None:
    """IFPError for a name that is no setting of the dataclass ``kind``, before it is made with it."""
    known = [each.name for each in dataclasses.fields(kind)]
    for name in given:
        if name not in known:
            near = did_you_mean(name, known)
            raise IFPError(f"need settings out of {', '.join(known)}, got {shown(name)}{near}")


def read_value(hint: Any, value: Any, where: str, error: type[IFPError] = IFPError) -> Any:
    """One value of a JSON file as the type ``hint``: see :func:`read_record`."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        if not is_finite(value):
            raise error(f"need finite numbers in {where}, got {shown(value)}")
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and types.NoneType in inner:
            return None
        return read_value(next(each for each in inner if each is not types.NoneType), value, where, error)
    if origin is typing.Literal:
        if value not in inner:
            raise error(f"need one of {', '.join(map(str, inner))} for {where}, got {shown(value)}")
        return value
    if dataclasses.is_dataclass(hint):
        return read_record(typing.cast(type, hint), value, where, error)
    if origin is tuple and isinstance(value, (list, tuple)):
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(read_value(inner[0], each, f"{where}[{i}]", error) for i, each in enumerate(value))
        if len(inner) == len(value):
            pairs = enumerate(zip(inner, value, strict=True))
            return tuple(read_value(each, item, f"{where}[{i}]", error) for i, (each, item) in pairs)
    elif isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping):
        return {
            str(key): read_value(inner[1], each, f"{where}.{in_one_line(str(key))[:60]}", error)
            for key, each in value.items()
        }
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # a whole number beyond the largest float
            if math.isfinite(value):
                return float(value)
    elif hint in (int, str, bool) and type(value) is hint:
        return value
    raise error(f"need {_named(hint)} for {where}, got {shown(value)}")


def _named(hint: Any) -> str:
    names = {float: "a finite number", int: "a whole number", str: "a text", bool: "true or false"}
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)
        return f"an array of {len(inner)}" if Ellipsis not in inner else "an array"
    return names.get(hint, "an object")
