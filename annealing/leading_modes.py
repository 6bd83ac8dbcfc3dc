r"""Leading eigenvalues and directions of whitened scores, :math:`W^\top S^\top S W / n`, of whatever size."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh

from annealing.curvature import Curvature
from annealing.scores import Scores

Array = NDArray[np.float64]

SMALL = 600  # columns or rows up to which a whole matrix is diagonalised


def leading_modes(scores: Scores, curvature: Curvature, modes: int) -> tuple[Array, Array]:
    r"""The largest values, falling, (k,), and decoder directions w with :math:`w^\top H w = 1`, (columns, k).

    From the matrix of columns or the Gram matrix of rows where either is small; else by Lanczos' method on products
    with the scores, to 1e-8 of each value. Fewer come back where there are fewer columns or rows.
    """
    rows, columns = scores.shape
    count = min(modes, rows, columns)
    if columns <= max(SMALL, count + 1):
        courses = _whitened(scores, curvature)
        values, unit = _largest(courses.T @ courses / rows, count)
    elif rows <= max(SMALL, count + 1):
        unwhitened = scores.transposed_times(np.eye(rows))
        courses = curvature.whiten_transposed(unwhitened)
        values, codes = _largest(courses.T @ courses / rows, count)
        unit = courses @ codes
        unit = unit / np.maximum(np.linalg.norm(unit, axis=0), np.finfo(np.float64).tiny)
    else:

        def product(given: Array) -> Array:
            return curvature.whiten_transposed(scores.transposed_times(scores.times(curvature.whiten(given)))) / rows

        matrix = LinearOperator((columns, columns), matvec=lambda v: product(v.ravel()), matmat=product, dtype=float)
        start = np.random.default_rng(0).standard_normal(columns)
        values, unit = eigsh(matrix, k=count, ncv=min(4 * count + 20, columns), v0=start, tol=1e-8)
        values, unit = values[::-1], unit[:, ::-1]
    return np.maximum(values, 0.0), curvature.whiten(unit)


def _whitened(scores: Scores, curvature: Curvature) -> Array:
    """S W of few columns, (rows, columns)."""
    return scores.times(curvature.whiten(np.eye(scores.shape[1])))


def _largest(matrix: Array, count: int) -> tuple[Array, Array]:
    size = len(matrix)
    values, vectors = eigh(matrix, subset_by_index=[size - count, size - 1])
    return values[::-1], vectors[:, ::-1]
