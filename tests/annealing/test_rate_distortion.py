"""The bound against closed forms, against scans over all weights, and against the condition on u that defines it."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, logit, logsumexp, softmax, xlogy

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import codebook_bound, freezing_point

LIKELIHOODS = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)


def bound(images, likelihood):
    return rate_distortion_bound([torch.as_tensor(images)], likelihood)[0]


def binary_images(seed, n, pixels):
    """A random walk cut at the pixels' own thresholds: neighbouring pixels go together."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, pixels)).cumsum(axis=1) > rng.normal(size=pixels)).astype(np.float64)


def grey_images(seed, n, pixels):
    rng = np.random.default_rng(seed)
    return 1 / (1 + np.exp(-2 * rng.normal(size=(n, 2)) @ rng.normal(size=(2, pixels))))


def blocks(*sizes):
    """One image per block of pixels, which is 1 there and 0 elsewhere."""
    return np.repeat(np.eye(len(sizes)), sizes, axis=1)


def quotients(weights, images, likelihood):
    """Divergence of mean images over KL of weights (many, n), in numpy and without clamping."""
    p = images.mean(axis=0)
    mean = weights @ images
    if isinstance(likelihood, Gaussian):
        divergence = ((mean - p) ** 2).sum(axis=-1) / (2 * likelihood.sigma2)
    else:
        # rounding may lift a mean above 1 by an ulp
        mean, varying = np.clip(mean, 0, 1), (p > 0) & (p < 1)
        mean, p = mean[..., varying], p[varying]
        divergence = (xlogy(mean, mean / p) + xlogy(1 - mean, (1 - mean) / (1 - p))).sum(axis=-1)
    kl = xlogy(weights, weights * len(images)).sum(axis=-1)
    return np.where(kl > 1e-7, divergence / np.maximum(kl, 1e-7), 0)


def searched(images, likelihood, starts=30):
    """Largest quotient that a quasi-Newton search from random weights of all sharpnesses finds."""
    rng = np.random.default_rng(0)

    def loss(logits):
        return -float(quotients(softmax(logits), images, likelihood))

    return max(
        -minimize(loss, rng.normal(size=len(images)) * scale, method="BFGS").fun
        for scale in np.geomspace(0.1, 5, starts)
    )


@pytest.mark.parametrize("distance", [0.4, 3.0])
@pytest.mark.parametrize("s2", [0.1, 1.0])
@pytest.mark.parametrize("rare", [1, 2, 3, 9])
def test_two_clusters_under_a_gaussian_decoder_have_the_kearns_saul_constant(rare, s2, distance):
    direction = np.array([2.0, -1.0, 2.0]) / 3 * distance
    images = np.outer(np.arange(20) < rare, direction)
    w = rare / 20
    expected = distance**2 * (1 - 2 * w) / (2 * math.log((1 - w) / w)) / s2
    assert bound(images, Gaussian(s2)) == pytest.approx(expected, rel=1e-6)
    assert expected > freezing_point(torch.from_numpy(images), Gaussian(s2)) * 1.001


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("ones", [1, 3, 5, 9])
def test_perfectly_correlated_binary_pixels_leave_no_gap_above_the_freezing_point(ones, k):
    images = np.repeat((np.arange(10) < ones)[:, None].astype(float), k, axis=1)
    images[:, ::2] = 1 - images[:, ::2]
    assert bound(images, Bernoulli()) == pytest.approx(k, rel=1e-6)


def test_corners_of_a_box_leave_no_gap_under_a_gaussian_decoder():
    corners = np.array(list(itertools.product([-2.0, 2.0], [-1.0, 1.0], [-0.5, 0.5])))  # strictly sub-Gaussian
    assert bound(corners, Gaussian(0.5)) == pytest.approx(8, rel=1e-6)


@LIKELIHOODS
@pytest.mark.parametrize(
    "images",
    [blocks(20, 20, 20), blocks(18, 20, 40), blocks(5, 20, 60), binary_images(3, 3, 30), grey_images(1, 3, 20)],
    ids=["equal blocks", "blocks", "unequal blocks", "binary", "grey"],
)
def test_three_images_against_a_scan_of_all_their_weights(images, likelihood):
    grid = np.arange(401) / 400
    first, second = (each.ravel() for each in np.meshgrid(grid, grid))
    inside = first + second <= 1
    weights = np.stack([first, second, np.maximum(1 - first - second, 0)], axis=1)[inside]
    scan = quotients(weights, images, likelihood).max()
    found = bound(images, likelihood)
    assert found >= scan * (1 - 1e-5)
    # the scan misses what lies between its points and nearest to P
    assert found <= max(scan * 1.001, freezing_point(torch.from_numpy(images), likelihood) * (1 + 1e-9))


