"""Conditions of any value: jointly Gaussian rows by their formula, a direction that turns with the condition."""

import numpy as np
import pytest

from annealing.continuous_conditions import basis_points
from annealing.errors import IFPError
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.own import Likelihood
from annealing.rows import Rows
from annealing.score_spectrum import score_spectrum


def gaussian_rows(count=6000):
    rng = np.random.default_rng(0)
    condition = rng.normal(size=(count, 2))
    hidden = rng.normal(size=(count, 1)) @ [[2.0, -1.0, 0.5, 0.0]]
    return Rows(hidden + condition @ rng.normal(size=(2, 4)) + rng.normal(size=(count, 4)), condition=condition)


@pytest.mark.parametrize("sees", [True, False])
def test_jointly_gaussian_rows_have_the_value_of_the_formula(sees):
    rows = gaussian_rows()
    told = np.hstack([np.ones((len(rows), 1)), rows.condition])
    residual = rows.values - told @ np.linalg.lstsq(told, rows.values, rcond=None)[0]
    within, whole = np.cov(residual.T, bias=True), np.cov(rows.values.T, bias=True)
    seen = within if sees else within @ np.linalg.inv(whole) @ within
    constant = {"basis": lambda condition: told}
    found = basis_points(rows, row_likelihood("gaussian", variance=0.5), encoder_sees_condition=sees, **constant)
    assert found.points[0] == pytest.approx(np.linalg.eigvalsh(seen)[-1] / 0.5, rel=0.07)  # the best of 3 by chance


def turning(count=3000):
    """A direction cos(c), sin(c) that turns with the condition: no single one is worth as much."""
    rng = np.random.default_rng(1)
    condition = rng.uniform(0, np.pi, (count, 1))
    axis = np.hstack([np.cos(condition), np.sin(condition)])
    return Rows(3 * rng.normal(size=(count, 1)) * axis + rng.normal(size=(count, 2)), condition=condition)


def test_a_basis_follows_a_direction_that_turns():
    rows, likelihood = turning(), row_likelihood("gaussian")
    pooled = score_spectrum(rows.without_condition(), likelihood, 1).points[0]

    def circle(condition):
        return np.hstack([np.cos(condition), np.sin(condition)])

    found = basis_points(rows, likelihood, basis=circle)
    assert pooled == pytest.approx(5.5, rel=0.05)  # 9 cos^2 averaged, and the noise
    assert found.points[0] == pytest.approx(10, rel=0.05)
    assert (found.functions, "lower bound" in found.notes[0]) == (2, True)


@pytest.mark.parametrize("name", ["poisson", "negative-binomial", "gaussian-each", "gaussian-decoded"])
def test_a_constant_alone_gives_the_value_without_condition(name):
    rng = np.random.default_rng(2)
    exposure = rng.choice([0.5, 1.0, 2.0], 1500)
    rate = np.exp(rng.normal(size=(1500, 1)) @ [[0.5, -0.5, 0.2]])
    exposed = not name.startswith("gaussian")
    counts = rng.poisson((exposure[:, None] if exposed else 3) * rate)
    rows = Rows(counts, exposure if exposed else None, rng.normal(size=(1500, 1)))
    likelihood = row_likelihood(name)
    found = basis_points(rows, likelihood, basis=lambda condition: np.ones_like(condition))
    expected = score_spectrum(rows.without_condition(), likelihood, 1).points[0]
    assert found.points[0] == pytest.approx(expected, rel=0.02)  # the folds' decoders differ


def test_one_row_of_each_condition_and_what_couples_are_refused():
    rows = turning(40)
    one_each = {"basis": lambda condition: np.eye(len(condition))}
    with pytest.raises(IFPError, match="about a row of each condition"):
        basis_points(rows, row_likelihood("gaussian"), **one_each)
    with pytest.raises(IFPError, match=r"annealing\.conditions has categories"):
        basis_points(rows.without_condition(), row_likelihood("gaussian"))
    with pytest.raises(IFPError, match="of each feature on its own"):
        basis_points(rows, Likelihood(lambda x, mean: -((x - mean) ** 2).sum(-1), ("mean",), per_row=True))
    with pytest.raises(IFPError, match="got laplace"):
        basis_points(rows, row_likelihood("laplace"))
