"""Order, slope and jump against the exact minimum: the best decoder for 2n encoder parameters, on a grid of z."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from annealing.errors import IFPError
from annealing.landau import _cumulants, _jump, _modes, _quartic, transition
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.spectral import freezing_point, whitened_pixels

Z = torch.linspace(-7, 7, 281, dtype=torch.float64)[:, None]
STEP = float(Z[1] - Z[0])


def blocks(*sizes):
    """One image per block of pixels, which is 1 there and 0 elsewhere."""
    return torch.eye(len(sizes)).repeat_interleave(torch.tensor(sizes), dim=1)


def translating_bar(positions=16, width=6):
    pixels = torch.arange(positions + width - 1)
    start = torch.arange(positions)[:, None]
    return ((pixels >= start) & (pixels < start + width)).double()


def nested_discs(radii=7, side=12):
    centred = torch.arange(side) - (side - 1) / 2
    square = centred[:, None].square() + centred.square()
    return torch.stack([(square < (r * side) ** 2).double() for r in torch.linspace(0.25, 0.5, radii)])


def grey_images(seed, n=6, pixels=12):
    stream = torch.Generator().manual_seed(seed)
    return (torch.randn(n, 3, generator=stream) @ torch.randn(3, pixels, generator=stream)).sigmoid().double()


def two_clusters(rare, of=10):
    return torch.tensor([1.0] * rare + [0.0] * (of - rare), dtype=torch.float64)[:, None]


class Exact:
    """Loss less that of silence, and KL, of one latent with Gaussian posteriors and the posterior-weighted mean."""

    def __init__(self, images, likelihood):
        flat = images.reshape(len(images), -1).double()
        self.images, self.likelihood = flat[:, flat.amax(dim=0) > flat.amin(dim=0)], likelihood
        self.n, self.freezing = len(images), freezing_point(images, likelihood)
        p = self.images.mean(dim=0)
        whitened = (self.images - p) / likelihood.variance(p).sqrt()
        self.leading = torch.linalg.eigh(whitened @ whitened.T).eigenvectors[:, -1] * self.n**0.5

    def divergence(self, mean):
        p = self.images.mean(dim=0)
        if isinstance(self.likelihood, Gaussian):
            return (mean - p).square().sum(dim=1) / (2 * self.likelihood.sigma2)
        return (torch.xlogy(mean, mean / p) + torch.xlogy(1 - mean, (1 - mean) / (1 - p))).sum(dim=1)

    def loss(self, point, beta):
        mu, logsd = point[: self.n], point[self.n :]
        logq = -0.5 * ((Z - mu) / logsd.exp()).square() - logsd - 0.5 * math.log(2 * math.pi)
        gain = (logq.exp().mean(dim=1) * self.divergence(logq.softmax(dim=1) @ self.images)).sum() * STEP
        kl = (0.5 * (mu.square() + (2 * logsd).exp() - 1) - logsd).mean()
        return beta * kl - gain, kl

    def start(self, mean, variance):
        return torch.cat([mean * self.leading, 0.5 * torch.log1p(variance * self.leading.clamp(-2, 2))])

    def minimum(self, relative, start):
        """Loss, KL and where, at a pressure relative to the freezing point."""

        def value_and_gradient(point):
            point = torch.tensor(point, requires_grad=True)
            value, _ = self.loss(point, relative * self.freezing)
            value.backward()
            return float(value.detach()), point.grad.numpy()

        options = {"maxiter": 3000, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 30}
        found = minimize(value_and_gradient, start.numpy(), jac=True, method="L-BFGS-B", options=options)
        where = torch.from_numpy(found.x)
        value, kl = self.loss(where, relative * self.freezing)
        return float(value), float(kl), where

    def jump(self, pressures):
        """Relative pressure at which the branch found below the freezing point breaks even with silence."""
        starts = [self.start(mean, variance) for mean, variance in ((0.3, 0.3), (0.3, -0.3))]
        where = min((self.minimum(0.98, start) for start in starts), key=lambda found: found[0])[2]
        losses = []
        for pressure in pressures:
            loss, kl, where = self.minimum(pressure, where)
            if loss > 0 or kl < 1e-6:
                break
            losses.append((loss, kl))
        # the loss rises with pressure at the rate KL, so that the last one before breaking even gives the place
        loss, kl = losses[-1]
        return pressures[len(losses) - 1] - loss / (kl * self.freezing) - 1


@pytest.mark.parametrize(
    ("images", "likelihood", "slope", "within"),
    [
        (torch.tensor([[-3.0], [-1.0], [1.0], [3.0]]), Gaussian(0.5), 0.5, 0.01),
        (translating_bar(), Bernoulli(), 3.53, 0.03),
        (translating_bar(12, 8), Bernoulli(), 2.32, 0.01),
        (torch.cat([grey_images(5), 1 - grey_images(5)]), Bernoulli(), 1.473, 0.005),
    ],
    ids=["gaussian", "bar", "wider bar", "grey and negatives"],
)
def test_the_slope_is_that_of_the_exact_kl(images, likelihood, slope, within):
    found, exact = transition(images, likelihood), Exact(images, likelihood)
    where, slopes = exact.start(0.3, 0.0), {}
    for relative in (0.98, 0.99, 0.995):
        _, kl, where = exact.minimum(relative, where)
        slopes[relative] = kl / math.log(1 / relative)
    assert found.order == "continuous"
    assert found.slope == pytest.approx(slope, rel=0.005)
    # the next term of KL is of second order in the distance from the freezing point
    assert 2 * slopes[0.995] - slopes[0.99] == pytest.approx(found.slope, rel=within)


def test_a_small_cubic_term_leaves_a_continuous_transition_its_slope():
    found, exact = transition(nested_discs(), Bernoulli()), Exact(nested_discs(), Bernoulli())
    _, kl, _ = exact.minimum(0.98, exact.start(0.3, 0.0))
    assert found.order == "continuous"
    assert 0 < found.jump < 0.01
    assert found.slope == pytest.approx(1.82, rel=0.005)
    assert kl / math.log(1 / 0.98) == pytest.approx(found.slope, rel=0.04)


def test_symmetric_gaussian_data_have_slope_one_half_whatever_their_other_modes():
    corners = torch.tensor([[a, b, c] for a in (-3.0, 3.0) for b in (-2.0, 2.0) for c in (-1.0, 1.0)])
    for s2 in (0.1, 1.0, 7.0):
        found = transition(corners, Gaussian(s2))
        assert (found.order, found.slope) == ("continuous", pytest.approx(0.5))
        assert found.second_ratio == pytest.approx(4 / 9)
        assert found.jump == pytest.approx(0, abs=1e-12)


def test_three_shapes_that_bend_the_manifold_hold_information_above_their_freezing_point():
    images = blocks(18, 20, 40)
    found, exact = transition(images, Bernoulli()), Exact(images, Bernoulli())
    assert found.order == "first_order"
    assert math.isnan(found.slope)
    assert math.isnan(found.jump)  # the quartic term is negative
    starts = [exact.start(mean, variance) for mean, variance in ((0.3, 0.3), (0.3, -0.3))]
    where = min((exact.minimum(0.98, start) for start in starts), key=lambda each: each[0])[2]
    _, kl, where = exact.minimum(1.0, where)
    assert kl == pytest.approx(0.079, abs=0.002)
    loss, kl, _ = exact.minimum(1.003, where)
    assert loss < 0
    assert kl > 0.03


@pytest.mark.parametrize(
    ("images", "likelihood", "within"),
    [
        (two_clusters(9, 20), Gaussian(0.3), 0.02),
        (two_clusters(4), Gaussian(), 0.05),
        (two_clusters(3), Gaussian(2.0), 0.3),
        (grey_images(3), Bernoulli(), 0.25),
        (grey_images(1), Bernoulli(), 0.25),
    ],
    ids=["clusters 0.45", "clusters 0.4", "clusters 0.3", "grey", "more skewed grey"],
)
def test_the_jump_is_where_the_exact_loss_breaks_even_with_silence(images, likelihood, within):
    found = transition(images, likelihood)
    assert found.order == ("first_order" if found.jump > 0.01 else "continuous")
    exact = Exact(images, likelihood).jump(1 + found.jump * np.arange(0, 2, 0.05))
    assert exact == pytest.approx(found.jump, rel=within)


def test_a_jump_above_one_percent_is_of_first_order_and_has_no_slope():
    assert transition(two_clusters(4), Gaussian()).order == "continuous"  # 0.97%
    found = transition(two_clusters(3), Gaussian())
    assert found.order == "first_order"
    assert found.jump == pytest.approx(0.054, abs=0.001)
    assert math.isnan(found.slope)
    skewer = transition(two_clusters(1), Gaussian())  # A > 0, but the quartic form is negative in other directions
    assert skewer.order == "first_order"
    assert math.isnan(skewer.jump)


@pytest.mark.parametrize(("rare", "leading", "exact"), [(4, 0.0097, 0.0093), (3, 0.054, 0.043)])
def test_two_clusters_jump_a_little_earlier_than_to_leading_order(rare, leading, exact):
    images, half_digit = two_clusters(rare), {4: 5e-5, 3: 5e-4}[rare]
    assert transition(images, Gaussian()).jump == pytest.approx(leading, abs=half_digit)
    found = Exact(images, Gaussian()).jump(1 + leading * np.arange(0.6, 1.2, 0.02))
    assert found == pytest.approx(exact, abs=half_digit)


@pytest.mark.parametrize(("rare", "of", "rough"), [(10, 20, False), (19, 40, False), (9, 20, True), (4, 10, True)])
def test_slopes_of_nearly_first_order_transitions_are_flagged(rare, of, rough):
    clusters = torch.cat([torch.ones(rare, 1), torch.zeros(of - rare, 1)])
    found = transition(clusters, Gaussian(0.1))  # jumps of 0, 0.06, 0.23 and 0.97%
    assert (found.order, found.slope_rough) == ("continuous", rough)
    assert found.slope == pytest.approx(0.5)


def test_in_the_code_s_own_coordinates_the_predicted_jump_is_further_from_the_exact_one():
    images = two_clusters(3)
    courses, mean = whitened_pixels(images, Gaussian())
    form = _quartic(courses, _modes(courses), *_cumulants(mean, Gaussian()))
    held_at_the_code = replace(form, mean=form.mean - form.cubic**2 / 4)
    assert [_jump(form), _jump(held_at_the_code)] == pytest.approx([0.0539, 0.0586], abs=5e-5)  # exact 0.0430


def skewed_images(seed, n, pixels):
    stream = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(n, pixels, generator=stream) - 1).sigmoid().double()


def held(exact, a, b):
    """Least loss at the freezing point of codes whose means and variances have amplitudes a and b of the leading mode.

    Amplitudes are in units of the root of the freezing point; all else about the code is free.
    """
    basis = torch.cat([exact.leading[:, None], torch.eye(exact.n, dtype=torch.float64)], dim=1)
    free = torch.linalg.qr(basis).Q[:, 1:]
    fixed = torch.stack([a * exact.leading, math.sqrt(2) * b * exact.leading])

    def loss_and_gradient(point):
        point = torch.tensor(point, requires_grad=True)
        mean, excess = fixed + point.reshape(2, -1) @ free.T
        value, _ = exact.loss(torch.cat([mean, 0.5 * torch.log1p(excess)]), exact.freezing)
        value.backward()
        return float(value.detach()), point.grad.numpy()

    options = {"gtol": 1e-9 * exact.freezing, "maxiter": 500}
    start = np.zeros(2 * free.shape[1])
    return minimize(loss_and_gradient, start, jac=True, method="BFGS", options=options).fun / exact.freezing


def measured_form(exact, size):
    """Cubic coefficient and the three quartic ones (of a^4, a^2 b^2, b^4) in those units; b changes the cubic's sign.

    From amplitudes of one size and of twice that size, extrapolated to none.
    """

    def at(size):
        cubic, quartic = [], []
        for angle in (0, math.pi / 4, math.pi / 2):
            a, b = size * math.cos(angle), size * math.sin(angle)
            plus, minus = held(exact, a, b), held(exact, a, -b)
            cubic.append((plus - minus) / (2 * size**3))
            quartic.append((plus + minus) / (2 * size**4))
        return np.array([cubic, quartic])

    cubic, (mean, between, variance) = (4 * at(size) - at(2 * size)) / 3
    assert cubic[1] == pytest.approx(cubic[2] * 2.5 / math.sqrt(8), rel=0.01)  # the form a^2 b + 2 b^3 / 3
    return cubic[2], mean, 4 * between - mean - variance, variance


@pytest.mark.parametrize(("seed", "n", "pixels"), [(307, 4, 3), (346, 5, 4), (249, 5, 4)])
def test_slope_and_jump_follow_from_the_exact_loss_of_small_codes_at_the_freezing_point(seed, n, pixels):
    images = skewed_images(seed, n, pixels)
    found = transition(images, Bernoulli())
    cubic, mean, mixed, variance = measured_form(Exact(images, Bernoulli()), 0.015)
    angle = np.linspace(0, np.pi / 2, 2000)[1:]
    a, b = np.cos(angle), np.sin(angle)
    quartic = mean * a**4 + mixed * a**2 * b**2 + variance * b**4
    jump = ((cubic * (1.5 * a**2 * b + b**3)) ** 2 / (2 * quartic)).max()
    assert found.jump == pytest.approx(jump, rel=2e-3)
    # A is that of a decoder held at b; a code held at b has D_1^2 / 4 less (found numerically), D_1 = 3 cubic / sqrt(2)
    assert found.slope == pytest.approx(1 / (8 * (mean + 9 / 8 * cubic**2)), rel=2e-3)


def test_a_second_eigenvalue_close_to_the_first_is_flagged_before_anything_else():
    for images in (blocks(20, 20, 20), blocks(20, 20, 20, 20), torch.eye(5)):
        found = transition(images, Bernoulli())
        assert (found.order, found.second_ratio) == ("degenerate", pytest.approx(1))
        assert math.isnan(found.slope)
        assert math.isnan(found.jump)
    corners = torch.tensor([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    assert transition(corners * torch.tensor([1.0, 0.94]), Gaussian()).order == "continuous"  # ratio 0.88
    assert transition(corners * torch.tensor([1.0, 0.96]), Gaussian()).order == "degenerate"  # ratio 0.92


@pytest.mark.parametrize("ones", [1, 3, 5])
def test_two_distinct_binary_images_are_continuous_but_steeper_than_any_slope(ones):
    images = two_clusters(ones).repeat(1, 7)
    found, exact = transition(images, Bernoulli()), Exact(images, Bernoulli())
    assert found.order == "continuous"
    assert math.isnan(found.slope)
    slopes = [exact.minimum(each, exact.start(0.3, 0.0))[1] / math.log(1 / each) for each in (0.98, 0.995)]
    assert slopes[1] > 1.5 * slopes[0]


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)
def test_repeated_images_pixels_that_never_vary_and_the_order_of_both_change_nothing(likelihood):
    images = grey_images(5)
    expected = transition(images, likelihood)
    constants = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64).expand(len(images), -1)
    shuffled = images[:, torch.randperm(images.shape[1], generator=torch.Generator().manual_seed(1))]
    for same in (images.repeat(2, 1), images.flip(0), shuffled, torch.cat([constants, images], dim=1)):
        found = transition(same, likelihood)
        assert found.order == expected.order
        for field in ("slope", "second_ratio", "jump"):
            assert getattr(found, field) == pytest.approx(getattr(expected, field), rel=1e-6, abs=1e-9, nan_ok=True)


def test_slope_and_jump_do_not_depend_on_how_often_a_pixel_is_repeated():
    images = nested_discs()
    expected, found = (transition(each, Bernoulli()) for each in (images, images.repeat(1, 3, 1)))
    assert (found.slope, found.jump) == (pytest.approx(expected.slope), pytest.approx(expected.jump))


def test_images_all_the_same_have_no_transition():
    found = transition(torch.full((4, 3), 0.5), Bernoulli())
    assert (found.order, found.second_ratio) == ("none", 0.0)
    assert math.isnan(found.slope)
    assert math.isnan(found.jump)


def test_images_that_the_spectrum_refuses_are_refused():
    with pytest.raises(IFPError, match="at least 2 images"):
        transition(torch.zeros(1, 3), Bernoulli())
    with pytest.raises(IFPError, match=r"pixels in 0\.\.1"):
        transition(torch.tensor([[0.0], [2.0]]), Bernoulli())