@LIKELIHOODS
@pytest.mark.parametrize(
    "images",
    [binary_images(0, 5, 40), binary_images(1, 7, 25), grey_images(4, 6, 30), blocks(30, 31, 35, 50)],
    ids=["5 binary", "7 binary", "6 grey", "4 blocks"],
)
def test_no_search_from_random_weights_finds_more_and_it_finds_no_less(images, likelihood):
    expected = max(searched(images, likelihood), freezing_point(torch.from_numpy(images), likelihood))
    assert bound(images, likelihood) == pytest.approx(expected, rel=2e-5)


@LIKELIHOODS
@pytest.mark.parametrize("images", [blocks(18, 20, 40), binary_images(0, 5, 40)], ids=["blocks", "binary"])
def test_the_condition_on_u_that_defines_the_bound_holds_above_it_and_fails_below(images, likelihood):
    images = images[:, images.std(axis=0) > 0]
    p = images.mean(axis=0)

    def loss(u, beta):
        """B(u) - beta ln E exp[(x - p) . u / beta], what silence wins over a decoder moved by u, and its gradient."""
        tilts = (images - p) @ u / beta
        if isinstance(likelihood, Bernoulli):
            tilted = expit(u + logit(p))
            cost = (np.log1p(p * np.expm1(u)) - p * u).sum()
        else:
            tilted = p + likelihood.sigma2 * u
            cost = likelihood.sigma2 * (u @ u) / 2
        value = cost - beta * (logsumexp(tilts) - math.log(len(images)))
        return value, tilted - softmax(tilts) @ images

    def least(beta):
        rng = np.random.default_rng(1)
        weights = softmax(rng.normal(size=(40, len(images))) * np.geomspace(0.3, 30, 40)[:, None], axis=1)
        if isinstance(likelihood, Bernoulli):
            starts = logit(np.clip(weights @ images, 1e-4, 1 - 1e-4)) - logit(p)
        else:
            starts = (weights @ images - p) / likelihood.sigma2
        return min(minimize(loss, u, args=(beta,), jac=True, method="L-BFGS-B").fun for u in starts)

    found = bound(images, likelihood)
    assert least(found * 1.001) > -1e-6
    assert least(found * 0.99) < -1e-3


@LIKELIHOODS
@pytest.mark.parametrize("draw", [binary_images, grey_images])
def test_the_bound_lies_above_the_freezing_point_and_above_a_code_of_one_image(draw, likelihood):
    cases = [torch.from_numpy(draw(seed, n, 15)) for seed in range(5) for n in (2, 3, 8, 30)]
    found = rate_distortion_bound(cases, likelihood)
    for case, value in zip(cases, found, strict=True):
        assert value >= freezing_point(case, likelihood) * (1 - 1e-12)
        assert value >= codebook_bound(case, likelihood) * (1 - 1e-12)


@pytest.mark.parametrize("sizes", [(200, 200, 200, 200), (180, 200, 220, 240)], ids=str)
def test_a_code_of_one_image_is_reached_where_it_is_the_answer(sizes):
    images = blocks(*sizes)
    expected = codebook_bound(torch.from_numpy(images), Bernoulli())
    assert expected > 1.05 * freezing_point(torch.from_numpy(images), Bernoulli())
    assert searched(images, Bernoulli(), starts=20) == pytest.approx(expected, rel=1e-5)
    assert bound(images, Bernoulli()) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("s2", [0.1, 1.0])
@pytest.mark.parametrize("strength", [0.07, 0.09, 0.11])
def test_an_outlier_decides_the_bound_where_two_other_modes_freeze_first(strength, s2):
    corners = np.array(list(itertools.product([-1.0, 1.0], [-1.0, 1.0])) * 5) * np.sqrt([strength, 0.8 * strength])
    images = np.zeros((21, 3))
    images[:20, :2], images[20, 2] = corners, 1.0
    w = 1 / 21
    # E e^(x.u) is at most that of the two clusters times both cosh, as these exceed 1: the larger constant decides
    clusters = (1 - 2 * w) / (2 * math.log((1 - w) / w))
    freezing = freezing_point(torch.from_numpy(images), Gaussian(s2)) * s2
    assert freezing == pytest.approx(strength * 20 / 21)
    assert bound(images, Gaussian(s2)) * s2 == pytest.approx(clusters, rel=1e-6)
    assert clusters > 1.3 * freezing


