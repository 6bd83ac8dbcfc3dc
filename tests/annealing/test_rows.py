"""Rows are checked where they come in, and their sums are those of dense arrays."""

import numpy as np
import pytest
from scipy import sparse

from annealing.errors import DataError
from annealing.rows import Rows


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((np.ones(3),), "values .rows, features., got shape"),
        ((np.ones((1, 3)),), "at least 2 rows"),
        ((np.array([["a"], ["b"]]),), "values that are numbers"),
        ((np.array([[1.0], [np.nan]]),), "finite values"),
        ((sparse.csr_matrix(np.array([[1.0], [np.inf]])),), "finite values"),
        ((np.eye(3), np.ones(2)), "an exposure for each of 3 rows"),
        ((np.eye(3), np.array([1.0, 0.0, 1.0])), "exposures above 0, got 0"),
        ((np.eye(3), None, np.ones(3)), "integer categories"),
        ((np.eye(3), None, np.ones(2, int)), "a condition for each of 3 rows"),
        ((np.eye(3), None, np.full((3, 1), np.nan)), "finite numbers as the condition"),
    ],
)
def test_what_is_no_rows_is_refused(given, words):
    with pytest.raises(DataError, match=words):
        Rows(*given)


def test_sums_of_sparse_rows_are_those_of_dense_ones():
    values = np.random.default_rng(0).poisson(0.7, (20, 4)) * [1, 1, 0, 5]
    rows = Rows(sparse.coo_matrix(values), np.arange(1, 21), np.arange(20) % 3)
    np.testing.assert_allclose(rows.column_mean(), values.mean(axis=0))
    np.testing.assert_allclose(rows.column_variance(), values.var(axis=0))
    np.testing.assert_allclose(rows.row_sums(), values.sum(axis=1))
    np.testing.assert_array_equal(rows.column_range(), [values.min(axis=0), values.max(axis=0)])
    part = rows.part(np.array([4, 2]))
    np.testing.assert_array_equal(part.values.toarray(), values[[4, 2]])
    assert (list(part.exposure), list(part.condition)) == ([5, 3], [1, 2])
