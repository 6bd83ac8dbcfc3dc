"""Modes above draws of noise: planted ones are, noise is at the stated level, with exposures and conditions, too."""

import numpy as np
import pytest
from scipy import sparse

from annealing.errors import IFPError
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.own import Likelihood
from annealing.rows import Rows
from annealing.silent_draws import modes_above_draws

N, D = 150, 10


def exposed(seed, shared=0.0):
    rng = np.random.default_rng(seed)
    exposure = rng.lognormal(0, 1, N)
    rate = rng.gamma(2, 2, D) * np.exp(shared * rng.normal(size=(N, 1)) * np.resize([1, -1], D))
    return Rows(rng.poisson(exposure[:, None] * rate), exposure, rng.integers(0, 2, N))


@pytest.mark.parametrize("null", ["signs", "silent"])
def test_noise_exceeds_19_draws_once_in_20_times(null):
    alarms = [modes_above_draws(exposed(seed), row_likelihood("poisson"), 1, null=null).above for seed in range(30)]
    assert sum(alarms) <= 5  # at a level of 0.05 more have a chance of 0.3%


@pytest.mark.parametrize("name", ["poisson", "negative-binomial", "softmax-rates", "softmax-negative-binomial"])
def test_a_planted_mode_exceeds_all_draws_and_the_rest_does_not(name):
    rows = exposed(1, shared=0.4)
    stored = Rows(sparse.csr_matrix(rows.values), rows.exposure, rows.condition)
    settings = {"dispersion": 5.0} if name.endswith("binomial") else {}
    for given in (rows, stored):
        found = modes_above_draws(given, row_likelihood(name, **settings), 4)
        assert (found.above, found.level, len(found.drawn)) == (1, 0.05, 19)


@pytest.mark.parametrize(
    ("name", "scale"), [("bernoulli", 1), ("gaussian", 1), ("gaussian-shared", 3), ("gaussian-each", 3),
                        ("gaussian-decoded", 3), ("softmax", 1), ("laplace", 1)],
)  # fmt: skip
def test_every_silent_likelihood_draws_rows_of_its_own_mean_and_spread(name, scale):
    rng = np.random.default_rng(0)
    values = {
        "bernoulli": (rng.random((4000, 3)) < [0.2, 0.5, 0.9]).astype(float),
        "softmax": rng.multinomial(20, [0.5, 0.3, 0.2], 4000),
        "laplace": rng.laplace([1.0, 2.0, 3.0], 1.0, (4000, 3)),
    }.get(name, rng.normal([1.0, 2.0, 3.0], scale, (4000, 3)))
    likelihood = row_likelihood(name)
    drawn = likelihood.draw(likelihood.silence(Rows(values)), np.ones((4000, 1)), values.sum(axis=1), rng)
    spread = values.std(axis=0)
    np.testing.assert_allclose(drawn.mean(axis=0), values.mean(axis=0), atol=0.1 * scale)
    np.testing.assert_allclose(drawn.std(axis=0), spread, rtol=0.06)


def test_nulls_that_fit_no_scores_are_refused():
    rows = exposed(0)
    with pytest.raises(IFPError, match="signs, silent, got 'shuffle'"):
        modes_above_draws(rows, row_likelihood("poisson"), null="shuffle")
    with pytest.raises(IFPError, match="take the null silent"):
        modes_above_draws(rows, row_likelihood("softmax-rates"), null="signs")
    own = Likelihood(lambda x, mean: -((x - mean) ** 2), ("mean",))
    with pytest.raises(IFPError, match="signs of scores as the null"):
        modes_above_draws(Rows(rows.values), own)
