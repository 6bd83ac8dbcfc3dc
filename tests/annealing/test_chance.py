"""Modes above chance: none of noise of any kind, three of three planted ones; seeds are fixed."""

import numpy as np
import pytest
from scipy import sparse

from annealing.chance import modes_above_chance
from annealing.errors import IFPError
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.own import Likelihood
from annealing.rows import Rows

N, D, SETS = 200, 15, 40


def unequal_columns(rng):
    return Rows(rng.normal(size=(N, D)) * np.exp(rng.normal(size=D)))


def unequal_rows(rng):
    return Rows(rng.normal(size=(N, D)) * np.exp(rng.normal(size=(N, 1))))


def exposures(rng):
    exposure = rng.lognormal(0, 1, N)
    return Rows(sparse.csr_matrix(rng.poisson(exposure[:, None] * rng.gamma(1, 2, D))), exposure)


def depths(rng):
    shares = rng.dirichlet(np.ones(D))
    return Rows(np.stack([rng.multinomial(depth, shares) for depth in rng.lognormal(4, 1, N).astype(int) + 1]))


def conditions(rng):
    condition = rng.integers(0, 3, N)
    return Rows(rng.poisson(rng.gamma(1, 3, (3, D))[condition]), condition=condition)


@pytest.mark.parametrize(
    ("noise", "name"),
    [
        (unequal_columns, "gaussian"),
        (unequal_rows, "gaussian"),
        (exposures, "poisson"),
        (depths, "softmax"),
        (conditions, "poisson"),
    ],
)
def test_noise_is_rarely_taken_for_a_mode(noise, name):
    likelihood = row_likelihood(name)
    sets = [noise(np.random.default_rng(seed)) for seed in range(SETS)]
    alarms = sum(modes_above_chance(rows, likelihood, 2).above > 0 for rows in sets)
    assert alarms <= 6  # at the level of 0.05 more have a chance of 0.7%


def planted(seed, loud=None):
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(D, 3)))[0]
    values = rng.normal(size=(N, D)) + (rng.normal(size=(N, 3)) * [2.0, 1.9, 1.8]) @ axes.T
    return Rows(values if loud is None else np.column_stack([values, loud * rng.normal(size=N)]))


@pytest.mark.parametrize("loud", [None, 20.0])
def test_three_planted_modes_are_counted_also_beside_a_loud_column_of_its_own(loud):
    counted = [
        modes_above_chance(planted(seed, loud), row_likelihood("gaussian"), seed=seed).above for seed in range(12)
    ]
    assert sum(above == 3 for above in counted) >= 10


def test_without_standardising_a_loud_column_stands_first_and_hides_what_is_shared():
    found = modes_above_chance(planted(0, 20.0), row_likelihood("gaussian"), standardise=False)
    assert found.points[0] == pytest.approx(np.var(planted(0, 20.0).values[:, -1]), rel=0.02)
    assert (found.above, found.z[0] < 1.645, found.z[1] > 1.645) == (0, True, True)


def test_held_out_values_of_noise_are_1_where_the_first_points_are_above():
    rng = np.random.default_rng(0)
    found = modes_above_chance(Rows(rng.normal(size=(2000, 40))), row_likelihood("gaussian"))
    assert found.points[0] > 1.2
    np.testing.assert_allclose(found.held_out, 1, atol=0.08)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"level": 0.7}, "level between 0 and 0.5"), ({"modes": 0}, "modes of at least 1"), ({"seed": -1}, "a seed")],
)
def test_what_makes_no_test_is_refused(settings, words):
    with pytest.raises(IFPError, match=words):
        modes_above_chance(planted(0), row_likelihood("gaussian"), **settings)


def test_few_rows_are_refused():
    with pytest.raises(IFPError, match="at least 8 rows"):
        modes_above_chance(Rows(np.eye(5)), row_likelihood("gaussian"))


def test_features_that_couple_in_a_way_that_is_not_known_are_refused():
    own = Likelihood(lambda x, mean: -((x - mean) ** 2).sum(-1), ("mean",), per_row=True)
    with pytest.raises(IFPError, match="independent but for the code"):
        modes_above_chance(planted(0), own)


def test_what_a_dominant_mode_draws_hides_no_other():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(D, 3)))[0]
    values = rng.normal(size=(400, D)) + (rng.normal(size=(400, 3)) * [12.0, 2.5, 2.2]) @ axes.T
    found = modes_above_chance(Rows(values), row_likelihood("gaussian"), standardise=False)
    assert found.above == 3
    np.testing.assert_allclose(found.held_out[:3], [145, 7.25, 5.84], rtol=0.15)
