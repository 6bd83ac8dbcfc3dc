"""Freezing points against eigenvalues computed in pixel space by numpy, and against closed forms."""

import itertools

import numpy as np
import pytest
import torch
from scipy.linalg import hadamard
from scipy.stats import ortho_group

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.spectral import codebook_bound, eigenvalues, freezing_point

LIKELIHOODS = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(), Gaussian(0.3)], ids=str)


def binary_images(rng, n, pixels):
    """Neighbouring pixels go together: a random walk cut at the pixels' own thresholds."""
    walks = rng.normal(size=(n, pixels)).cumsum(axis=1)
    return (walks > rng.normal(size=pixels)).astype(np.float64)


def grey_images(rng, n, pixels):
    return 1 / (1 + np.exp(-rng.normal(size=(n, 3)) @ rng.normal(size=(3, pixels)) - rng.normal(size=(n, pixels))))


def partly_constant_images(rng, n, pixels):
    images = grey_images(rng, n, pixels)
    images[:, ::3] = np.resize([0.0, 1.0, 0.25], images[:, ::3].shape[1])
    return images


def pixel_space_eigenvalues(images, likelihood):
    """Eigenvalues of the pixels x pixels matrix, falling; a pixel without decoder variance has none to add."""
    mean = images.mean(axis=0)
    variance = mean * (1 - mean) if isinstance(likelihood, Bernoulli) else np.full_like(mean, likelihood.sigma2)
    whitening = np.divide(1, np.sqrt(variance), out=np.zeros_like(variance), where=variance > 0)
    return np.linalg.eigvalsh(whitening[:, None] * np.cov(images, rowvar=False, bias=True) * whitening)[::-1]


@LIKELIHOODS
@pytest.mark.parametrize(
    "shape", [(12, 80), (200, 9), (40, 40)], ids=lambda shape: "{} images of {} pixels".format(*shape)
)
@pytest.mark.parametrize("draw", [binary_images, grey_images, partly_constant_images])
def test_eigenvalues_are_those_of_the_whitened_covariance_in_pixel_space(draw, shape, likelihood):
    images = draw(np.random.default_rng(11), *shape)
    found = eigenvalues(torch.from_numpy(images), likelihood).numpy()
    expected = pixel_space_eigenvalues(images, likelihood)
    common = min(shape)
    assert found.shape == shape[:1]
    np.testing.assert_allclose(found[:common], expected[:common], rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(found[common:], 0, atol=1e-10)
    np.testing.assert_allclose(freezing_point(torch.from_numpy(images), likelihood), expected[0], rtol=1e-6)


@LIKELIHOODS
def test_eigenvalues_fall_and_are_nowhere_negative(likelihood):
    found = eigenvalues(torch.from_numpy(partly_constant_images(np.random.default_rng(2), 50, 10)), likelihood)
    assert found.dtype == torch.float64
    assert (found.diff() <= 0).all()
    assert (found >= 0).all()


@LIKELIHOODS
def test_the_layout_and_type_of_the_pixels_change_nothing(likelihood):
    images = torch.from_numpy(binary_images(np.random.default_rng(5), 30, 24))
    expected = freezing_point(images, likelihood)
    assert freezing_point(images.reshape(30, 4, 3, 2), likelihood) == expected
    for dtype in (torch.float32, torch.uint8, torch.bool):
        assert freezing_point(images.to(dtype), likelihood) == expected


@pytest.mark.parametrize("s2", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("lam", [0.04, 1.0, 25.0])
def test_gaussian_data_along_one_direction_freeze_at_data_variance_over_decoder_noise(lam, s2):
    direction = np.array([2.0, -1.0, 0.0, 2.0, 4.0]) / 5
    course = np.sqrt(lam) * np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])  # its sample variance is lam exactly
    images = torch.from_numpy(0.5 + np.outer(course, direction))
    np.testing.assert_allclose(freezing_point(images, Gaussian(s2)), lam / s2, rtol=1e-9)
    np.testing.assert_allclose(eigenvalues(images, Gaussian(s2))[1:], 0, atol=1e-9 * lam / s2)


def test_gaussian_data_along_several_directions_freeze_at_each_variance_over_decoder_noise():
    variances = np.array([9.0, 4.0, 0.25])
    directions = ortho_group.rvs(7, random_state=4)[:3]
    courses = hadamard(8)[:, [1, 2, 4]] * np.sqrt(variances)  # uncorrelated, mean 0
    found = eigenvalues(torch.from_numpy(courses @ directions), Gaussian(0.5))
    np.testing.assert_allclose(found, [18, 8, 0.5, 0, 0, 0, 0, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ones", [1, 3, 5, 9])
@pytest.mark.parametrize("k", [1, 2, 7])
def test_k_perfectly_correlated_binary_pixels_freeze_at_k_however_often_they_are_1(k, ones):
    course = torch.zeros(10, 1).index_fill(0, torch.arange(ones), 1.0)
    images = course.repeat(1, k)
    images[:, ::2] = 1 - images[:, ::2]  # anticorrelation is as good
    np.testing.assert_allclose(freezing_point(images, Bernoulli()), k, rtol=1e-9)


def test_independent_groups_of_equal_pixels_freeze_at_their_sizes():
    corners = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)))
    images = corners.repeat_interleave(torch.tensor([1, 2, 5]), dim=1)
    np.testing.assert_allclose(eigenvalues(images, Bernoulli()), [5, 2, 1, 0, 0, 0, 0, 0], rtol=1e-9, atol=1e-9)


