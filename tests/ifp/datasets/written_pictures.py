"""PNG, TIFF and BMP written byte by byte, by their specifications alone, and what their pixels are to be."""

import struct
import zlib

import numpy as np

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6  # colour types of PNG


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(rows, bits):
    """Values (h, w, C) as lines of bytes, big end first, as PNG and big-endian TIFF have them."""
    flat = rows.reshape(len(rows), -1)
    if bits == 16:
        return [line.astype(">u2").tobytes() for line in flat]
    shifts = np.arange(bits - 1, -1, -1)
    return [np.packbits((line[:, None] >> shifts) & 1).tobytes() for line in flat]


def png(path, values, kind, bits=8, before=b"", after=b""):
    """Values (h, w, C) as a PNG; every line has the filter that subtracts the one above, to make decoders work."""
    lines = [np.frombuffer(line, np.uint8) for line in packed(values, bits)]
    above = [np.zeros_like(lines[0]), *lines[:-1]]
    data = b"".join(b"\2" + (line - over).tobytes() for line, over in zip(lines, above, strict=True))
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(data)) + after + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def tiff(path, values, order=">", bits=16, photometric=1, packing=1, pages=1, **tags):
    """Values (h, w, C) as a TIFF of one strip."""
    height, width, channels = values.shape
    data = values.astype(f"{order}u{bits // 8}").tobytes()
    data = zlib.compress(data) if packing == 8 else data
    depth = 8 + len(data)
    entries = {256: width, 257: height, 258: bits, 259: packing, 262: photometric, 273: 8, 277: channels, 278: height,
               279: len(data), **{int(tag[1:]): value for tag, value in tags.items()}}  # fmt: skip
    content = data + struct.pack(f"{order}{channels}H", *([bits] * channels))
    directory = struct.pack(f"{order}H", len(entries))
    for tag, value in sorted(entries.items()):
        several = tag == 258 and channels > 2
        if several:
            directory += struct.pack(f"{order}HHII", tag, 3, channels, depth)
        elif tag == 258:
            directory += struct.pack(
                f"{order}HHIHH", tag, 3, channels, *([value, value] if channels == 2 else [value, 0])
            )
        else:
            directory += struct.pack(f"{order}HHII", tag, 4, 1, value)
    at = 8 + len(content)
    following = [at + page * (len(directory) + 4) for page in range(1, pages)] + [0]
    body = b"".join(directory + struct.pack(f"{order}I", each) for each in following)
    mark = b"MM\0*" if order == ">" else b"II*\0"
    path.write_bytes(mark + struct.pack(f"{order}I", at) + content + body)
    return path


def bmp(path, values):
    """Values (h, w, 3) as a BMP: lines from below, blue first, each of a multiple of four bytes."""
    height, width, _ = values.shape
    lines = [line[:, ::-1].tobytes() + bytes(-3 * width % 4) for line in values[::-1]]
    data = b"".join(lines)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(data), 2835, 2835, 0, 0)
    path.write_bytes(b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + header + data)
    return path


def orientation(number):
    """A camera's orientation as Exif has it."""
    return b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, number, 0, 0)


def deep(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2**16, shape, np.uint16)


def over(values, opacity, background, most):
    """Values (h, w, C) of an opacity in 0..1 over a colour in 0..1, rounded to the nearest whole one."""
    behind = np.asarray(background, float) * most
    return np.rint(opacity[..., None] * values + (1 - opacity[..., None]) * behind)
