"""Scalars of TensorBoard's event files: the records of a TFRecord file, of each the protobuf fields that scalars need.

No other package is needed, and nothing but numbers and names is read. Of the formats that is: ``Event``
{2: step, 5: ``Summary``}, ``Summary`` {1: ``Value``}, ``Value`` {1: tag, 2: simple_value, 8: ``TensorProto``},
``TensorProto`` {1: dtype, 4: tensor_content, 5: float_val, 6: double_val}.
"""

import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from annealing.errors import DataError
from ifp.files.log import Series
from ifp.files.plain import read_file

_LARGEST = 256 * 2**20  # bytes of all files of a folder
_RECORD = 2**16  # bytes of a record of scalars; larger ones hold pictures and histograms
_FILES = 1000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # kinds of protobuf fields


def event_files(path: Path) -> list[Path]:
    """The event files that a path is or that lie in it, in the order in which they were begun; none where it is a run.

    A folder of a run of ours has its events one level below.
    """
    try:
        if path.is_dir():
            return sorted(each for each in path.iterdir() if _is_one(each))
        return [path] if _is_one(path) else []
    except OSError:  # not to be read: told where it is opened
        return []


def is_log(path: Path) -> bool:
    """Whether a path is that of a log, by its name: a CSV file, an event file, or a folder of these."""
    return path.suffix.lower() == ".csv" or bool(event_files(path))


def _is_one(path: Path) -> bool:
    return ".tfevents." in path.name


def read_scalars(path: Path, wanted: Callable[[str], bool]) -> dict[str, Series]:
    """Steps and values of every scalar that is wanted, by its tag, in the order written; of others nothing but the tag.

    What a writer that was killed, or still writes, left of a last record is no record.

    Raises:
        DataError: files that are damaged, or too large.
        RunError: no such file.
    """
    files = event_files(path) or [path]
    if len(files) > _FILES:
        raise DataError(f"need at most {_FILES:,} event files in {path}, got {len(files):,}: name one of them")
    found: dict[str, tuple[list[float], list[float]]] = {}
    left = _LARGEST
    for file in files:
        data = read_file(file, "event files of 256 MiB together at most,", left)
        left -= len(data)
        try:
            for record in _records(data):
                for tag, step, value in _scalars(record):
                    steps, values = found.setdefault(tag, ([], []))
                    if wanted(tag):
                        steps.append(step)
                        values.append(value)
        except (ValueError, struct.error, OverflowError) as error:
            raise DataError(f"need an event file of TensorBoard, {file} is damaged or none: {error}") from error
    return {tag: (np.array(steps, np.float64), np.array(values, np.float64)) for tag, (steps, values) in found.items()}


def _records(data: bytes) -> Iterator[bytes]:
    """Records that may hold scalars; ValueError where a checksum is wrong."""
    at = 0
    while at + 12 <= len(data):
        length, check = struct.unpack_from("<QI", data, at)
        if check != checksum(data[at : at + 8]):
            raise ValueError(f"wrong checksum of a length at byte {at}")
        begin, end = at + 12, at + 12 + length
        if end + 4 > len(data):
            return
        if length <= _RECORD:
            record = data[begin:end]
            if struct.unpack_from("<I", data, end)[0] != checksum(record):
                raise ValueError(f"wrong checksum of a record at byte {at}")
            yield record
        at = end + 4
    if not at:
        raise ValueError("no record in it")


def checksum(data: bytes) -> int:
    """CRC-32C, masked, as TFRecord files write it of a length and of a record."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _crc_table() -> tuple[int, ...]:
    """Of the polynomial of Castagnoli, its bits turned round."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


def _scalars(event: bytes) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of each scalar of an event."""
    step, summaries = 0, []
    for number, kind, value in _fields(event):
        if (number, kind) == (2, _VARINT):
            step = int(value) - 2**64 if int(value) >= 2**63 else int(value)
        elif (number, kind) == (5, _BYTES):
            summaries.append(bytes(value))
    for summary in summaries:
        for number, kind, inner in _fields(summary):
            if (number, kind) == (1, _BYTES):
                tag, scalar = _value(bytes(inner))
                if scalar is not None:
                    yield tag, step, scalar


def _value(data: bytes) -> tuple[str, float | None]:
    """A value's tag, and its number where it is a scalar."""
    tag, scalar = "", None
    for number, kind, value in _fields(data):
        if (number, kind) == (1, _BYTES):
            tag = bytes(value).decode()
        elif (number, kind) == (2, _FIXED32):
            scalar = float(struct.unpack("<f", bytes(value))[0])
        elif (number, kind) == (8, _BYTES):
            scalar = _tensor(bytes(value))
    return tag, scalar


def _tensor(data: bytes) -> float | None:
    """The number of a tensor of one float or double; None of any other."""
    dtype, content = 0, b""
    for number, kind, value in _fields(data):
        if (number, kind) == (1, _VARINT):
            dtype = int(value)
        elif number in (4, 5, 6) and kind in (_BYTES, _FIXED32, _FIXED64):
            content = bytes(value)
    form = {1: "<f", 2: "<d"}.get(dtype)
    return float(struct.unpack(form, content)[0]) if form and len(content) == struct.calcsize(form) else None


def _fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, kind and value of each field of a protobuf message; ValueError where it is none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, kind, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field of kind {kind}")
        if at + length > len(data):
            raise ValueError("a field that ends after its message")
        yield number, kind, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for place in range(10):
        if at + place >= len(data):
            break
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & (2**64 - 1), at + place + 1
    raise ValueError("a number that does not end")
