"""Rows of any data as a data set to train on: their values, their exposure, and labels where they have some."""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annealing.rows import Rows
from ifp.datasets.cells import CellLabelled, Cells
from ifp.datasets.dataset import DataOptions, Dataset, Factors, Index, RowDescription, checked_index
from ifp.datasets.labels import Labels
from ifp.datasets.samples import SampleRows

_CHUNK = 2**21  # values that are hashed together


class RowDataset(CellLabelled):
    """N rows of D features, with the interface of :class:`ifp.datasets.dataset.Dataset`.

    A row is laid out as a picture of one line, of shape (1, D, 1): its values as they are, and with an exposure that
    after them, (1, D + 1, 1). Nothing of it need lie in 0..1.

    Attributes:
        rows: values (N, D), dense or sparse, and exposure (N,).
        feature_names: of the D features; None where they have none.
    """

    repaints = False
    nuisances: tuple[str, ...] = ()

    def __init__(self, found: SampleRows, labels: Labels | None, *, reference: str, options: DataOptions) -> None:
        """DataError where fewer than two rows have all their labels."""
        values, exposure = found.values, found.exposure
        if labels is not None and labels.left_out:
            kept = np.flatnonzero(labels.kept)
            values, exposure = values[kept], None if exposure is None else exposure[kept]
        self.rows = Rows(values, exposure)
        self.feature_names = found.names
        self.name, self.reference, self.options = found.name, reference, options
        self.source = found.source if not found.exposed else f"{found.source}; exposed by {found.exposed}"
        self.factors: Factors | None = None if labels is None else labels.factors
        self._cells = None if labels is None else Cells(labels.classes, labels.factors.sizes)
        self.image_shape = (1, self.rows.features + self.exposed, 1)
        self.fingerprint = _fingerprint(self.rows, labels)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def exposed(self) -> bool:
        """Whether each row has an exposure."""
        return self.rows.exposure is not None

    @property
    def row_description(self) -> RowDescription:
        """What a run records of the rows."""
        return RowDescription(self.rows.features, self.exposed)

    def images(self, index: Sequence[int] | Index, nuisances_of: Index | None = None) -> NDArray[np.float32]:
        """Rows (N, 1, D, 1) as float32, or (N, 1, D + 1, 1) with their exposure."""
        chosen = checked_index(index, len(self))
        values: Any = self.rows.values[chosen]
        laid_out = np.empty((len(chosen), self.image_shape[1]), np.float32)
        laid_out[:, : self.rows.features] = values.toarray() if sparse.issparse(values) else values
        if self.rows.exposure is not None:
            laid_out[:, -1] = self.rows.exposure[chosen]
        return laid_out[:, None, :, None]


def is_rows(dataset: Dataset) -> TypeGuard[RowDataset]:
    """Whether a data set is one of rows, not of images."""
    return isinstance(dataset, RowDataset)


def _fingerprint(rows: Rows, labels: Labels | None) -> str:
    """Of the values as they are, the exposure, and the labels with their names."""
    values = rows.values
    digest = hashlib.sha256(repr((values.shape, values.dtype.name)).encode())
    if isinstance(values, np.ndarray):
        together = max(_CHUNK // values.shape[1], 1)
        parts = [values[start : start + together] for start in range(0, len(values), together)]
    else:
        parts = [values.indptr.astype(np.int64), values.indices.astype(np.int64), values.data]
    for part in parts:
        digest.update(np.ascontiguousarray(part).data)
    if rows.exposure is not None:
        digest.update(b"exposure")
        digest.update(rows.exposure.data)
    if labels is not None:
        digest.update(repr(labels.factors).encode())
        digest.update(np.ascontiguousarray(labels.classes, np.int64).data)
    return digest.hexdigest()[:16]
