r"""Curvatures H of the expected log-likelihood at silence, as what whitens scores: never a D x D matrix unless given.

A column of an H without curvature belongs to a feature that never varies: whitening takes it to 0. Columns are laid
out parameter by parameter: parameter p of feature j stands in column p D + j.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from annealing.errors import IFPError

Array = NDArray[np.float64]

_NULL = 1e-10  # of the largest eigenvalue: what counts as no curvature


class Curvature(Protocol):
    r"""H, with some W of :math:`W^\top H W = 1` off its null space: :math:`W^\top C W` has H's and C's values."""

    @property
    def size(self) -> int:
        """Columns."""

    def times(self, directions: Array) -> Array:
        """H w, shape of the directions, (columns,) or (columns, k)."""

    def whiten(self, unit: Array) -> Array:
        """W u: decoder directions of unit curvature."""

    def whiten_transposed(self, scores: Array) -> Array:
        r""":math:`W^\top s`: scores of columns (columns,) or (columns, k), whitened."""


@dataclass(frozen=True)
class DiagonalCurvature:
    """H of parameters that do not couple: its diagonal (columns,)."""

    diagonal: Array

    def __post_init__(self) -> None:
        _require_curved(self.diagonal)

    @property
    def size(self) -> int:
        """Columns."""
        return len(self.diagonal)

    def times(self, directions: Array) -> Array:
        """H w."""
        return _scaled(self.diagonal, directions)

    def whiten(self, unit: Array) -> Array:
        """H^-1/2 u."""
        return _scaled(self._whitening, unit)

    def whiten_transposed(self, scores: Array) -> Array:
        """H^-1/2 s."""
        return self.whiten(scores)

    @cached_property
    def _whitening(self) -> Array:
        there = self.diagonal > 0
        return np.where(there, 1 / np.sqrt(np.where(there, self.diagonal, 1.0)), 0.0)


@dataclass(frozen=True)
class BlockCurvature:
    """H of features whose own parameters couple: blocks (features, parameters, parameters)."""

    blocks: Array

    def __post_init__(self) -> None:
        _require_curved(np.linalg.eigvalsh(self.blocks))

    @property
    def size(self) -> int:
        """Columns."""
        return self.blocks.shape[0] * self.blocks.shape[1]

    def times(self, directions: Array) -> Array:
        """H w."""
        return self._product(self.blocks, directions)

    def whiten(self, unit: Array) -> Array:
        """H^-1/2 u, each feature by its own block."""
        return self._product(self._roots, unit)

    def whiten_transposed(self, scores: Array) -> Array:
        """H^-1/2 s."""
        return self.whiten(scores)

    def _product(self, blocks: Array, given: Array) -> Array:
        features, parameters = self.blocks.shape[:2]
        columns = given.reshape(parameters, features, -1)
        return np.einsum("jpq,qjk->pjk", blocks, columns).reshape(given.shape)

    @cached_property
    def _roots(self) -> Array:
        return _inverse_roots(self.blocks)


@dataclass(frozen=True)
class LowRankCurvature:
    r""":math:`H = \mathrm{diag}\, d + U M U^\top`: parameters that all couple, as softmax logits do.

    .. math:: W = d^{-1/2} (1 + Q (f(\Lambda) - 1) Q^\top), \qquad
        1 + Q \Lambda Q^\top = d^{-1/2} H d^{-1/2}, \quad f = (1 + \Lambda)^{-1/2}

    f is 0 in a null direction: to a softmax, a constant added to all logits is none.

    Attributes:
        diagonal: d (columns,), 0 of features that never vary.
        factor: U (columns, rank).
        middle: M (rank, rank).
    """

    diagonal: Array
    factor: Array
    middle: Array

    def __post_init__(self) -> None:
        _require_curved(np.append(self.diagonal, self._spectrum[1] + 1))

    @property
    def size(self) -> int:
        """Columns."""
        return len(self.diagonal)

    def times(self, directions: Array) -> Array:
        """H w."""
        return _scaled(self.diagonal, directions) + self.factor @ (self.middle @ (self.factor.T @ directions))

    def whiten(self, unit: Array) -> Array:
        """W u."""
        basis, values = self._spectrum
        return _scaled(self._outer._whitening, unit + basis @ _scaled(self._shrunk(values), basis.T @ unit))

    def whiten_transposed(self, scores: Array) -> Array:
        """W's."""
        basis, values = self._spectrum
        outer = _scaled(self._outer._whitening, scores)
        return outer + basis @ _scaled(self._shrunk(values), basis.T @ outer)

    @cached_property
    def _outer(self) -> DiagonalCurvature:
        return DiagonalCurvature(self.diagonal)

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        """Q (columns, rank) and Lambda."""
        basis, triangle = np.linalg.qr(_scaled(self._outer._whitening, self.factor))
        values, turn = np.linalg.eigh(triangle @ self.middle @ triangle.T)
        return basis @ turn, values

    @staticmethod
    def _shrunk(values: Array) -> Array:
        curved = values + 1 > _NULL * max(1.0, float(np.abs(values).max(initial=0.0)))
        return np.where(curved, 1 / np.sqrt(np.where(curved, values + 1, 1.0)), 0.0) - 1


