"""Rows that a likelihood cannot draw are refused; names, settings, output sizes; the absolute error."""

import math

import numpy as np
import pytest
import torch
from scipy import sparse, stats

from annealing.choices import RowLikelihoodName
from annealing.errors import IFPError
from annealing.likelihoods import row_likelihood
from annealing.rows import Rows
from annealing.score_spectrum import score_spectrum

COUNTS = np.array([[1, 0, 2], [0, 3, 1], [4, 1, 0]])


@pytest.mark.parametrize("name", RowLikelihoodName.__args__)
def test_every_name_has_its_likelihood(name):
    likelihood = row_likelihood(name)
    assert likelihood.name == name
    assert likelihood.outputs(7) == 7 * len(likelihood.parameters) == (14 if name == "gaussian-decoded" else 7)


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("bernoulli", Rows(COUNTS), r"values in 0\.\.1 .*got 0\.\.4"),
        ("bernoulli", Rows(COUNTS > 0, np.ones(3)), "without exposure"),
        ("gaussian-each", Rows(COUNTS, np.ones(3)), "without exposure"),
        ("softmax", Rows(COUNTS, np.ones(3)), "without exposure"),
        ("poisson", Rows(-COUNTS), "counts of 0 or more for a poisson likelihood, got -4"),
        ("poisson", Rows(sparse.csr_matrix(-COUNTS)), "counts of 0 or more"),
        ("negative-binomial", Rows(COUNTS / 2), r"whole numbers .*got 0\.5: give raw counts"),
        ("softmax-negative-binomial", Rows(COUNTS * [[1], [0], [1]]), "rows of one count or more"),
        ("laplace", Rows(np.eye(5)), "ties at their median .*got 4 of 5 rows"),
        ("laplace", Rows(sparse.eye_array(5).tocsr()), "not 0 in most rows"),
    ],
)
def test_rows_that_cannot_be_drawn_are_refused(name, rows, words):
    with pytest.raises(IFPError, match=words):
        row_likelihood(name).silence(rows)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("gausian", {}, "did you mean gaussian"),
        ("gaussian", {"sigma": 1.0}, "a setting of gaussian out of variance"),
        ("poisson", {"dispersion": 1.0}, "no settings for poisson"),
        ("gaussian", {"variance": 0.0}, "variance above 0"),
        ("laplace", {"scale": -1.0}, "scale above 0"),
        ("negative-binomial", {"dispersion": 0.0}, "dispersion above 0"),
        ("softmax-negative-binomial", {"dispersion": (1.0, -1.0)}, "dispersion above 0"),
    ],
)
def test_settings_out_of_range_are_refused(name, settings, words):
    with pytest.raises(IFPError, match=words):
        row_likelihood(name, **settings)


def test_dispersions_of_another_number_of_features_are_refused():
    with pytest.raises(IFPError, match="each of 3 features, got 2"):
        row_likelihood("negative-binomial", dispersion=(1.0, 2.0)).silence(Rows(COUNTS))


def test_poisson_counts_are_no_more_dispersed_and_it_is_said():
    counts = np.random.default_rng(0).binomial(5, 0.5, (200, 2))
    silence = row_likelihood("negative-binomial").silence(Rows(counts))
    assert silence.notes == ("2 of 2 features vary no more than Poisson counts",)
    found = score_spectrum(Rows(counts), row_likelihood("negative-binomial"), 2).points
    np.testing.assert_allclose(found, score_spectrum(Rows(counts), row_likelihood("poisson"), 2).points, rtol=1e-4)


def test_nats_are_those_of_scipy():
    outputs, values, exposure = np.array([[0.2, -0.4, 0.1]]), COUNTS, np.array([[1.0], [2.0], [0.5]])
    shares = np.exp(outputs[0]) / np.exp(outputs[0]).sum()
    rate = exposure * np.exp(outputs)

    def dispersed(mean):
        return stats.nbinom.logpmf(values, 2.0, 2.0 / (2.0 + mean)).sum(axis=1)

    expected = {
        "poisson": stats.poisson.logpmf(values, rate).sum(axis=1),
        "negative-binomial": dispersed(rate),
        "softmax": stats.multinomial.logpmf(values, values.sum(axis=1), shares),
        "softmax-rates": stats.poisson.logpmf(values, exposure * shares).sum(axis=1),
        "softmax-negative-binomial": dispersed(exposure * shares),
        "gaussian": stats.norm.logpdf(values, outputs).sum(axis=1),
        "laplace": stats.laplace.logpdf(values, outputs).sum(axis=1),
    }
    for name, log_probability in expected.items():
        settings = {"dispersion": 2.0} if "binomial" in name else {}
        given = (torch.from_numpy(one) for one in (outputs[None], values.astype(float), exposure))
        nats = row_likelihood(name, **settings).nats(*given)
        np.testing.assert_allclose(nats, -log_probability, rtol=1e-10, err_msg=name)


def test_the_absolute_error_freezes_by_the_density_at_the_median():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(40_001, 1))
    values = 0.8 * shared + 0.6 * rng.normal(size=(40_001, 2))  # unit variance, correlation 0.64
    found = score_spectrum(Rows(values), row_likelihood("laplace", scale=0.5), 2)
    # of a Gaussian pair E sign sign = 2 asin(rho) / pi, and the density at the median is 1 / sqrt(2 pi)
    covariance = 2 * math.asin(0.64) / math.pi
    expected = np.array([1 + covariance, 1 - covariance]) / 0.5 / (2 / math.sqrt(2 * math.pi))
    np.testing.assert_allclose(found.points, expected, rtol=0.02)
    assert "kernel estimate" in found.notes[0]
