"""Changes to valid files that make hostile ones: of bytes, of JSON, of tables, of arrays; each drawn from a stream."""

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TOKENS = (
    b"", b"0", b"-1", b"1e999", b"-1e999", b"NaN", b"nan", b"inf", b"Infinity", b"null", b"true", b"1" * 5000,
    b"1e-320", b'"', b"'", b",", b"\n", b"\r", b"\x00", b"\x1b[2J", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800",
    b"{" * 200, b"[" * 5000, b"(" * 300, b"../../x", b"/etc/passwd", b"$(id)", b"__import__('os')", b"<script>",
    b"PK\x05\x06", b"\x93NUMPY", b"\xff" * 8, b"\x7f" * 8, struct.pack("<Q", 2**63), struct.pack("<I", 2**31 - 1),
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.0, -0.5, 1e-320, 1e308, float("nan"), float("inf"), "", "a",
    "\ud800", "\x1b[2J", "a\nb", "../x", "/", "x" * 5000, "$\\x$", "<script>alert(1)</script>", [], {}, [[]], {"a": {}},
    [0] * 300, {"": None}, "a\0b", "~nobody/x",
)  # fmt: skip
_CELLS = (
    "", "0", "-1", "1", "nan", "inf", "-inf", "1e999", "1e-320", "1e308", "1_0", " 1", "0x10", "ok", "diverged",
    "none", "place", "width", "NA", "null", "=1+1", '"', "a\x1b[2J", "\ud7ff", "9" * 400, "first_order", "1e89",
    "1e-89", "40.0",
)  # fmt: skip
_DESCRIPTIONS = (
    "|u1", "|b1", "|i1", "<f2", "<f4", "<f8", ">f8", "<f16", "<i8", "<u8", "<c16", "|O", "|S4", "<U3", "<U0", "|V0",
    "|V9", "<M8[s]", "(3,)f4", "(10000,10000)u1", [("a", "<f4")], [("a", "|O")], (), 5, None, "x", "<U99999999",
)  # fmt: skip


def mutated_bytes(data: bytes, stream: Random) -> bytes:
    """Some bits flipped, a part cut, doubled, moved or overwritten, tokens put in; or nothing but noise."""
    found = bytearray(data)
    if stream.random() < 0.02:
        return stream.randbytes(stream.randrange(400))
    for _ in range(stream.choice((1, 1, 1, 2, 4, 16))):
        start = stream.randrange(len(found) + 1)
        stop = min(len(found), start + stream.choice((0, 1, 4, 40, 1000)))
        match stream.randrange(6):
            case 0 if found:
                found[start % len(found)] ^= 1 << stream.randrange(8)
            case 1:
                del found[start:]
            case 2:
                del found[start:stop]
            case 3:
                found[start:start] = found[start:stop]
            case 4:
                found[start:stop] = stream.choice(_TOKENS)
            case _:
                at = stream.randrange(len(found) + 1)
                found[at:at] = found[start:stop]
    return bytes(found)


def mutated_json(data: bytes, stream: Random) -> bytes:
    """One value or more replaced, left out, added or nested; or the bytes of the text changed."""
    if stream.random() < 0.3:
        return mutated_bytes(data, stream)
    root = [json.loads(data)]
    for _ in range(stream.choice((1, 1, 2, 5))):
        holder: Any = root
        while True:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            if not keys:
                break
            key = stream.choice(keys)
            inner = holder[key]
            if isinstance(inner, (dict, list)) and inner and stream.random() < 0.85:
                holder = inner
                continue
            _change(holder, key, stream)
            break
    text = json.dumps(root[0] if root else None, ensure_ascii=stream.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def _change(holder: Any, key: Any, stream: Random) -> None:
    match stream.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[stream.choice(("colour", "", "format", "a\nb"))] = deepcopy(holder[key])
        case 1:
            holder.append(deepcopy(holder[key]))
        case 2 if isinstance(holder[key], (int, float)) and abs(holder[key]) < 1e300:
            holder[key] = holder[key] * stream.choice((-1, 0.5, 2, 1e-9, 1e9))
        case 3:
            for _ in range(stream.choice((1, 3, 70))):
                holder[key] = [holder[key]] if stream.random() < 0.5 else {"a": holder[key]}
        case _:
            holder[key] = deepcopy(stream.choice(_VALUES))


def mutated_table(data: bytes, stream: Random) -> bytes:
    """Cells replaced or scaled, rows doubled, cut or swapped, columns left out; or the bytes changed."""
    if stream.random() < 0.2:
        return mutated_bytes(data, stream)
    rows = [line.split(",") for line in data.decode().splitlines()]
    for _ in range(stream.choice((1, 1, 1, 2, 6))):
        row = stream.choice(rows)
        column = stream.randrange(max(len(row), 1))
        match stream.randrange(8):
            case 0:
                rows.append(list(row))
            case 1 if len(rows) > 1:
                rows.remove(row)
            case 2:
                for each in rows:
                    del each[column : column + 1]
            case 3 if row:
                row[column] = stream.choice(stream.choice(rows) or [""])
            case 4 if row:
                row[column] = repr(stream.choice((stream.random() * 100, 10 ** stream.uniform(-95, 95))))
            case 5:
                row.insert(column, stream.choice(_CELLS))
            case _ if row:
                row[column] = stream.choice(_CELLS)
    return "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass")


