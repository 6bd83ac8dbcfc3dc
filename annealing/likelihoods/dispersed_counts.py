r"""Sums over rows of negative binomial counts: slopes and curvatures of the log-likelihood, by feature.

Mean :math:`m = l b`, variance :math:`m + m^2/\theta`. What a count of 0 has is summed over nodes
(:mod:`annealing.likelihoods.exposure_nodes`), what a count above 0 has besides, over those counts alone.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import digamma

from annealing.likelihoods.exposure_nodes import ExposureNodes
from annealing.rows import Rows
from annealing.scores import DenseScores, SparseScores

Array = NDArray[np.float64]

_FEW = 64  # counts up to this are summed by how many of them there are

LEAST, MOST = 1e-3, 1e6  # dispersions that are looked at; at the most counts are Poisson's to a millionth


@dataclass(frozen=True)
class DispersedCounts:
    """Counts of rows of so much exposure each, (n,)."""

    rows: Rows
    exposure: Array

    @cached_property
    def varying(self) -> NDArray[np.bool_]:
        """Features that are not 0 throughout."""
        return self.rows.column_range()[1] > 0

    def slope(self, rate: Array, dispersion: Array) -> Array:
        r"""Mean of :math:`\theta (x - m) / (\theta + m)`, the score of the log-rate, (features,)."""
        mean, own = self._at_counts(rate, dispersion)
        above = self._sums(self._counts.data * own / (own + mean))
        return (above - self._at_nodes(rate, dispersion) @ self._mass) / len(self.rows)

    def curvature(self, rate: Array, dispersion: Array) -> Array:
        r"""Mean of :math:`m \theta (\theta + x) / (\theta + m)^2`, (features,)."""
        mean, own = self._at_counts(rate, dispersion)
        share = own / (own + mean)
        above = self._sums(self._counts.data * share * (1 - share))
        return (above + np.square(self._shares(rate, dispersion)) * self._means(rate) @ self._mass) / len(self.rows)

    def dispersion_slope(self, rate: Array, dispersion: Array) -> Array:
        """Derivative of the mean log-likelihood by theta, times theta, (features,)."""
        mean, own = self._at_counts(rate, dispersion)
        above = self._rising(dispersion) - self._sums(self._counts.data / (own + mean))
        shares = self._shares(rate, dispersion)
        return dispersion * (above + (np.log(shares) + 1 - shares) @ self._mass) / len(self.rows)

    def rate_given(self, dispersion: Array, start: Array | None = None) -> Array:
        """The rates b at which each feature's slope is 0, by Newton's method: the log-likelihood is concave in log b.

        They are not sum x / sum l where exposures vary.
        """
        there = self.varying
        first = self.rows.column_mean() / self.exposure.mean() if start is None else start
        rate = np.where(there, first, 1.0)
        for _ in range(100):
            slope, curvature = self.slope(rate, dispersion), self.curvature(rate, dispersion)
            step = np.where(there, slope / np.where(there, curvature, 1.0), 0.0)
            rate = rate * np.exp(np.clip(step, -2, 2))
            if np.abs(step).max() < 1e-12:
                break
        return np.where(there, rate, 0.0)

    def scores(self, rate: Array, dispersion: Array) -> DenseScores | SparseScores:
        """Scores of the log-rates, dense of dense counts."""
        if not sparse.issparse(self.rows.values):
            mean = np.multiply.outer(self.exposure, rate)
            return DenseScores((self.rows.values - mean) * (dispersion / (dispersion + mean)), self.rows.features)
        mean, own = self._at_counts(rate, dispersion)
        counts = self._counts
        entries = sparse.csr_array((counts.data * own / (own + mean), (self._row, counts.indices)), counts.shape)
        return SparseScores(entries, self._nodes.weights, self._at_nodes(rate, dispersion).T, self.rows.features)

    @cached_property
    def _counts(self) -> sparse.csr_array:
        counts = sparse.csr_array(self.rows.values, dtype=np.float64)
        counts.sum_duplicates()
        counts.eliminate_zeros()
        return counts

    @cached_property
    def _row(self) -> NDArray[np.integer]:
        return np.repeat(np.arange(len(self.rows)), np.diff(self._counts.indptr))

    @cached_property
    def _own_exposure(self) -> Array:
        return self.exposure[self._row]

    @cached_property
    def _nodes(self) -> ExposureNodes:
        return ExposureNodes.of(self.exposure)

    @cached_property
    def _mass(self) -> Array:
        return self._nodes.weights.sum(axis=0)

    def _rising(self, dispersion: Array) -> Array:
        r"""Sum over rows of :math:`\psi(x + \theta) - \psi(\theta) = \sum_{k < x} 1 / (\theta + k)`, (features,)."""
        terms = (self._above / (dispersion[:, None] + np.arange(_FEW))).sum(axis=1)
        many = self._counts.data > _FEW
        if not many.any():
            return terms
        columns = self._counts.indices[many]
        own = dispersion[columns]
        rest = digamma(self._counts.data[many] + own) - digamma(_FEW + own)
        return terms + np.bincount(columns, rest, self.rows.features)

    @cached_property
    def _above(self) -> Array:
        """How many counts of each feature are above 0, 1, ..., (features, few)."""
        few = np.minimum(self._counts.data, _FEW).astype(np.int64) - 1
        cell = self._counts.indices.astype(np.int64) * _FEW + few
        exactly = np.bincount(cell, minlength=self.rows.features * _FEW).reshape(-1, _FEW)
        return exactly[:, ::-1].cumsum(axis=1)[:, ::-1].astype(np.float64)

    def _at_counts(self, rate: Array, dispersion: Array) -> tuple[Array, Array]:
        """m and theta of every count above 0."""
        columns = self._counts.indices
        return self._own_exposure * rate[columns], dispersion[columns]

    def _sums(self, terms: Array) -> Array:
        return np.bincount(self._counts.indices, terms, self.rows.features).astype(np.float64, copy=False)

    def _means(self, rate: Array) -> Array:
        return np.multiply.outer(rate, self._nodes.exposures)

    def _shares(self, rate: Array, dispersion: Array) -> Array:
        return dispersion[:, None] / (dispersion[:, None] + self._means(rate))

    def _at_nodes(self, rate: Array, dispersion: Array) -> Array:
        """theta m / (theta + m), (features, nodes)."""
        return self._means(rate) * self._shares(rate, dispersion)
