r"""Scores of rows at the silent decoder, as an operator: products with them, never a D x D matrix.

:math:`s(x) = \partial \log p(x | \eta) / \partial \eta` at the silent :math:`\eta_0`. Sparse counts have scores that
are a sparse matrix less one of low rank, :math:`S = A - L F`: of Poisson counts :math:`A = X`, :math:`L` the
exposures, :math:`F` the rates. Columns are laid out parameter by parameter: parameter p of feature j is column p D + j.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
Index = NDArray[np.integer]


class Scores(Protocol):
    """S of n rows, and what is asked of it."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def features(self) -> int:
        """Features; a multiple of them are the columns."""

    def times(self, directions: Array) -> Array:
        """S w of directions (columns,) or (columns, k): (n,) or (n, k)."""

    def transposed_times(self, codes: Array) -> Array:
        """S't of codes (n,) or (n, k): (columns,) or (columns, k)."""

    def own_squares(self, direction: Array, codes: Array | None = None, loadings: Array | None = None) -> Array:
        r"""What :math:`(S w)^2` is expected to be were features independent (n,): :math:`\sum_j (S_j w_j)^2`.

        With codes T (n, k) and loadings L (columns, k) of modes that are known already: that of :math:`S - T L^\top`.
        """

    def feature_moments(self) -> Array:
        """E s s' of each feature's own parameters, (features, parameters, parameters)."""

    def part(self, rows: Index) -> "Scores":
        """The scores of the rows of these indices, at the same silent decoder."""


@dataclass(frozen=True)
class DenseScores:
    """Scores that are held: values (n, columns) of so many features."""

    values: Array
    features: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    def times(self, directions: Array) -> Array:
        """S w."""
        return self.values @ directions

    def transposed_times(self, codes: Array) -> Array:
        """S't."""
        return self.values.T @ codes

    def own_squares(self, direction: Array, codes: Array | None = None, loadings: Array | None = None) -> Array:
        """As of :class:`Scores`."""
        own = self.values if codes is None or loadings is None else self.values - codes @ loadings.T
        if self.features == self.shape[1]:
            return np.square(own) @ np.square(direction)
        return np.square((own * direction).reshape(len(own), -1, self.features).sum(axis=1)).sum(axis=1)

    def feature_moments(self) -> Array:
        """As of :class:`Scores`."""
        split = self.values.reshape(len(self.values), -1, self.features)
        return np.einsum("ipj,iqj->jpq", split, split) / len(self.values)

    def part(self, rows: Index) -> "DenseScores":
        """As of :class:`Scores`."""
        return DenseScores(self.values[rows], self.features)

    def scaled(self, columns: Array) -> "DenseScores":
        """Each column multiplied by a number, (columns,)."""
        return DenseScores(self.values * columns, self.features)


