"""MPI3D: a robot arm that holds an object, rendered simply, rendered realistically, or photographed."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.datasets.dataset import DataOptions, Factors, Lattice
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import require_file
from ifp.datasets.stored import Content, StoredDataset, prepared
from ifp.files.npz import open_npz, read_header, read_rows, require_c_order, require_complete

_NAMES = ("object_color", "object_shape", "object_size", "camera_height", "background_color", "horizontal", "vertical")
_SIZES = (6, 6, 2, 3, 3, 40, 40)
LATTICES = (_SIZES, (4, 4, *_SIZES[2:]))  # of the files in circulation: told apart by their number of images
_SIDE = 64


def _read(path: Path) -> Content:
    lattices = {math.prod(sizes): sizes for sizes in LATTICES}
    with open_npz(path) as archive:
        header = read_header(archive, "images", path)
        require_c_order(header, "images", path)
        if header.shape[1:] != (_SIDE, _SIDE, 3) or header.dtype != np.uint8 or header.shape[0] not in lattices:
            counts = " or ".join(f"{count:,}" for count in lattices)
            raise DataError(
                f"need {counts} uint8 images of {_SIDE}x{_SIDE}x3 in {path}, got {header.dtype} of {header.shape}"
            )
        require_complete(archive, "images", path)
    sizes = lattices[header.shape[0]]
    return Content(
        shape=(header.shape[0], _SIDE, _SIDE, 3),
        dtype=np.uint8,
        blocks=_blocks(path),
        labels=Lattice(sizes).factors_at(np.arange(header.shape[0])),
        factors=Factors(_NAMES, sizes),
    )


def _blocks(path: Path) -> Iterator[NDArray[Any]]:
    with open_npz(path) as archive:
        yield from read_rows(archive, "images", path)


def load(name: str, data_dir: Path | None, options: DataOptions) -> StoredDataset:
    """One of the three, from its npz; the order of its images gives the factors."""
    path = require_file([f"{name.replace('-', '_')}.npz"], name, data_dir)
    return StoredDataset(name, prepared(name, [path], lambda: _read(path)), source=f"file {path}", options=options)


_MD5 = {
    "toy": "55889cb7c7dfc655d6e0277beee88868",
    "realistic": "59a6225b88b635365f70c91b3e52f70f",
    "real": "0f33f609918fb5c97996692f91129802",
}

FAMILY = {
    f"mpi3d-{kind}": Family(
        load=load,
        summary="object_color 6, object_shape 6, object_size 2, camera_height 3, background_color 3, horizontal 40, "
        "vertical 40",
        images=math.prod(_SIZES),
        image_shape=(_SIDE, _SIDE, 3),
        size="some GB; 12.7 GB in the cache",
        licence="CC BY 4.0",
        citation="Gondal et al.: On the transfer of inductive bias from simulation to the real world, NeurIPS 2019",
        homepage="https://github.com/rr-learning/disentanglement_dataset",
        files=(
            PublicFile(
                name=f"mpi3d_{kind}.npz",
                urls=(
                    f"https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/mpi3d_{kind}.npz",
                    f"https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main/mpi3d_{kind}.npz",
                ),
                checksum=f"md5:{digest}",
                checksum_from="disent",
            ),
        ),
    )
    for kind, digest in _MD5.items()
}
