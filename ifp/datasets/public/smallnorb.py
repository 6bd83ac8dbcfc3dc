"""SmallNORB: photographs of 50 toys of five categories, under all elevations, azimuths and lightings.

Six files in a format of their own, little-endian: int32 magic (the type), int32 number of dimensions, that many int32
sizes (three at least, padded with 1), then the values in C order. Images are of two cameras; as in the field's
standard study the left one is taken, training and test files together, resized to 64x64 (Lanczos), and which of a
category's ten toys is shown is a nuisance.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annealing.errors import DataError
from ifp.datasets.dataset import DataOptions, Factors
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import require_file
from ifp.datasets.stored import Content, StoredDataset, prepared

_TYPES = {0x1E3D4C55: np.uint8, 0x1E3D4C54: np.int32, 0x1E3D4C51: np.float32, 0x1E3D4C53: np.float64,
          0x1E3D4C56: np.int16}  # fmt: skip
_SPLITS = ("5x46789x9x18x6x2x96x96-training", "5x01235x9x18x6x2x96x96-testing")
_SIDE = 64
_FACTORS = Factors(("category", "elevation", "azimuth", "lighting"), (5, 9, 18, 6))
_INSTANCES = 10
_LARGEST = 2**31  # bytes of a file once unpacked: the published ones have up to 448 million
_MOST_IMAGES = 10**6  # of a file: the published ones have 24,300
_TOGETHER = 128  # images read at a time


@dataclass(frozen=True)
class Matrix:
    """One file of the format, open after its header."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stream: IO[bytes]

    def rows(self, count: int) -> NDArray[Any]:
        """The next ``count`` rows; DataError where the file ends before."""
        wanted = count * math.prod(self.shape[1:]) * self.dtype.itemsize
        data = self.stream.read(wanted)
        if len(data) < wanted:
            raise DataError(f"need {self.shape[0]} rows of shape {self.shape[1:]} in {self.path}, it is truncated")
        return np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])


@contextmanager
def open_matrix(path: Path) -> Iterator[Matrix]:
    """A file of the format, gzipped or not.

    Raises:
        DataError: it cannot be read, is truncated, or has another magic number or a size that is none.
    """
    try:
        with cast(IO[bytes], gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as stream:
            yield Matrix(path, *_header(stream, path), stream)
            if stream.read(1):  # reading on to the end is also what makes gzip look at its checksum
                raise DataError(f"need a file of SmallNORB, {path} is damaged: it is longer than its sizes say")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"need a whole file of SmallNORB, {path} is damaged or not to be read: {error}") from error


def _header(stream: IO[bytes], path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    def integers(count: int) -> tuple[int, ...]:
        data = stream.read(4 * count)
        if len(data) < 4 * count:
            raise DataError(f"need a file of SmallNORB, {path} is truncated in its header")
        return struct.unpack(f"<{count}i", data)

    magic, dimensions = integers(2)
    if magic not in _TYPES:
        known = ", ".join(f"{each:#x}" for each in _TYPES)
        raise DataError(f"need a magic number out of {known} in {path}, got {magic & 0xFFFFFFFF:#x}")
    if not 1 <= dimensions <= 8:
        raise DataError(f"need 1 to 8 dimensions in {path}, got {dimensions}")
    sizes = integers(max(3, dimensions))[:dimensions]
    if min(sizes) < 1:
        raise DataError(f"need sizes of 1 or more in {path}, got {sizes}")
    dtype = np.dtype(_TYPES[magic]).newbyteorder("<")
    if math.prod(sizes) * dtype.itemsize > _LARGEST:
        raise DataError(f"need a file of SmallNORB of at most {_LARGEST:,} bytes, {path} claims the sizes {sizes}")
    return sizes, dtype


def _read_array(path: Path, dtype: type, row: tuple[int, ...]) -> NDArray[np.int64]:
    with open_matrix(path) as matrix:
        if matrix.dtype != np.dtype(dtype) or matrix.shape[1:] != row or matrix.shape[0] > _MOST_IMAGES:
            raise DataError(
                f"need {np.dtype(dtype)} of shape (N, {', '.join(map(str, row))}) in {path}, N up to {_MOST_IMAGES:,}, "
                f"got {matrix.dtype} of shape {matrix.shape}"
            )
        return matrix.rows(matrix.shape[0]).astype(np.int64)


def _read_labels(cat: Path, info: Path) -> NDArray[np.int64]:
    """Category, instance, elevation, azimuth, lighting, (N, 5)."""
    category, rest = _read_array(cat, np.int32, ()), _read_array(info, np.int32, (4,))
    if len(category) != len(rest):
        raise DataError(f"need as many rows in {info} as in {cat}, got {len(rest)} and {len(category)}")
    labels = np.concatenate([category[:, None], rest], axis=1)
    for name, column, largest in zip(
        ("category", "instance", "elevation", "azimuth", "lighting"), labels.T, (4, 9, 8, 34, 5), strict=True
    ):
        if column.min() < 0 or column.max() > largest:
            raise DataError(
                f"need {name} in 0..{largest} in {cat if name == 'category' else info}, "
                f"got {column.min()}..{column.max()}"
            )
    if (labels[:, 3] % 2).any():
        raise DataError(f"need even azimuths in {info}, got {labels[labels[:, 3] % 2 == 1, 3][0]}")
    labels[:, 3] //= 2
    return labels


def _left_images(path: Path, images: int) -> NDArray[np.uint8]:
    """The left camera's, resized, (images, 64, 64)."""
    with open_matrix(path) as matrix:
        if matrix.dtype != np.uint8 or len(matrix.shape) != 4 or matrix.shape[:2] != (images, 2):
            raise DataError(
                f"need uint8 of shape ({images}, 2, height, width) in {path}, got {matrix.dtype} of {matrix.shape}"
            )
        resized = np.empty((images, _SIDE, _SIDE), np.uint8)
        for start in range(0, images, _TOGETHER):
            left = matrix.rows(min(_TOGETHER, images - start))[:, 0]
            for image, pixels in zip(resized[start:], left, strict=False):
                image[:] = np.asarray(Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))
        return resized