def test_grey_pixels_freeze_at_their_variance_over_that_of_the_decoder():
    binary = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    grey = 0.5 + 0.2 * (binary - 0.5)  # the same mean image, a 25th of the variance
    np.testing.assert_allclose(freezing_point(grey, Bernoulli()), 2 / 25, rtol=1e-6)


@LIKELIHOODS
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_pixel_that_never_varies_contributes_nothing(value, likelihood):
    images = torch.from_numpy(grey_images(np.random.default_rng(8), 20, 6))
    with_constants = torch.cat([torch.full((20, 4), value, dtype=torch.float64), images], dim=1)
    torch.testing.assert_close(
        eigenvalues(with_constants, likelihood), eigenvalues(images, likelihood), rtol=1e-12, atol=1e-12
    )


@LIKELIHOODS
def test_images_that_are_all_the_same_freeze_at_0(likelihood):
    images = torch.tensor([0.0, 0.1, 0.7, 1.0]).repeat(5, 1)
    assert freezing_point(images, likelihood) == 0
    assert eigenvalues(images, likelihood).tolist() == [0] * 5


@LIKELIHOODS
@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (0, 4), (6,)], ids=str)
def test_fewer_than_two_images_are_refused(shape, likelihood):
    with pytest.raises(IFPError, match="at least 2 images"):
        freezing_point(torch.zeros(shape), likelihood)


@LIKELIHOODS
def test_images_without_pixels_are_refused(likelihood):
    with pytest.raises(IFPError, match=r"at least one pixel, got shape \(3, 0\)"):
        freezing_point(torch.zeros(3, 0), likelihood)


@LIKELIHOODS
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_pixels_that_are_not_finite_are_refused(value, likelihood):
    images = torch.zeros(4, 3)
    images[2, 1] = value
    with pytest.raises(IFPError, match="finite pixels"):
        freezing_point(images, likelihood)


@pytest.mark.parametrize("value", [-0.25, 1.5, 255.0])
def test_pixels_outside_0_to_1_are_refused_for_bernoulli_and_taken_for_gaussian(value):
    images = torch.tensor([[0.0, 1.0], [1.0, value]])
    with pytest.raises(IFPError, match=rf"pixels in 0\.\.1 .*got .*{value:g}"):
        freezing_point(images, Bernoulli())
    variances = np.array([0.25, ((value - 1) / 2) ** 2])  # of two images: half their distance, squared
    np.testing.assert_allclose(freezing_point(images, Gaussian()), variances.sum(), rtol=1e-9)


@pytest.mark.parametrize("pixels", [1, 7])
def test_codebook_bound_of_two_opposite_images_is_the_number_of_their_pixels(pixels):
    # each pixel of either image costs ln 2 under the mean image, naming it costs ln 2
    images = torch.tensor([[0.0], [1.0]]).repeat(1, pixels)
    assert codebook_bound(images, Bernoulli()) == pytest.approx(pixels, rel=1e-4)


def test_codebook_bound_is_gain_over_the_cost_of_the_dearest_image():
    # 4 images of 10 pixels, two of them alike: P is 1/2 for those, 1/4 for the others
    images = torch.tensor([[1.0] * 10, [1.0] * 10, [0.0] * 5 + [1.0] * 5, [0.0] * 10])
    p = images.double().mean(0).numpy()
    surprise = -(images.numpy() * np.log(p) + (1 - images.numpy()) * np.log1p(-p)).sum(1)
    expected = max(surprise[0] / np.log(2), surprise[2] / np.log(4), surprise[3] / np.log(4))
    assert codebook_bound(images, Bernoulli()) == pytest.approx(expected, rel=1e-4)


def test_codebook_bound_with_a_gaussian_decoder_is_half_the_squared_distance_over_the_cost():
    images = torch.tensor([[0.0, 0.0], [0.6, 0.8], [0.0, 0.0]])
    farthest = 0.5 * (2 / 3) ** 2 / 0.1 / np.log(3)  # the second image, 2/3 from the mean, named once in three
    nearest = 0.5 * (1 / 3) ** 2 / 0.1 / np.log(1.5)
    assert codebook_bound(images, Gaussian(0.1)) == pytest.approx(max(farthest, nearest), rel=1e-6)


def test_codebook_bound_of_images_all_the_same_is_0():
    assert codebook_bound(torch.ones(3, 4), Bernoulli()) == 0.0
