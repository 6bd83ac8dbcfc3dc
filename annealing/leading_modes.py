r"""Leading eigenvalues and directions of whitened scores, :math:`W^\top S^\top S W / n`, of whatever size."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh

from annealing.curvature import Curvature
from annealing.scores import Scores

Array = NDArray[np.float64]

SMALL = 600  # columns or rows up to which a whole matrix is diagonalised
_HELD = 2**24  # numbers of a product with scores that are held at once


def leading_modes(scores: Scores, curvature: Curvature, modes: int) -> tuple[Array, Array]:
    r"""The largest values, falling, (k,), and decoder directions w with :math:`w^\top H w = 1`, (columns, k).

    From the matrix of columns or the Gram matrix of rows where either is small; else by Lanczos' method on products
    with the scores, to 1e-8 of each value. Fewer come back where there are fewer columns or rows.
    """
    rows, columns = scores.shape
    count = min(modes, rows, columns)

    def of_columns(given: Array) -> Array:
        return curvature.whiten_transposed(scores.transposed_times(scores.times(curvature.whiten(given)))) / rows

    def of_rows(given: Array) -> Array:
        return scores.times(curvature.whiten(curvature.whiten_transposed(scores.transposed_times(given)))) / rows

    if columns <= max(SMALL, count + 1):
        values, unit = _largest(_matrix(of_columns, columns, rows), count)
    elif rows <= max(SMALL, count + 1):
        values, codes = _largest(_matrix(of_rows, rows, columns), count)
        unit = curvature.whiten_transposed(scores.transposed_times(codes))
        unit = unit / np.maximum(np.linalg.norm(unit, axis=0), np.finfo(np.float64).tiny)
    else:
        matrix = LinearOperator(
            (columns, columns), matvec=lambda v: of_columns(v.ravel()), matmat=of_columns, dtype=np.float64
        )
        start = np.random.default_rng(0).standard_normal(columns)
        values, unit = eigsh(matrix, k=count, ncv=min(4 * count + 20, columns), v0=start, tol=1e-8)
        values, unit = values[::-1], unit[:, ::-1]
    return np.maximum(values, 0.0), curvature.whiten(unit)


def _matrix(product: Callable[[Array], Array], size: int, other: int) -> Array:
    """A symmetric matrix from products with it, so many columns at a time that little is held of the other side."""
    step = max(1, _HELD // other)
    unit = np.eye(size)
    matrix = np.hstack([product(unit[:, at : at + step]) for at in range(0, size, step)])
    return (matrix + matrix.T) / 2


def _largest(matrix: Array, count: int) -> tuple[Array, Array]:
    size = len(matrix)
    values, vectors = eigh(matrix, subset_by_index=[size - count, size - 1])
    return values[::-1], vectors[:, ::-1]
