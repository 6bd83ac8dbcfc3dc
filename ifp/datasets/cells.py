"""Which images have which factor classes: several to a cell, or none."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError, IFPError
from ifp.datasets.dataset import Index, checked_index, within


class Cells:
    """Factor classes (N, K) of N images, and back; the grid of classes need not be full.

    >>> cells = Cells(np.array([[0, 0], [0, 0], [1, 2]]), (2, 3))
    >>> cells.lookup(np.array([[0, 0], [1, 2]])).tolist(), cells.holds(np.array([[1, 1]])).tolist()
    ([0, 2], [False])
    >>> cells.lookup(np.array([[0, 0], [1, 2]]), like=np.array([1, 1])).tolist()
    [1, 2]
    """

    def __init__(self, labels: NDArray[np.integer], sizes: tuple[int, ...]) -> None:
        """IFPError where a class is outside its size, or the grid is too large to number."""
        if labels.ndim != 2 or not len(labels) or labels.shape[1] != len(sizes):
            raise IFPError(f"need labels of shape (N, {len(sizes)}), got {labels.shape}")
        if not within(labels, sizes).all():
            raise DataError(f"need factor classes below {sizes}, got {labels.min(axis=0)}..{labels.max(axis=0)}")
        cells = 1
        for size in sizes:
            cells *= size
        if cells >= 2**62:
            raise DataError(f"need factors of fewer than 2^62 combinations, got sizes {sizes}")
        self.sizes = sizes
        self._labels = labels
        self._order = np.argsort(self._key(labels), kind="stable")
        self._cells, self._starts, self._counts = np.unique(
            self._key(labels)[self._order], return_index=True, return_counts=True
        )

    def _key(self, labels: NDArray[np.integer]) -> NDArray[np.int64]:
        strides = np.cumprod([1, *self.sizes[:0:-1]])[::-1]
        return labels.astype(np.int64) @ strides.astype(np.int64)

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def several(self) -> int:
        """How many cells hold more than one image."""
        return int((self._counts > 1).sum())

    @cached_property
    def _rank(self) -> NDArray[np.int64]:
        """Which of its cell's images each image is, in the order of the index."""
        rank = np.empty(len(self), np.int64)
        rank[self._order] = np.arange(len(self)) - np.repeat(self._starts, self._counts)
        return rank

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64]:
        """Classes (N, K) of images (N,)."""
        return self._labels[checked_index(index, len(self))].astype(np.int64)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether any image has the classes, (N,) of (N, K)."""
        return self._find(factors)[1]

    def lookup(self, factors: NDArray[np.integer], like: Index | None = None) -> Index:
        """Index (N,) of images with the classes (N, K): the first of a cell, or the one whose place in it is like's.

        Raises:
            DataError: a cell without images.
        """
        place, there = self._find(factors)
        if not there.all():
            missing = np.atleast_2d(factors)[~there][0].tolist()
            raise DataError(f"need factor classes that some image has, none has {missing}")
        rank = 0 if like is None else self._rank[checked_index(like, len(self))] % self._counts[place]
        return self._order[self._starts[place] + rank]

    def _find(self, factors: NDArray[np.integer]) -> tuple[Index, NDArray[np.bool_]]:
        """Places among the cells (N,), and whether the classes are there."""
        classes = np.atleast_2d(np.asarray(factors))
        if classes.ndim != 2 or classes.shape[1] != len(self.sizes):
            raise IFPError(f"need factors of shape (N, {len(self.sizes)}), got {classes.shape}")
        if classes.size and not np.issubdtype(classes.dtype, np.integer):
            raise IFPError(f"need whole numbers as factor classes, got {classes.dtype}")
        possible = within(classes, self.sizes)
        key = np.where(possible, self._key(np.where(possible[:, None], classes, 0)), -1)
        place = np.searchsorted(self._cells, key).clip(max=len(self._cells) - 1)
        return place, possible & (self._cells[place] == key)


class CellLabelled:
    """What a data set tells of its labels by cells, where it has some; it sets ``name`` and ``_cells``."""

    name: str
    _cells: Cells | None

    def __len__(self) -> int:
        raise NotImplementedError

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64] | None:
        """Factor classes (N, K), or None where unlabelled."""
        chosen = checked_index(index, len(self))
        return None if self._cells is None else self._cells.factors_at(chosen)

    def lookup(self, factors: NDArray[np.integer], nuisances_of: Index | None = None) -> Index:
        """Index (N,) of factor classes (N, K): see :meth:`ifp.datasets.cells.Cells.lookup`."""
        return self._labelled().lookup(factors, nuisances_of)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether anything has the factor classes."""
        return self._labelled().holds(factors)

    def _labelled(self) -> Cells:
        if self._cells is None:
            raise IFPError(f"need a data set with labelled factors, {self.name} has none")
        return self._cells
