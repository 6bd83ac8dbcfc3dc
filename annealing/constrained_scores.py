"""Scores that are correlated even where features are independent: of shares that sum to 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annealing.scores import Scores

Array = NDArray[np.float64]
Index = NDArray[np.integer]


@dataclass(frozen=True)
class MultinomialScores:
    """Scores of counts that share a row's depth: under independent draws of it they are correlated, as is expected.

    Attributes:
        inner: x - N p, of depths N and shares p.
        depth: variance of a row's counts over p (1 - p), (n,): N, or 1/N of scores that are means over the row.
        shares: p (features,).
    """

    inner: Scores
    depth: Array
    shares: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.inner.shape

    @property
    def features(self) -> int:
        """Features."""
        return self.inner.features

    def times(self, directions: Array) -> Array:
        """S w."""
        return self.inner.times(directions)

    def transposed_times(self, codes: Array) -> Array:
        """S't."""
        return self.inner.transposed_times(codes)

    def own_squares(self, direction: Array, codes: Array | None = None, loadings: Array | None = None) -> Array:
        r""":math:`N (p \cdot w^2 - (p \cdot w)^2)`: the variance of w's sum over N independent draws, no mode in it."""
        return self.depth * (self.shares @ np.square(direction) - (self.shares @ direction) ** 2)

    def feature_moments(self) -> Array:
        """As of :class:`~annealing.scores.Scores`."""
        return self.inner.feature_moments()

    def part(self, rows: Index) -> "MultinomialScores":
        """As of :class:`~annealing.scores.Scores`."""
        return MultinomialScores(self.inner.part(rows), self.depth[rows], self.shares)


@dataclass(frozen=True)
class ConstrainedScores:
    r""":math:`S (1 - 1 p^\top)` of scores S of log-rates that a softmax of shares p constrains."""

    inner: Scores
    shares: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.inner.shape

    @property
    def features(self) -> int:
        """Features."""
        return self.inner.features

    def times(self, directions: Array) -> Array:
        """S w."""
        return self.inner.times(self._free(directions))

    def transposed_times(self, codes: Array) -> Array:
        """S't."""
        product = self.inner.transposed_times(codes)
        return product - np.multiply.outer(self.shares, product.sum(axis=0))

    def own_squares(self, direction: Array, codes: Array | None = None, loadings: Array | None = None) -> Array:
        """As of :class:`~annealing.scores.Scores`: of the log-rates, which are independent where the shares are not."""
        return self.inner.own_squares(self._free(direction), codes, loadings)

    def feature_moments(self) -> Array:
        """As of :class:`~annealing.scores.Scores`."""
        rows, columns = self.shape
        total = self.inner.times(np.ones(columns))
        crossed = self.inner.transposed_times(total) / rows
        own = self.inner.feature_moments()[:, 0, 0]
        moments = own - 2 * self.shares * crossed + np.square(self.shares) * np.square(total).mean()
        return moments[:, None, None]

    def part(self, rows: Index) -> "ConstrainedScores":
        """As of :class:`~annealing.scores.Scores`."""
        return ConstrainedScores(self.inner.part(rows), self.shares)

    def _free(self, directions: Array) -> Array:
        return directions - self.shares @ directions
