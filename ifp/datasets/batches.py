"""A data set's images as a stream of float32 batches, none larger than some megabytes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ifp.datasets.dataset import Dataset, to_float
from ifp.machine.memory import require_memory

_VALUES = 2**21  # pixel values of a batch: 8 MiB, which allocators and caches still take lightly
_IMAGES = 1024  # of a batch at most: sums over it in float32 are exact for binary pixels, to 1e-5 for grey ones


@dataclass(frozen=True)
class Batch:
    """Flat images (n, pixels), float32 in 0..1, and how far the pass they belong to has come."""

    done: int
    total: int
    doing: str
    images: Tensor


def batch_size(dataset: Dataset) -> int:
    """How many images make a batch."""
    return int(np.clip(_VALUES // np.prod(dataset.image_shape), 1, _IMAGES))


def require_images_fit(dataset: Dataset, images: int, what: str, each: float) -> None:
    """IFPError where so many images of a data set, held at once for a computation, do not fit into memory.

    Args:
        dataset: whose images they are.
        images: how many are held at once.
        what: the computation, in words.
        each: bytes that it holds for every pixel value, at least.
    """
    shape = "x".join(map(str, dataset.image_shape))
    needed = each * images * float(np.prod(dataset.image_shape, dtype=float))
    require_memory(needed, f"{what}: {images:,} images of {shape} at once")


def read_images(dataset: Dataset, index: NDArray[np.int64], nuisances_of: NDArray[np.int64] | None = None) -> Tensor:
    """Images (n, pixels), float32 in 0..1, of an index (n,), with the nuisances of others where these are given."""
    images = dataset.images(index) if nuisances_of is None else dataset.images(index, nuisances_of)
    return torch.from_numpy(to_float(images)).reshape(len(index), -1)


def all_images(dataset: Dataset, doing: str) -> Iterator[Batch]:
    """The whole data set, in its order."""
    size = batch_size(dataset)
    for start in range(0, len(dataset), size):
        stop = min(start + size, len(dataset))
        yield Batch(stop, len(dataset), doing, read_images(dataset, np.arange(start, stop)))
