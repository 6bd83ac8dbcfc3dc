"""Freezing points with a condition: the four cases by the exact loss, Gaussian ones by their formula."""

import numpy as np
import pytest
import torch
from scipy import sparse

from annealing.conditional import context_gram, shared_code_value
from annealing.conditions import condition_points, distinct_rows
from annealing.errors import IFPError
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.pixels import Bernoulli
from annealing.rows import Rows

N, D, C = 48, 3, 3


def told(name):
    """Rows of three conditions of unequal frequency, few of them distinct: an encoder cannot tell conditions apart."""
    rng = np.random.default_rng(1)
    condition = rng.choice(C, N, p=[0.5, 0.3, 0.2])
    if name == "bernoulli":
        return Rows((rng.random((N, D)) < rng.uniform(0.2, 0.8, (C, D))[condition]).astype(float), condition=condition)
    exposure = rng.choice([0.5, 2.0], N)
    rate = exposure[:, None] * rng.uniform(0.5, 2.0, (C, D))[condition]
    return Rows(rng.negative_binomial(2.0, 2.0 / (2.0 + rate)), exposure, condition)


@pytest.mark.parametrize("name", ["bernoulli", "poisson"])
@pytest.mark.parametrize("sees_condition", [True, False])
@pytest.mark.parametrize("own_directions", [True, False])
def test_the_four_cases_are_those_of_the_exact_loss(name, sees_condition, own_directions, critical_pressure):
    rows, likelihood = told(name), row_likelihood(name)
    seen = None if sees_condition else distinct_rows(rows)
    found = condition_points(rows, likelihood, seen=seen)
    values = torch.from_numpy(rows.values.astype(float))
    exposure = None if rows.exposure is None else torch.from_numpy(rows.exposure)[:, None]
    outputs = torch.empty(N, 1, D, dtype=torch.float64)
    for category in range(C):
        own = rows.condition == category
        outputs[own] = torch.from_numpy(likelihood.silence(rows.part(np.flatnonzero(own)).without_condition()).outputs)
    condition = torch.from_numpy(rows.condition)

    def reconstruction(shift, _):
        if own_directions:
            shift = shift.reshape(N, C, D)[torch.arange(N), condition]
        return likelihood.nats(outputs + shift[:, None], values, exposure)

    codes = N if seen is None else int(seen.max()) + 1
    exact = critical_pressure(reconstruction, N, codes, D * (C if own_directions else 1), seen=seen)
    assert (found.largest if own_directions else found.pooled) == pytest.approx(exact, rel=1e-6)


def test_one_factors_classes_give_the_conditional_value_of_images():
    rng = np.random.default_rng(2)
    pixels = (rng.random((5, 4, 6)) < 0.5).astype(float)  # classes, contexts, pixels
    classes, contexts = (axis.ravel() for axis in np.meshgrid(np.arange(5), np.arange(4), indexing="ij"))
    rows = Rows(pixels.reshape(20, 6), condition=contexts)
    means, counts = torch.from_numpy(pixels.transpose(1, 0, 2)), torch.ones(4, 5)
    expected = shared_code_value(context_gram(means, counts, Bernoulli()), counts.sum(dim=0))
    found = condition_points(rows, row_likelihood("bernoulli"), seen=classes)
    assert found.largest == pytest.approx(expected, rel=1e-12)


def test_sparse_rows_are_told_apart_as_dense_ones_are():
    rows = told("poisson")
    stored = Rows(sparse.csr_matrix(rows.values), rows.exposure, rows.condition)
    seen, other = distinct_rows(rows), distinct_rows(stored)
    assert len(set(zip(seen, other, strict=True))) == len(set(seen)) == len(set(other))
    likelihood = row_likelihood("negative-binomial")
    dense, found = (condition_points(one, likelihood, seen=seen) for one in (rows, stored))
    assert (found.pooled, found.largest) == pytest.approx((dense.pooled, dense.largest), rel=1e-8)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (Rows(np.eye(3)), "need rows with a condition"),
        (Rows(np.eye(4), condition=np.array([0, 0, 0, 1])), "2 rows or more of each condition"),
        (Rows(np.eye(3), condition=np.eye(3)), "need categories as the condition"),
    ],
)
def test_conditions_that_say_nothing_are_refused(rows, words):
    with pytest.raises(IFPError, match=words):
        condition_points(rows, row_likelihood("gaussian"))
