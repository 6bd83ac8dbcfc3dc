"""A likelihood of one's own against the built-in ones, and blocks of parameters that couple."""

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import distributions as d

from annealing.conditions import condition_points
from annealing.errors import IFPError
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.own import Likelihood
from annealing.rows import Rows
from annealing.score_spectrum import score_spectrum


def dispersed(x, log_rate, log_theta, exposure=None):
    return d.NegativeBinomial(log_theta.exp(), logits=log_rate + exposure.log() - log_theta).log_prob(x)


def zero_inflated(x, log_rate, logit, exposure=None):
    rate = log_rate.exp() if exposure is None else log_rate.exp() * exposure
    zero = torch.logaddexp(torch.nn.functional.logsigmoid(logit), torch.nn.functional.logsigmoid(-logit) - rate)
    return torch.where(x == 0, zero, torch.nn.functional.logsigmoid(-logit) + d.Poisson(rate).log_prob(x))


def shares(x, logit):
    return d.Multinomial(1, logits=logit, validate_args=False).log_prob(x)


PAIRS = {
    "bernoulli": Likelihood(lambda x, logit: d.Bernoulli(logits=logit, validate_args=False).log_prob(x), ("logit",)),
    "gaussian": Likelihood(lambda x, mean: d.Normal(mean, 1.0).log_prob(x), ("mean",)),
    "gaussian-each": Likelihood(lambda x, m, v: d.Normal(m, (v / 2).exp()).log_prob(x), ("mean",), ("log_variance",)),
    "gaussian-decoded": Likelihood(lambda x, m, v: d.Normal(m, (v / 2).exp()).log_prob(x), ("mean", "log_variance")),
    "poisson": Likelihood(
        lambda x, log_rate, exposure: d.Poisson(exposure * log_rate.exp()).log_prob(x), ("log_rate",), exposed=True
    ),
    "negative-binomial": Likelihood(dispersed, ("log_rate",), ("log_theta",), exposed=True),
    "softmax": Likelihood(shares, ("logit",), per_row=True),
}


def rows_of(name, seed=5, count=60):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, count)
    if name.startswith("gaussian"):
        return Rows(5 + rng.normal(size=(count, 3)) * (1 + group[:, None] * [0, 2, 0]) + group[:, None] * [1, 0, -1])
    if name == "bernoulli":
        return Rows((rng.random((count, 3)) < 0.2 + 0.5 * group[:, None]).astype(float))
    exposure = rng.choice([0.5, 1.0, 3.0], count)
    rates = np.array([[4.0, 2.0, 0.5], [1.0, 2.0, 5.0]])[group]
    counts = rng.negative_binomial(2.0, 2.0 / (2.0 + exposure[:, None] * rates))
    return Rows(np.column_stack([counts, np.zeros(count, int)]), None if name == "softmax" else exposure)


@pytest.mark.parametrize("name", PAIRS)
def test_automatic_differentiation_gives_the_built_in_values(name):
    rows = rows_of(name)
    expected = score_spectrum(rows, row_likelihood(name), 2)
    found = score_spectrum(rows, PAIRS[name], 2)
    np.testing.assert_allclose(found.points, expected.points, rtol=1e-6)
    if name == "softmax":
        return
    np.testing.assert_allclose(abs(found.directions), abs(expected.directions), rtol=1e-4, atol=1e-5)
    stored = score_spectrum(Rows(sparse.csr_matrix(rows.values), rows.exposure), PAIRS[name], 2)
    np.testing.assert_allclose(stored.points, expected.points, rtol=1e-6)


def test_what_is_learned_is_shared_by_conditions_and_what_is_decoded_is_not():
    for name in ("gaussian-each", "poisson"):
        rows = rows_of(name)
        told = Rows(rows.values, rows.exposure, np.arange(60) % 2)
        found, expected = (condition_points(told, one) for one in (PAIRS[name], row_likelihood(name)))
        assert (found.pooled, found.largest) == pytest.approx((expected.pooled, expected.largest), rel=1e-6)


def inflated_rows():
    """Few counts, whose rate and whose share of zeros go with a hidden group: a zero may be of either."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 80)[:, None]
    counts = rng.poisson(np.where(group == 1, [2.0, 1.0], [0.7, 2.0]))
    return Rows(np.where(rng.random((80, 2)) < np.where(group == 1, 0.5, 0.2), 0, counts))


def test_a_zero_inflated_count_freezes_by_its_whole_block(critical_pressure):
    rows, own = inflated_rows(), Likelihood(zero_inflated, ("log_rate", "logit"))
    silence = own.silence(rows)
    outputs, values = torch.from_numpy(silence.outputs), torch.from_numpy(rows.values.astype(float))
    exact = critical_pressure(lambda shift, _: own.nats(outputs + shift.reshape(-1, 2, 2), values), 80, 80, 4)
    found = score_spectrum(rows, own, 1).points[0]
    assert found == pytest.approx(exact, rel=1e-6)
    scores = silence.scores.times(np.eye(4))
    diagonal = np.concatenate([silence.curvature.blocks[:, 0, 0], silence.curvature.blocks[:, 1, 1]])
    alone = np.linalg.eigvalsh((scores / np.sqrt(diagonal)).T @ (scores / np.sqrt(diagonal)) / 80)[-1]
    assert alone > 1.15 * found  # the diagonal alone


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Likelihood(shares, ()), "one parameter or more"),
        (lambda: Likelihood(shares, ("a",), ("a",)), "each with its own name"),
        (lambda: Likelihood(shares, ("a",), start=(1.0, 2.0)), "a start of each of a"),
        (lambda: PAIRS["gaussian"].silence(rows_of("poisson")), "exposed=True takes it"),
        (lambda: PAIRS["softmax"].silence(Rows(sparse.eye_array(4).tocsr())), "need dense rows"),
        (lambda: score_spectrum(Rows(np.ones((3, 2))), PAIRS["gaussian"]), "a feature that varies"),
        (lambda: Likelihood(lambda x, a: (x - a).sqrt(), ("a",)).silence(Rows(-np.eye(3))), "finite log-probability"),
        (lambda: Likelihood(lambda x, a: a.sigmoid() + 0 * x, ("a",)).silence(Rows(np.eye(3))), "maximum"),
    ],
)
def test_what_gives_no_silent_decoder_is_refused(make, words):
    with pytest.raises(IFPError, match=words):
        make()
