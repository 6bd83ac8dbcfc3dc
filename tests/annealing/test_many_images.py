"""Action sequences of 10,000 images: the closed forms of few images, repeated, and nothing of images by images."""

import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from annealing.conditional import context_courses, context_gram, shared_code_value, shared_code_value_by_courses
from annealing.equilibrium import EquilibriumConfig, equilibrium
from annealing.errors import IFPError
from annealing.landau import transition
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import codebook_bound, eigenvalues, freezing_point
from annealing.stack import Case

LIKELIHOODS = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.1)], ids=lambda each: each.name)
MANY = 10_000


class _Largest(TorchDispatchMode):
    """Remembers how many numbers the largest tensor had that anything made."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for each in found if isinstance(found, tuple | list) else (found,):
            if isinstance(each, torch.Tensor):
                self.numbers = max(self.numbers, each.numel())
        return found


@contextmanager
def none_larger_than(numbers):
    with _Largest() as largest:
        yield
    assert largest.numbers <= numbers, f"a tensor of {largest.numbers} numbers was made"


def few_images(seed, n=8, pixels=6):
    """Grey images of which some are alike in a pixel, none in all."""
    return torch.rand(n, pixels, generator=torch.Generator().manual_seed(seed)).mul(4).round() / 4


@LIKELIHOODS
@pytest.mark.parametrize("seed", range(3))
def test_repeated_images_have_the_closed_forms_of_one_set(seed, likelihood):
    few = few_images(seed)
    many = few.repeat(MANY // len(few), 1)
    with none_larger_than(MANY * 300):
        found, bound = transition(many, likelihood), rate_distortion_bound([many], likelihood)[0]
        assert freezing_point(many, likelihood) == pytest.approx(freezing_point(few, likelihood), rel=1e-12)
        assert codebook_bound(many, likelihood) == pytest.approx(codebook_bound(few, likelihood), rel=1e-12)
    expected = transition(few, likelihood)
    assert found.order == expected.order
    np.testing.assert_allclose(
        [found.slope, found.second_ratio, found.jump],
        [expected.slope, expected.second_ratio, expected.jump],
        rtol=1e-8, atol=1e-12,
    )  # fmt: skip
    assert bound == pytest.approx(rate_distortion_bound([few], likelihood)[0], rel=2e-5)  # its own tolerance is 1e-5


def test_ten_thousand_grey_levels_of_one_pixel_have_their_variance_over_that_of_the_decoder():
    """Evenly spaced levels: variance (n + 1) / (12 (n - 1)), mean 1/2."""
    levels = torch.linspace(0, 1, MANY, dtype=torch.float64)[:, None]
    expected = (MANY + 1) / (12 * (MANY - 1)) / 0.25
    with none_larger_than(MANY * 300):
        assert freezing_point(levels, Bernoulli()) == pytest.approx(expected, rel=1e-12)
        assert transition(levels, Bernoulli()).second_ratio == 0
        assert expected <= rate_distortion_bound([levels], Bernoulli())[0] <= 1
    assert eigenvalues(levels, Bernoulli())[1:].abs().max() == 0


def test_a_line_of_ten_thousand_points_is_sub_gaussian_up_to_its_variance():
    """Evenly spaced points are strictly sub-Gaussian: beta_RD is lambda_max, the variance over sigma^2."""
    line = torch.linspace(-1, 1, MANY, dtype=torch.float64)[:, None]
    expected = (MANY + 1) / (3 * (MANY - 1)) / 0.1
    assert rate_distortion_bound([line], Gaussian(0.1))[0] == pytest.approx(expected, rel=1e-9)


def test_one_bright_image_among_ten_thousand_freezes_at_its_number_of_pixels():
    """Perfectly correlated binary pixels: lambda_max = beta_RD = k, and naming the image gains k ln n for ln n."""
    k = 5
    images = torch.zeros(MANY, k)
    images[17] = 1.0
    with none_larger_than(MANY * 300):
        assert freezing_point(images, Bernoulli()) == pytest.approx(k, rel=1e-9)
        assert rate_distortion_bound([images], Bernoulli())[0] == pytest.approx(k, rel=1e-6)
    assert codebook_bound(images, Bernoulli()) == pytest.approx(k, rel=1e-6)


@pytest.mark.parametrize("bright", [2.0**-8, 2.0**-20])
def test_a_pixel_that_is_nearly_always_white_keeps_its_digits(bright):
    """White in all of n images but one, which lacks d: d (n - 1) / n / (1 - d / n)."""
    images = torch.ones(MANY, 1)
    images[3] -= bright
    share = bright / MANY
    expected = bright * (MANY - 1) / MANY / (1 - share)
    rounding = 4 * np.finfo(np.float64).eps / share  # of 1 - p
    assert freezing_point(images, Bernoulli()) == pytest.approx(expected, rel=rounding)


@LIKELIHOODS
def test_a_code_shared_by_contexts_is_worth_the_same_by_courses_as_by_their_gram_matrix(likelihood):
    """Contexts that lack classes, too."""
    stream = torch.Generator().manual_seed(4)
    means = torch.rand(7, 30, 5, generator=stream, dtype=torch.float64)
    counts = torch.randint(0, 3, (7, 30), generator=stream)
    counts[:, 0] += 1
    total = counts.sum(dim=0)
    courses = context_courses(means, counts, likelihood)
    there = [count.nonzero()[:, 0] for count in counts]
    parts = [(rows, course[rows]) for rows, course in zip(there, courses, strict=True)]
    expected = shared_code_value(context_gram(means, counts, likelihood), total)
    assert shared_code_value_by_courses(parts, total) == pytest.approx(expected, rel=1e-9)


def test_a_code_that_no_image_varies_with_is_worth_nothing_by_courses():
    assert shared_code_value_by_courses([(torch.arange(3), torch.zeros(3, 2).double())], torch.ones(3)) == 0
    assert shared_code_value_by_courses([], torch.ones(3)) == 0
    assert math.isnan(transition(torch.ones(MANY, 4), Bernoulli()).slope)


def test_equilibrium_refuses_codes_whose_curvature_would_not_fit():
    images = few_images(0).repeat(126, 1)
    case, config = Case(images, 0.1, 1.0, 0), EquilibriumConfig(latents=2)
    with pytest.raises(IFPError, match=r"need at most 2000 codes \(images times latents\) of a case .*, got 2016"):
        next(equilibrium([case], config, Bernoulli()))
