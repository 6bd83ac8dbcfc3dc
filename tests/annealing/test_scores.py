"""Products with scores: sparse, constrained and stacked ones against whole matrices."""

import numpy as np
import pytest
from scipy import sparse

from annealing.likelihoods import row_likelihood
from annealing.rows import Rows
from annealing.scores import DenseScores, StackedScores

NAMES = ("bernoulli", "gaussian", "gaussian-decoded", "poisson", "negative-binomial", "softmax-negative-binomial")


def rows_of(name, seed=0, rows=90):
    rng = np.random.default_rng(seed)
    exposure = rng.lognormal(0, 1, rows)  # all different: more than the nodes that stand for them
    if name == "bernoulli":
        return Rows(sparse.csr_matrix(rng.random((rows, 5)) < 0.3))
    counts = rng.poisson(exposure[:, None] * rng.gamma(1, 2, (rows, 5)) * [0.3, 1, 2, 3, 0])
    return Rows(sparse.csr_matrix(counts), None if name.startswith("gaussian") else exposure)


def whole(scores):
    return scores.times(np.eye(scores.shape[1]))


@pytest.mark.parametrize("name", NAMES)
def test_sparse_scores_are_those_of_dense_rows(name):
    rows, likelihood = rows_of(name), row_likelihood(name)
    dense = likelihood.silence(Rows(rows.values.toarray(), rows.exposure)).scores
    scores = likelihood.silence(rows).scores
    matrix = whole(dense)
    np.testing.assert_allclose(whole(scores), matrix, rtol=1e-9, atol=1e-9)
    rng = np.random.default_rng(1)
    direction, codes = rng.normal(size=scores.shape[1]), rng.normal(size=(90, 2))
    np.testing.assert_allclose(scores.transposed_times(codes), matrix.T @ codes, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scores.own_squares(direction), dense.own_squares(direction), rtol=1e-8, atol=1e-9)
    split = matrix.reshape(90, -1, 5)
    np.testing.assert_allclose(
        scores.feature_moments(), np.einsum("ipj,iqj->jpq", split, split) / 90, rtol=1e-8, atol=1e-10
    )
    chosen = np.array([3, 80, 41])
    np.testing.assert_allclose(whole(scores.part(chosen)), matrix[chosen], rtol=1e-9, atol=1e-9)


def test_squares_of_a_features_own_parameters_are_taken_together():
    rng = np.random.default_rng(0)
    matrix, direction = rng.normal(size=(7, 6)), rng.normal(size=6)
    expected = [sum((row[j] * direction[j] + row[j + 3] * direction[j + 3]) ** 2 for j in range(3)) for row in matrix]
    np.testing.assert_allclose(DenseScores(matrix, 3).own_squares(direction), expected)


def test_a_sum_of_a_rows_counts_varies_as_a_multinomial_one_does():
    rng = np.random.default_rng(2)
    shares, depth, direction = np.array([0.5, 0.3, 0.2]), 7, np.array([1.0, -2.0, 0.5])
    drawn = rng.multinomial(depth, shares, 200_000)
    scores = row_likelihood("softmax").silence(Rows(drawn)).scores
    found = scores.own_squares(direction)[0]
    assert found == pytest.approx((drawn @ direction).var(), rel=0.01)


def test_stacked_parts_are_rows_one_after_another():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    stacked, matrix = StackedScores((DenseScores(first, 3), DenseScores(second, 3))), np.vstack([first, second])
    codes = rng.normal(size=9)
    np.testing.assert_allclose(whole(stacked), matrix)
    np.testing.assert_allclose(stacked.transposed_times(codes), matrix.T @ codes)
    np.testing.assert_allclose(stacked.feature_moments()[:, 0, 0], np.square(matrix).mean(axis=0))
    np.testing.assert_allclose(whole(stacked.part(np.array([1, 6, 7]))), matrix[[1, 6, 7]])
