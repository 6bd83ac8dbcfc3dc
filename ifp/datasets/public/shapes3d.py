"""Shapes3D: 480,000 rendered scenes of one object in a room, every combination of six factors."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.datasets.dataset import DataOptions, Factors
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import require_file
from ifp.datasets.stored import Content, StoredDataset, prepared

_FILE = "3dshapes.h5"
_NAMES = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
_SIZES = (10, 10, 10, 8, 4, 15)
_LARGEST_SIDE = 256  # pixels; the published ones have 64
_TOGETHER = 1000  # images read at a time: the file is packed in chunks


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise DataError(f"need a whole HDF5 file of Shapes3D, {path} is damaged or not to be read: {error}") from error


def _read(path: Path) -> Content:
    with _opened(path) as file:
        for name in ("images", "labels"):
            if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
                raise DataError(f"need a data set {name} in {path}, got {', '.join(file)[:300] or 'none'}")
            if file[name].external or file[name].is_virtual:
                raise DataError(f"need {name} in {path} itself, it lies in other files")
        images, labels = file["images"], file["labels"]
        most = math.prod(_SIZES)
        fits = images.ndim == 4 and images.shape[3] == 3 and images.size > 0 and len(images) <= most
        fits = fits and max(images.shape[1:3]) <= _LARGEST_SIDE
        if not fits or images.dtype != np.uint8:
            raise DataError(
                f"need uint8 images of shape (N, H, W, 3) in {path}, up to {most:,} of them, of up to {_LARGEST_SIDE} "
                f"pixels a side, got {images.dtype} of {images.shape}"
            )
        if labels.shape != (len(images), len(_NAMES)) or labels.dtype.kind not in "fiu":
            raise DataError(
                f"need numbers as labels of shape ({len(images)}, {len(_NAMES)}) in {path}, "
                f"got {labels.dtype} of {labels.shape}"
            )
        classes = _classes(labels[:], path)
        shape = images.shape
    return Content(
        shape=shape, dtype=np.uint8, blocks=_blocks(path, len(classes)), labels=classes, factors=Factors(_NAMES, _SIZES)
    )


def _classes(labels: NDArray[np.float64], path: Path) -> NDArray[np.int64]:
    """The rank of each value among those of its factor."""
    if not np.isfinite(labels).all():
        raise DataError(f"need finite labels in {path}, got {labels[~np.isfinite(labels)][0]}")
    found = []
    for name, size, column in zip(_NAMES, _SIZES, labels.T, strict=True):
        values, classes = np.unique(column, return_inverse=True)
        if len(values) > size:
            raise DataError(f"need at most {size} values of {name} in {path}, got {len(values)}")
        found.append(classes)
    return np.stack(found, axis=1).astype(np.int64)


def _blocks(path: Path, images: int) -> Iterator[NDArray[np.uint8]]:
    with _opened(path) as file:
        for start in range(0, images, _TOGETHER):
            yield file["images"][start : start + _TOGETHER]


def load(name: str, data_dir: Path | None, options: DataOptions) -> StoredDataset:
    """Shapes3D from its HDF5 file."""
    path = require_file([_FILE], name, data_dir)
    return StoredDataset(name, prepared(name, [path], lambda: _read(path)), source=f"file {path}", options=options)


FAMILY = {
    "shapes3d": Family(
        load=load,
        summary="floor_hue 10, wall_hue 10, object_hue 10, scale 8, shape 4, orientation 15",
        images=math.prod(_SIZES),
        image_shape=(64, 64, 3),
        size="268 MB; 5.9 GB in the cache",
        licence="Apache-2.0",
        citation="Burgess, Kim: 3D Shapes, 2018, github.com/google-deepmind/3d-shapes",
        homepage="https://github.com/google-deepmind/3d-shapes",
        files=(
            PublicFile(
                name=_FILE,
                urls=("https://storage.googleapis.com/3d-shapes/3dshapes.h5",),
                checksum="sha256:0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
                checksum_from="TensorFlow Datasets",
            ),
        ),
    )
}