def _blocks(files: Sequence[tuple[Path, int]], order: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    images = np.concatenate([_left_images(path, count) for path, count in files])
    for start in range(0, len(order), _TOGETHER):
        yield images[order[start : start + _TOGETHER], :, :, None]


def _read(splits: Sequence[Sequence[Path]]) -> Content:
    labels = [_read_labels(cat, info) for _, cat, info in splits]
    category, instance, elevation, azimuth, lighting = np.concatenate(labels).T
    order = np.lexsort((instance, lighting, azimuth, elevation, category))  # a cell's images in the order of instances
    factors = np.stack([category, elevation, azimuth, lighting], axis=1)[order]
    return Content(
        shape=(len(order), _SIDE, _SIDE, 1),
        dtype=np.uint8,
        blocks=_blocks([(dat, len(each)) for (dat, _, _), each in zip(splits, labels, strict=True)], order),
        labels=factors,
        factors=_FACTORS,
    )


def load(name: str, data_dir: Path | None, options: DataOptions) -> StoredDataset:
    """SmallNORB, training and test files together."""
    splits = [
        [
            require_file([f"smallnorb-{split}-{part}.mat", f"smallnorb-{split}-{part}.mat.gz"], name, data_dir)
            for part in ("dat", "cat", "info")
        ]
        for split in _SPLITS
    ]
    folder = prepared(name, [path for split in splits for path in split], lambda: _read(splits))
    source = f"files in {splits[0][0].parent}, left camera, 64x64"
    return StoredDataset(name, folder, source=source, nuisances=("instance",), options=options)


_SHA256 = {
    "5x46789x9x18x6x2x96x96-training-dat": "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
    "5x46789x9x18x6x2x96x96-training-cat": "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
    "5x46789x9x18x6x2x96x96-training-info": "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32",
    "5x01235x9x18x6x2x96x96-testing-dat": "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
    "5x01235x9x18x6x2x96x96-testing-cat": "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
    "5x01235x9x18x6x2x96x96-testing-info": "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2",
}

FAMILY = {
    "smallnorb": Family(
        load=load,
        summary="category 5, elevation 9, azimuth 18, lighting 6; instance as nuisance",
        images=math.prod(_FACTORS.sizes) * _INSTANCES,
        image_shape=(_SIDE, _SIDE, 1),
        size="263 MB; 0.2 GB in the cache",
        licence="research only, not to be sold",
        citation="LeCun, Huang, Bottou: Learning methods for generic object recognition, CVPR 2004",
        homepage="https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/",
        files=tuple(
            PublicFile(
                name=f"smallnorb-{part}.mat.gz",
                urls=(f"https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/smallnorb-{part}.mat.gz",),
                checksum=f"sha256:{digest}",
                checksum_from="TensorFlow Datasets",
            )
            for part, digest in _SHA256.items()
        ),
    )
}