@dataclass(frozen=True)
class FullCurvature:
    """H of few parameters that couple in any way: the whole matrix (columns, columns)."""

    matrix: Array

    def __post_init__(self) -> None:
        _require_curved(np.linalg.eigvalsh(self.matrix))

    @property
    def size(self) -> int:
        """Columns."""
        return len(self.matrix)

    def times(self, directions: Array) -> Array:
        """H w."""
        return self.matrix @ directions

    def whiten(self, unit: Array) -> Array:
        """H^-1/2 u."""
        return self._root @ unit

    def whiten_transposed(self, scores: Array) -> Array:
        """H^-1/2 s."""
        return self._root @ scores

    @cached_property
    def _root(self) -> Array:
        return _inverse_roots(self.matrix)


def mean_curvature(curvatures: Sequence[Curvature], weights: Array) -> Curvature:
    r""":math:`\sum_c P(c) H(c)` of curvatures of one kind; weights P(c) that sum to 1.

    Raises:
        IFPError: curvatures of several kinds.
    """
    count = len(curvatures)
    diagonals = [one.diagonal for one in curvatures if isinstance(one, DiagonalCurvature)]
    if len(diagonals) == count:
        return DiagonalCurvature(weights @ np.stack(diagonals))
    blocks = [one.blocks for one in curvatures if isinstance(one, BlockCurvature)]
    if len(blocks) == count:
        return BlockCurvature(np.tensordot(weights, np.stack(blocks), 1))
    low_rank = [one for one in curvatures if isinstance(one, LowRankCurvature)]
    if len(low_rank) == count:
        middle = block_diag(*(weight * one.middle for weight, one in zip(weights, low_rank, strict=True)))
        factor = np.hstack([one.factor for one in low_rank])
        return LowRankCurvature(weights @ np.stack([one.diagonal for one in low_rank]), factor, middle)
    full = [one.matrix for one in curvatures if isinstance(one, FullCurvature)]
    if len(full) == count:
        return FullCurvature(np.tensordot(weights, np.stack(full), 1))
    raise IFPError("need curvatures of one kind to average, got several: fit all conditions by one likelihood")


def _scaled(diagonal: Array, given: Array) -> Array:
    return diagonal.reshape(-1, *[1] * (given.ndim - 1)) * given


def _inverse_roots(matrices: Array) -> Array:
    """H^-1/2 of each (..., n, n), 0 in null directions."""
    values, vectors = np.linalg.eigh(matrices)
    there = values > _NULL * np.maximum(values.max(axis=-1, keepdims=True), 0.0)
    roots = np.where(there, 1 / np.sqrt(np.where(there, values, 1.0)), 0.0)
    return (vectors * roots[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def _require_curved(values: NDArray[np.floating]) -> None:
    """IFPError where silence is no maximum of the likelihood: a curvature below 0 beyond rounding, or none at all."""
    if not np.isfinite(values).all():
        raise IFPError("need a finite curvature at the silent decoder, got NaN or infinity: is the likelihood smooth?")
    if float(values.min()) < -1e-6 * max(float(values.max()), 0.0):
        raise IFPError(
            f"need a silent decoder at a maximum of the likelihood, got a curvature of {float(values.min()):.3g}: "
            "start its parameters elsewhere, or take another likelihood"
        )
