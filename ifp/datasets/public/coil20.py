"""COIL-20: photographs of 20 objects, each turned by 5 degrees from one picture to the next.

The 32x32 form in which it goes round as a MATLAB file: X (1440, 1024), bytes or floats, each image by columns;
Y (1440, 1), 1..20 in order. An object's 72 pictures follow one another and come round full circle.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.datasets.dataset import DataOptions, Factors, Lattice
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import require_file
from ifp.datasets.mat_arrays import declared, read_variable
from ifp.datasets.stored import Content, StoredDataset, prepared

_SIZES, _SIDE = (20, 72), 32
_FILES = ("COIL20_32x32.mat", "COIL20.mat")


def _load(path: Path, name: str, shape: tuple[int, int]) -> NDArray[Any]:
    found = declared(path, name)
    if found.shape != shape:
        raise DataError(f"need {name} of shape {shape} in {path}, got {found.shape or 'none'}")
    return read_variable(path, name)


def _bytes(pixels: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """0..255, from bytes, from these kept as floats, or from floats in 0..1."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind == "f" and ((pixels >= 0) & (pixels <= 1)).all():
        return np.rint(pixels * 255).astype(np.uint8)
    if pixels.dtype.kind == "f" and ((pixels >= 0) & (pixels <= 255) & (pixels == np.rint(pixels))).all():
        return pixels.astype(np.uint8)
    raise DataError(f"need X as uint8 or as floats in 0..1 (or whole ones in 0..255) in {path}, got {pixels.dtype}")


def _read(path: Path) -> Content:
    pixels, objects = _load(path, "X", (1440, _SIDE * _SIDE)), _load(path, "Y", (1440, 1))
    if not np.array_equal(objects[:, 0], np.repeat(np.arange(1, 21), _SIZES[1])):
        raise DataError(f"need Y to name objects 1 to 20 in order, 72 images each, in {path}, got another order")
    images = _bytes(pixels, path).reshape(-1, _SIDE, _SIDE).transpose(0, 2, 1)[..., None]
    return Content(
        shape=images.shape,
        dtype=np.uint8,
        blocks=iter([images]),
        labels=Lattice(_SIZES).factors_at(np.arange(len(images))),
        factors=Factors(("object", "azimuth"), _SIZES),
    )


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
