"""A data set at half its height and width: sprites at 32x32, as many studies have them."""

import hashlib
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ifp.datasets.dataset import Dataset, Index, is_painted


class HalfSize:
    """A data set at half its height and width: each pixel the mean of four."""

    def __init__(self, name: str, whole: Dataset) -> None:
        self.name = self.reference = name
        self.factors, self.options, self.nuisances = whole.factors, whole.options, whole.nuisances
        self.repaints = whole.repaints
        height, width, channels = whole.image_shape
        self.image_shape = (height // 2, width // 2, channels)
        self.source = f"{whole.source}, at half its size"
        self.fingerprint = hashlib.sha256(f"half of {whole.fingerprint}".encode()).hexdigest()[:16]
        self._whole = whole

    def __len__(self) -> int:
        return len(self._whole)

    def images(self, index: Sequence[int] | Index, nuisances_of: Index | None = None) -> NDArray[np.float32]:
        """Images (N, H/2, W/2, C), float32 in 0..1."""
        return self._half(self._whole.images(index, nuisances_of))

    @property
    def canvas(self) -> Dataset | None:
        """What the whole is painted over, at its own size; None where it is not painted."""
        return self._whole.canvas if is_painted(self._whole) else None

    def painted(self, canvases: NDArray[np.float32], nuisances_of: Index) -> NDArray[np.float32]:
        """Each row of canvases, of the whole's size, painted as one image (M,) is: (M, N, H/2, W/2, C)."""
        assert is_painted(self._whole)  # else there is no canvas
        images = self._whole.painted(canvases, nuisances_of)
        return self._half(images.reshape(-1, *images.shape[2:])).reshape(*images.shape[:2], *self.image_shape)

    def _half(self, images: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
        """Images (N, H, W, C) at half their height and width."""
        half = np.empty((len(images), *self.image_shape), np.float32)
        for channel in range(self.image_shape[-1]):  # much faster than a mean over two axes, and the same sums
            pixels = images[..., channel]
            corners = (pixels[:, row::2, column::2] for row, column in np.ndindex(2, 2))
            half[..., channel] = reduce(np.add, corners) / np.float32(4)
        return half

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64] | None:
        """Factor classes (N, K)."""
        return self._whole.factors_at(index)

    def lookup(self, factors: NDArray[np.integer], nuisances_of: Index | None = None) -> Index:
        """Index (N,) of factor classes (N, K)."""
        return self._whole.lookup(factors, nuisances_of)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether any image has the factor classes."""
        return self._whole.holds(factors)
