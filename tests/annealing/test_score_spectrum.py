"""Spectra of whitened scores: closed forms, dense matrices for wide and sparse rows, the spectrum of images."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.optimize import brentq

from annealing import leading_modes
from annealing.errors import IFPError
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.rows import Rows
from annealing.score_spectrum import score_spectrum
from annealing.spectral import eigenvalues


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def covariance_values(values):
    return np.linalg.eigvalsh(np.cov(values.T, bias=True))[::-1]


@pytest.mark.parametrize(
    ("name", "settings", "likelihood"),
    [("bernoulli", {}, Bernoulli()), ("gaussian", {}, Gaussian()), ("gaussian", {"variance": 0.1}, Gaussian(0.1))],
)
def test_images_have_the_values_of_their_own_spectrum(name, settings, likelihood):
    images = np.random.default_rng(0).random((30, 12))
    images[:, 3] = 0.3  # never varies
    found = score_spectrum(Rows(images), row_likelihood(name, **settings), 5)
    np.testing.assert_allclose(found.points, eigenvalues(torch.from_numpy(images), likelihood)[:5], rtol=1e-10)
    assert list(np.flatnonzero(~found.varying)) == [3]


def test_forms_of_the_variance_have_their_closed_values():
    values = normal((400, 6)) @ np.diag([3, 2, 1, 1, 0.5, 0.5]) @ normal((6, 6), 1)
    lam = covariance_values(values)
    of = {form: score_spectrum(Rows(values), row_likelihood(f"gaussian-{form}"), 6) for form in ("each", "shared")}
    np.testing.assert_allclose(of["each"].points, np.linalg.eigvalsh(np.corrcoef(values.T))[::-1], rtol=1e-9)

    def excess(beta, k):
        """Mode k over the variance s, less beta: k modes before leave beta s each, 6 s is the sum of what is left."""
        return lam[k] * (6 - k * beta) / lam[k:].sum() - beta

    np.testing.assert_allclose(of["shared"].points, [brentq(excess, 0, 100, args=(k,)) for k in range(6)], rtol=1e-9)


def test_a_heavy_tail_alone_freezes_where_its_spread_is_decoded():
    values = np.random.default_rng(3).standard_t(5, (500, 1))
    centred = values - values.mean()
    kurtosis = (centred**4).mean() / (centred**2).mean() ** 2
    points = score_spectrum(Rows(values), row_likelihood("gaussian-decoded"), 2).points
    skew = (centred**3).mean() / (centred**2).mean() ** 1.5
    matrix = [[1, skew / np.sqrt(2)], [skew / np.sqrt(2), (kurtosis - 1) / 2]]
    np.testing.assert_allclose(points, np.linalg.eigvalsh(matrix)[::-1], rtol=1e-9)


@pytest.mark.parametrize("name", ["poisson", "negative-binomial"])
def test_rows_drawn_from_their_own_likelihood_freeze_at_1(name):
    rng = np.random.default_rng(0)
    exposure = rng.lognormal(0, 1, 40_000)
    rate = exposure[:, None] * [0.5, 3.0, 10.0]
    counts = rng.poisson(rate) if name == "poisson" else rng.negative_binomial(2.0, 2.0 / (2.0 + rate))
    settings = {"dispersion": 2.0} if name == "negative-binomial" else {}
    points = score_spectrum(Rows(counts, exposure), row_likelihood(name, **settings), 3).points
    np.testing.assert_allclose(points, 1, atol=0.05)


def test_the_silent_rate_of_dispersed_counts_is_not_the_ratio_of_sums():
    rng = np.random.default_rng(1)
    exposure = rng.lognormal(0, 1.5, 300)
    counts = rng.negative_binomial(0.5, 0.5 / (0.5 + 2 * exposure))[:, None]
    silence = row_likelihood("negative-binomial", dispersion=0.5).silence(Rows(counts, exposure))
    rate = np.exp(silence.outputs[0, 0])
    mean = exposure * rate
    assert (0.5 * (counts[:, 0] - mean) / (0.5 + mean)).sum() == pytest.approx(0, abs=1e-9)
    assert abs(rate * exposure.sum() / counts.sum() - 1) > 0.03


@pytest.mark.parametrize(("rows", "features"), [(50, 700), (700, 50), (150, 120)])
@pytest.mark.parametrize("name", ["gaussian", "poisson", "softmax-negative-binomial"])
def test_wide_and_sparse_rows_have_the_values_of_a_dense_matrix(rows, features, name, monkeypatch):
    rng = np.random.default_rng(2)
    exposure = rng.lognormal(0, 0.5, rows)
    rate = rng.gamma(0.3, 2, features) * np.exp(rng.normal(size=(rows, 2)) @ rng.normal(size=(2, features)) / 2)
    counts = rng.poisson(exposure[:, None] * rate)
    settings = {"dispersion": 3.0} if name.endswith("binomial") else {}
    likelihood, exposed = row_likelihood(name, **settings), name != "gaussian"
    silence = likelihood.silence(Rows(counts, exposure if exposed else None))
    courses = silence.scores.times(silence.curvature.whiten(np.eye(features)))
    values = np.linalg.svd(courses, compute_uv=False)[:3] ** 2 / rows
    for small in (1000, 10):  # the whole matrix, and the operator
        monkeypatch.setattr(leading_modes, "SMALL", small)
        found = score_spectrum(Rows(sparse.csr_matrix(counts), exposure if exposed else None), likelihood, 3)
        np.testing.assert_allclose(found.points, values, rtol=1e-7)
        directions = found.directions.reshape(3, features).T
        np.testing.assert_allclose(directions.T @ silence.curvature.times(directions), np.eye(3), atol=1e-6)
        codes = silence.scores.times(directions)
        np.testing.assert_allclose(codes.T @ codes / rows, np.diag(values), atol=1e-5 * values[0])


def test_rows_that_are_all_the_same_are_refused():
    with pytest.raises(IFPError, match="a feature that varies"):
        score_spectrum(Rows(np.ones((4, 3))), row_likelihood("gaussian"))
    with pytest.raises(IFPError, match="modes of at least 1"):
        score_spectrum(Rows(np.eye(4)), row_likelihood("gaussian"), 0)
