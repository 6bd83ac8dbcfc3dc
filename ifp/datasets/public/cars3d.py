"""Cars3D: 183 rendered cars, each under 4 elevations and 24 azimuths.

A MATLAB file per car with ``im`` (128, 128, 3, 24, 4): height, width, channel, azimuth, elevation. As in the field's
standard study images are resized to 64x64 (Lanczos); cars are in the order of their file names.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annealing.errors import DataError
from ifp.datasets.archives import unpacked
from ifp.datasets.dataset import DataOptions, Factors, Lattice
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import require_file
from ifp.datasets.mat_arrays import declared, read_variable
from ifp.datasets.stored import Content, StoredDataset, prepared

_CARS, _ELEVATIONS, _AZIMUTHS, _SIDE = 183, 4, 24, 64
_LARGEST = 64 * 2**20  # bytes of one car's file once unpacked: 128 x 128 x 3 x 24 x 4 are 4.7 million


def read_car(path: Path) -> NDArray[np.uint8]:
    """One car, (elevation, azimuth, 64, 64, 3).

    Raises:
        DataError: the file is no MATLAB file, is damaged, or holds something else.
    """
    found = declared(path, "im")
    size = math.prod(found.shape)
    if len(found.shape) != 5 or found.shape[2:] != (3, _AZIMUTHS, _ELEVATIONS) or found.kind != "uint8":
        size = 0
    if not 0 < size <= _LARGEST:
        raise DataError(f"need im (height, width, 3, 24, 4) as uint8 in {path}, got {found.kind} of {found.shape}")
    pixels: NDArray[Any] = read_variable(path, "im")
    views = pixels.transpose(4, 3, 0, 1, 2).reshape(-1, *pixels.shape[:3])
    resized = [
        np.asarray(Image.fromarray(np.ascontiguousarray(view)).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))
        for view in views
    ]
    return np.stack(resized).reshape(_ELEVATIONS, _AZIMUTHS, _SIDE, _SIDE, 3)


def _blocks(cars: Sequence[Path]) -> Iterator[NDArray[np.uint8]]:
    images = np.stack([read_car(path) for path in cars], axis=2)  # elevation, azimuth, car
    yield from images.reshape(-1, len(cars), _SIDE, _SIDE, 3)


def _read(cars: Sequence[Path]) -> Content:
    sizes = (_ELEVATIONS, _AZIMUTHS, len(cars))
    lattice = Lattice(sizes)
    return Content(
        shape=(len(lattice), _SIDE, _SIDE, 3),
        dtype=np.uint8,
        blocks=_blocks(cars),
        labels=lattice.factors_at(np.arange(len(lattice))),
        factors=Factors(("elevation", "azimuth", "object"), sizes),
    )


def _car(path: PurePosixPath) -> PurePosixPath | None:
    """All cars lie in the one folder."""
    return PurePosixPath(path.name) if path.match("cars/car_*_mesh.mat") else None


def load(name: str, data_dir: Path | None, options: DataOptions) -> StoredDataset:
    """Cars3D from its folder, or from the archive it comes in."""
    found = require_file(["cars", "data/cars", "nips2015-analogy-data/data/cars", _ARCHIVE], name, data_dir)
    folder = found if found.is_dir() else unpacked(found, "cars", _car)
    cars = sorted(folder.glob("car_*_mesh.mat"))
    if not cars:
        raise DataError(f"need files car_NNN_mesh.mat in {folder}, it holds none")
    return StoredDataset(name, prepared(name, cars, lambda: _read(cars)), source=f"files in {folder}", options=options)


_ARCHIVE = "nips2015-analogy-data.tar.gz"

FAMILY = {
    "cars3d": Family(
        load=load,
        summary="elevation 4, azimuth 24, object 183",
        images=_ELEVATIONS * _AZIMUTHS * _CARS,
        image_shape=(_SIDE, _SIDE, 3),
        size="about 0.3 GB; 0.2 GB in the cache",
        licence="not stated",
        citation="Reed, Zhang, Zhang, Lee: Deep visual analogy-making, NIPS 2015",
        homepage="http://www.scottreed.info",
        files=(
            PublicFile(
                name=_ARCHIVE,
                urls=(
                    "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz",
                    "http://www-personal.umich.edu/~reedscot/files/nips2015-analogy-data.tar.gz",
                ),
                checksum="md5:4e866a7919c1beedf53964e6f7a23686",
                checksum_from="disent",
                unpacked="cars",
            ),
        ),
    )
}
