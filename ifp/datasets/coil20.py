"""COIL-20: photographs of 20 objects, each turned by 5 degrees from one picture to the next.

The 32x32 form in which it goes round as a MATLAB file: X (1440, 1024), bytes or floats in 0..1, each image by columns;
Y (1440, 1), 1..20 in order. An object's 72 pictures follow one another and come round full circle.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.datasets.dataset import DataOptions, Factors, Lattice
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import require_file
from ifp.datasets.stored import Content, StoredDataset, prepared

_SIZES, _SIDE = (20, 72), 32
_FILES = ("COIL20_32x32.mat", "COIL20.mat")


def _load(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """X and Y as they are."""
    shapes = {"X": (1440, _SIDE * _SIDE), "Y": (1440, 1)}
    try:
        declared = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
        for name, shape in shapes.items():
            if declared.get(name) != shape:
                raise DataError(f"need {name} of shape {shape} in {path}, got {declared.get(name, 'none')}")
        found = scipy.io.loadmat(path, variable_names=list(shapes))
        return found["X"], found["Y"]
    except DataError:
        raise
    except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, NotImplementedError, zlib.error,
            struct.error, MemoryError) as error:  # fmt: skip
        raise DataError(f"need a whole MATLAB file of COIL-20, {path} cannot be read: {error}") from error


def _read(path: Path) -> Content:
    pixels, objects = _load(path)
    if not np.array_equal(objects[:, 0], np.repeat(np.arange(1, 21), _SIZES[1])):
        raise DataError(f"need Y to name objects 1 to 20 in order, 72 images each, in {path}, got another order")
    if pixels.dtype != np.uint8:
        if pixels.dtype.kind != "f" or not ((pixels >= 0) & (pixels <= 1)).all():
            raise DataError(f"need X as uint8 or as floats in 0..1 in {path}, got {pixels.dtype}")
        pixels = np.rint(pixels * 255).astype(np.uint8)
    images = pixels.reshape(-1, _SIDE, _SIDE).transpose(0, 2, 1)[..., None]
    return Content(
        shape=images.shape,
        dtype=np.uint8,
        blocks=_whole(images),
        labels=Lattice(_SIZES).factors_at(np.arange(len(images))),
        factors=Factors(("object", "azimuth"), _SIZES),
    )


def _whole(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    yield images


def load(name: str, data_dir: Path | None, options: DataOptions) -> StoredDataset:
    """COIL-20 at 32x32."""
    path = require_file(_FILES, name, data_dir)
    return StoredDataset(name, prepared(name, [path], lambda: _read(path)), source=f"file {path}", options=options)


FAMILY = {
    "coil20": Family(
        load=load,
        summary="object 20, azimuth 72",
        images=int(np.prod(_SIZES)),
        image_shape=(_SIDE, _SIDE, 1),
        size="0.9 MB; 1.5 MB in the cache",
        licence="research only (Columbia University)",
        citation="Nene, Nayar, Murase: Columbia Object Image Library (COIL-20), CUCS-005-96, 1996",
        homepage="https://cave.cs.columbia.edu/repository/COIL-20",
        files=(PublicFile(name=_FILES[0]),),  # copies differ in their bytes: none has a checksum to go by
    )
}
