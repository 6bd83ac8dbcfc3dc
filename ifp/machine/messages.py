"""Messages between a process and those that it made: plain data, and never an object that decides what it becomes.

A message is an npz in memory: a JSON tree and the arrays that it names. What comes out again are numbers, texts,
tuples, lists, mappings, paths, arrays, bytes, dataclasses by their fields, functions and classes by their names, and
exceptions by their arguments. Nothing else goes in, and nothing is called on the way but a dataclass or an exception.
"""

import dataclasses
import importlib
import io
import json
import types
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TREE = "tree"


def message_bytes(value: object) -> bytes:
    """A value as a message; a dataclass's fields whose metadata say ``sent: False`` stay behind.

    >>> message_value(message_bytes({"pressures": (1.0, 70.0), 3: Path("runs")}))
    {'pressures': (1.0, 70.0), 3: PosixPath('runs')}

    Raises:
        TypeError: something that is no plain data.
    """
    arrays: list[NDArray[Any]] = []
    tree = json.dumps(_plain(value, arrays)).encode()
    buffer = io.BytesIO()
    named = {str(number): array for number, array in enumerate(arrays)}
    np.savez(buffer, allow_pickle=False, **{_TREE: np.frombuffer(tree, np.uint8)}, **named)
    return buffer.getvalue()


def message_value(data: bytes) -> Any:
    """The value of a message; whatever the making of one of its dataclasses raises."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return _value(json.loads(arrays[_TREE].tobytes()), arrays)


def _plain(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """The JSON of a value: an object of one key, its kind, for all that JSON has no kind of its own for."""
    match value:
        case None | bool() | int() | float() | str():
            return value.item() if isinstance(value, np.generic) else value
        case np.generic():
            return value.item()
        case list():
            return [_plain(each, arrays) for each in value]
        case tuple():
            return {"tuple": [_plain(each, arrays) for each in value]}
        case Mapping():
            return {"mapping": [[_plain(key, arrays), _plain(each, arrays)] for key, each in value.items()]}
        case PurePath():
            return {"path": str(value)}
        case np.ndarray():
            arrays.append(value)
            return {"array": len(arrays) - 1}
        case bytes():
            arrays.append(np.frombuffer(value, np.uint8))
            return {"bytes": len(arrays) - 1}
        case BaseException():
            kind, arguments = type(value), value.__reduce__()[1]
            return {"error": [_name(kind), [_plain(each, arrays) for each in arguments]]}
        case type() | types.FunctionType() | types.BuiltinFunctionType():
            return {"name": _name(value)}
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"need plain data to send to another process, got {type(value).__name__}")
    sent = [field for field in dataclasses.fields(value) if field.metadata.get("sent", True)]
    return {"record": [_name(type(value)), {each.name: _plain(getattr(value, each.name), arrays) for each in sent}]}


def _value(tree: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(tree, list):
        return [_value(each, arrays) for each in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, held),) = tree.items()
    match kind:
        case "tuple":
            return tuple(_value(each, arrays) for each in held)
        case "mapping":
            return {_value(key, arrays): _value(each, arrays) for key, each in held}
        case "path":
            return Path(held)
        case "array":
            return arrays[str(held)]
        case "bytes":
            return arrays[str(held)].tobytes()
        case "name":
            return _named(held)
        case "error":
            return _required(_named(held[0]), BaseException)(*(_value(each, arrays) for each in held[1]))
    record = _named(held[0])
    if kind != "record" or not dataclasses.is_dataclass(record):
        raise TypeError(f"need a dataclass, got {held[0]}")
    return _required(record, object)(**{name: _value(each, arrays) for name, each in held[1].items()})


def _name(value: Any) -> str:
    """By which another process finds a function or a class."""
    return f"{value.__module__}:{value.__qualname__}"


def _named(name: str) -> Any:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _required(kind: Any, base: type) -> type:
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise TypeError(f"need a class of {base.__name__}, got {kind!r}")
    return kind