@LIKELIHOODS
def test_an_image_that_occurs_more_often_counts_as_often_and_how_they_are_listed_does_not_matter(likelihood):
    for images in (blocks(18, 20, 40), binary_images(2, 6, 30), grey_images(2, 6, 30)):
        once = bound(images, likelihood)
        assert bound(np.concatenate([images, images]), likelihood) == pytest.approx(once, rel=1e-6)
        assert bound(images[::-1].copy(), likelihood) == pytest.approx(once, rel=1e-5)
        uneven = np.concatenate([images, images[:1]])
        twice = bound(np.concatenate([uneven, uneven]), likelihood)
        assert twice == pytest.approx(bound(uneven, likelihood), rel=1e-6)


@LIKELIHOODS
def test_pixels_repeated_k_times_multiply_the_bound_and_more_pixels_never_lower_it(likelihood):
    images = binary_images(5, 6, 30)
    once = bound(images, likelihood)
    assert bound(np.repeat(images, 3, axis=1), likelihood) == pytest.approx(3 * once, rel=1e-5)
    parts = [bound(images[:, :pixels], likelihood) for pixels in (10, 20, 30)]
    assert parts == sorted(parts)
    constants = np.broadcast_to([0.0, 0.3, 1.0], (6, 3))
    assert bound(np.concatenate([images, constants], axis=1), likelihood) == pytest.approx(once, rel=1e-9)


def test_less_noise_raises_the_bound_of_a_gaussian_decoder_in_proportion():
    images = torch.from_numpy(grey_images(3, 8, 12))
    assert bound(images, Gaussian(0.1)) == pytest.approx(10 * bound(images, Gaussian()), rel=1e-6)


@LIKELIHOODS
def test_cases_of_all_sizes_together_have_the_bounds_that_they_have_alone(likelihood):
    cases = [torch.from_numpy(binary_images(n, n, pixels)) for n, pixels in ((3, 9), (6, 70), (3, 40), (12, 5))]
    cases.insert(2, torch.full((6, 4), 0.5))
    together = rate_distortion_bound(cases, likelihood)
    assert together[2] == 0.0
    assert together == pytest.approx([bound(case, likelihood) for case in cases], rel=1e-5)


def test_cases_too_wide_for_one_batch_have_the_bounds_that_they_have_alone():
    cases = [torch.from_numpy(grey_images(seed, 10, pixels)) for seed, pixels in enumerate((9000, 40, 7000, 8000))]
    expected = [bound(case, Bernoulli()) for case in cases]
    assert min(expected) > 0
    assert rate_distortion_bound(cases, Bernoulli()) == pytest.approx(expected, rel=1e-5)


def test_the_layout_and_type_of_the_pixels_change_nothing():
    images = torch.from_numpy(binary_images(5, 8, 600))
    expected = bound(images, Bernoulli())
    assert bound(images.reshape(8, 20, 10, 3), Bernoulli()) == expected
    for dtype in (torch.float32, torch.uint8, torch.bool):
        assert bound(images.to(dtype), Bernoulli()) == expected


@LIKELIHOODS
def test_no_cases_have_no_bounds_and_images_all_the_same_have_bound_0(likelihood):
    assert rate_distortion_bound([], likelihood) == []
    assert bound(torch.tensor([0.0, 0.1, 1.0]).repeat(5, 1), likelihood) == 0.0


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (0, 4), (6,)], ids=str)
def test_fewer_than_two_images_are_refused(shape):
    with pytest.raises(IFPError, match="at least 2 images"):
        bound(torch.zeros(shape), Bernoulli())


def test_images_without_pixels_and_pixels_that_cannot_be_drawn_are_refused():
    with pytest.raises(IFPError, match="at least one pixel"):
        bound(torch.zeros(3, 0), Bernoulli())
    with pytest.raises(IFPError, match=r"pixels in 0\.\.1"):
        bound(torch.tensor([[0.0, 1.5], [1.0, 1.5]]), Bernoulli())
    for value in (math.nan, math.inf):
        with pytest.raises(IFPError, match="finite pixels"):
            bound(torch.tensor([[0.0, value], [1.0, value]]), Gaussian())