@dataclass(frozen=True)
class SparseScores:
    r""":math:`S = A - L F`.

    Attributes:
        entries: A (n, columns), sparse.
        left: L (n, rank).
        right: F (rank, columns).
        features: a multiple of them are the columns.
    """

    entries: sparse.csr_array
    left: Array
    right: Array
    features: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.entries.shape[0], self.entries.shape[1]

    def times(self, directions: Array) -> Array:
        """S w."""
        return self.entries @ directions - self.left @ (self.right @ directions)

    def transposed_times(self, codes: Array) -> Array:
        """S't."""
        return self.entries.T @ codes - self.right.T @ (self.left.T @ codes)

    def own_squares(self, direction: Array, codes: Array | None = None, loadings: Array | None = None) -> Array:
        """As of :class:`Scores`: by the products of A and L F, neither of which is made dense."""
        if codes is not None and loadings is not None:  # of rank more
            left, right = np.hstack([self.left, codes]), np.vstack([self.right, loadings.T])
            return SparseScores(self.entries, left, right, self.features).own_squares(direction)
        fold = sparse.vstack([sparse.diags_array(part) for part in direction.reshape(-1, self.features)], format="csr")
        entries, right = self.entries @ fold, self.right @ fold
        both = np.square(self.left @ right) if self.left.shape[1] > self.features else None
        low_rank = both.sum(axis=1) if both is not None else self._row_forms(right @ right.T)
        crossed = (self.left * (entries @ right.T)).sum(axis=1)
        return _row_sums(entries.multiply(entries)) - 2 * crossed + low_rank

    def feature_moments(self) -> Array:
        """As of :class:`Scores`."""
        rows, columns = self.shape
        parameters = columns // self.features
        moments = np.empty((self.features, parameters, parameters))
        gram = self.left.T @ self.left
        entries = [self.entries[:, p * self.features : (p + 1) * self.features] for p in range(parameters)]
        right = self.right.reshape(-1, parameters, self.features)
        cross = [self.left.T @ part for part in entries]  # (rank, features)
        for p in range(parameters):
            for q in range(parameters):
                total = np.asarray(entries[p].multiply(entries[q]).sum(axis=0)).ravel()
                total = total - (right[:, q] * cross[p]).sum(axis=0) - (right[:, p] * cross[q]).sum(axis=0)
                moments[:, p, q] = (total + (right[:, p] * (gram @ right[:, q])).sum(axis=0)) / rows
        return moments

    def part(self, rows: Index) -> "SparseScores":
        """As of :class:`Scores`."""
        return SparseScores(self.entries[rows], self.left[rows], self.right, self.features)

    def scaled(self, columns: Array) -> "SparseScores":
        """Each column multiplied by a number, (columns,)."""
        entries = sparse.csr_array(self.entries @ sparse.diags_array(columns))
        return SparseScores(entries, self.left, self.right * columns, self.features)

    def _row_forms(self, form: Array) -> Array:
        return ((self.left @ form) * self.left).sum(axis=1)


@dataclass(frozen=True)
class StackedScores:
    """The rows of several parts, one after another: of conditions, each at its own silent decoder."""

    parts: tuple[Scores, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return sum(part.shape[0] for part in self.parts), self.parts[0].shape[1]

    @property
    def features(self) -> int:
        """Features."""
        return self.parts[0].features

    def times(self, directions: Array) -> Array:
        """S w."""
        return np.concatenate([part.times(directions) for part in self.parts])

    def transposed_times(self, codes: Array) -> Array:
        """S't."""
        split = self._split(codes)
        return np.sum([part.transposed_times(own) for part, own in zip(self.parts, split, strict=True)], axis=0)

    def own_squares(self, direction: Array, codes: Array | None = None, loadings: Array | None = None) -> Array:
        """As of :class:`Scores`."""
        split = [None] * len(self.parts) if codes is None else self._split(codes)
        parts = zip(self.parts, split, strict=True)
        return np.concatenate([part.own_squares(direction, own, loadings) for part, own in parts])

    def feature_moments(self) -> Array:
        """As of :class:`Scores`."""
        return np.sum([part.shape[0] * part.feature_moments() for part in self.parts], axis=0) / self.shape[0]

    def part(self, rows: Index) -> "StackedScores":
        """As of :class:`Scores`; the rows are taken part by part."""
        ends = np.cumsum([0, *(part.shape[0] for part in self.parts)])
        chosen = [rows[(rows >= low) & (rows < high)] - low for low, high in pairwise(ends)]
        return StackedScores(tuple(part.part(own) for part, own in zip(self.parts, chosen, strict=True) if len(own)))

    def _split(self, codes: Array) -> list[Array]:
        return np.split(codes, np.cumsum([part.shape[0] for part in self.parts])[:-1])


def of_entries(
    values: NDArray[Any] | sparse.csr_array, less: Sequence[tuple[Array, Array]]
) -> DenseScores | SparseScores:
    r""":math:`x - \sum_k l_k f_k^\top`, of vectors (n,) and (features,): sparse scores of sparse values, else dense."""
    left, right = np.stack([one for one, _ in less], axis=1), np.stack([other for _, other in less])
    if sparse.issparse(values):
        return SparseScores(values.astype(np.float64), left, right, values.shape[1])
    return DenseScores(values - left @ right, values.shape[1])


def _row_sums(matrix: sparse.sparray) -> Array:
    return np.asarray(matrix.sum(axis=1)).ravel()
