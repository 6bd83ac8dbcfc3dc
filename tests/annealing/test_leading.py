"""Leading eigenvalues of streamed sets against a dense float64 decomposition."""

import numpy as np
import pytest
import torch

from annealing import leading
from annealing.errors import IFPError
from annealing.leading import leading_eigenvalues
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.spectral import eigenvalues

SETS = {"few images": (12, 200), "few pixels": (300, 15), "many of both": (400, 120)}


def dense(images, variance):
    centred = images - images.mean(axis=0)
    varying = np.ptp(images, axis=0) > 0
    whitened = centred[:, varying] / np.sqrt(variance(images.mean(axis=0)[varying]))
    return np.linalg.eigvalsh(whitened.T @ whitened / len(images))[::-1]


def in_batches(images, size=50):
    return lambda: (torch.from_numpy(images[start : start + size]).float() for start in range(0, len(images), size))


@pytest.mark.parametrize("shape", SETS.values(), ids=SETS)
@pytest.mark.parametrize("exact", [2000, 10])
def test_streamed_values_are_those_of_the_whole_matrix(shape, exact):
    rng = np.random.default_rng(0)
    strong = rng.normal(size=(shape[0], 3)) @ rng.normal(size=(3, shape[1])) * [2.0]
    images = (strong + 0.3 * rng.normal(size=shape) > 0).astype(np.float64)
    images[:, 0] = 1.0  # never varies
    for likelihood, variance in ((Bernoulli(), lambda p: p * (1 - p)), (Gaussian(0.5), lambda p: np.full_like(p, 0.5))):
        found = leading_eigenvalues(in_batches(images), likelihood, 3, exact=exact).numpy()
        np.testing.assert_allclose(found, dense(images, variance)[:3], rtol=1e-3 if exact == 10 else 1e-6)


@pytest.mark.parametrize("together", [1, 2, 6])
@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian()], ids=["bernoulli", "gaussian"])
def test_few_images_that_are_too_large_to_hold_are_taken_two_by_two(together, likelihood, monkeypatch):
    images = torch.rand(6, 3000, generator=torch.Generator().manual_seed(4))
    expected = eigenvalues(images, likelihood)
    monkeypatch.setattr(leading, "HELD", 1000)
    held = []

    def batches():
        for start in range(0, 6, together):
            held.append(start)
            yield images[start : start + together]

    found = leading_eigenvalues(batches, likelihood, 20)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert len(held) > 6 // together  # they were read more than once


def test_fewer_values_come_back_where_there_are_fewer():
    images = np.random.default_rng(1).uniform(size=(40, 5))
    assert len(leading_eigenvalues(in_batches(images), Bernoulli(), 20)) == 5


def test_what_has_no_spectrum_is_refused():
    with pytest.raises(IFPError, match="at least 2 images for a freezing point, got 1"):
        leading_eigenvalues(in_batches(np.ones((1, 4))), Bernoulli())
    with pytest.raises(IFPError, match=r"pixels in 0\.\.1 for a Bernoulli likelihood, got 0\.\.2"):
        leading_eigenvalues(in_batches(np.array([[0.0], [2.0]])), Bernoulli())
    with pytest.raises(IFPError, match="finite pixels"):
        leading_eigenvalues(in_batches(np.array([[0.0], [np.nan]])), Gaussian())
    with pytest.raises(IFPError, match="one eigenvalue or more"):
        leading_eigenvalues(in_batches(np.eye(3)), Gaussian(), 0)