def mutated_arrays(arrays: Mapping[str, NDArray], stream: Random) -> bytes:
    """An npz of the arrays with values, types, shapes, headers or names changed; or its bytes."""
    found = {name: _npy(array) for name, array in arrays.items()}
    for _ in range(stream.choice((1, 1, 2))):
        name = stream.choice(list(found))
        array = arrays[name] if name in arrays else np.zeros(3)
        match stream.randrange(7):
            case 0:
                del found[name]
                found.setdefault("more", b"no array")
            case 1:
                found[name] = _npy(_changed(array, stream))
            case 2:
                found[name] = _claiming(array, stream)
            case 3:
                found[name] = mutated_bytes(found[name], stream)
            case 4:
                found[stream.choice(("../x", "a" * 300, "images", "factors", "kl", "\x1b"))] = found[name]
            case _:
                found[name] = _npy(_with_values(array, stream))
    buffer = io.BytesIO()
    method = stream.choice((0, 8, 8, 8, 12, 14)) if stream.random() < 0.1 else 8
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in found.items():
            archive.writestr(f"{name}.npy", data)
    data = buffer.getvalue()
    return mutated_bytes(data, stream) if stream.random() < 0.25 else data


def _npy(array: NDArray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=True)
    return buffer.getvalue()


def _changed(array: NDArray, stream: Random) -> NDArray:
    """Another type, or other axes."""
    kinds: Sequence[Any] = (np.uint8, np.int64, np.float16, np.float64, ">f4", np.longdouble, bool, "U5", "S3", object)
    choices = [
        lambda: array.astype(stream.choice(kinds)), lambda: array[:0], lambda: array[None], lambda: array.T,
        lambda: array.reshape(-1), lambda: np.asfortranarray(array), lambda: np.repeat(array, 3, axis=-1),
        lambda: array[..., 0], lambda: np.array(None), lambda: array[: stream.randrange(4)],
    ]  # fmt: skip
    try:
        with np.errstate(all="ignore"):
            return stream.choice(choices)()
    except (ValueError, TypeError, IndexError):
        return array


def _with_values(array: NDArray, stream: Random) -> NDArray:
    """Some values changed, their bytes if need be."""
    raw = bytearray(np.ascontiguousarray(array).tobytes())
    size = array.dtype.itemsize
    for _ in range(stream.choice((1, 3, 20)) if raw else 0):
        start = size * stream.randrange(max(len(raw) // size, 1))
        if array.dtype.kind == "f":
            value = stream.choice((np.nan, np.inf, -1.0, 0.0, 0.5, 2.0, 1e30, 10 ** stream.uniform(-40, 38)))
            raw[start : start + size] = np.array(value, array.dtype).tobytes()
        else:
            raw[start : start + size] = (
                stream.choice((b"\0", b"\xff", b"\x01")) * size if stream.random() < 0.5 else stream.randbytes(size)
            )
    return np.frombuffer(bytes(raw), array.dtype).reshape(array.shape)


def _claiming(array: NDArray, stream: Random) -> bytes:
    """The array's bytes below a header that says something else."""
    sizes = (0, 1, 2, 3, 4, 6, 10**6, 2**31, 2**62, 2**64, -1)
    shape: Any = tuple(stream.choice(sizes) for _ in range(stream.choice((0, 1, 2, 3, 3, 4, 40))))
    if stream.random() < 0.5:
        shape = array.shape
    order, described = stream.choice((False, False, True, None)), stream.choice(_DESCRIPTIONS)
    text = repr({"descr": described, "fortran_order": order, "shape": shape})
    if stream.random() < 0.3:
        text = stream.choice(
            ("-" * 3000 + "1", "(" * 150, "[" * 90 + "]" * 90, text + "#" * 9000, "{1:{}}", " " * 70000)
        )
    header = text.encode() + b"\n"
    version, length = stream.choice(((1, "<H"), (2, "<I"), (3, "<I")))
    claimed = len(header) if stream.random() < 0.8 else 2**16 - 1
    packed = struct.pack(length, min(claimed, 2**16 - 1))
    return b"\x93NUMPY" + bytes((version, 0)) + packed + header + array.tobytes()
