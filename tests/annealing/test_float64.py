"""Computations of the training loop in float32 against the same in float64, on the same float32 numbers.

``EPS`` is the spacing of float32 at 1; a number is rounded by half of it, relatively. Bounds are what a few roundings
may add up to, and no more.
"""

import numpy as np
import pytest
import torch
from scipy import special

from annealing.bottleneck import gaussian_kl, log_density, reparameterize, shifted_grid, stratified_normal
from annealing.leading import leading_eigenvalues
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.spectral import freezing_point
from annealing.stack import Case, DenseStack, merge_pixels

EPS = torch.finfo(torch.float32).eps

LOGITS = torch.tensor([-100.0, -50.0, -20.5, -19.5, -8.0, -1e-3, 0.0, 1e-3, 3.0, 19.5, 20.5, 50.0, 100.0])
PIXELS = torch.tensor([0.0, 1 / 255, 0.3, 0.5, 200 / 255, 1.0])
MEANS = torch.tensor([-1e3, -30.0, -1.0, -1e-3, 0.0, 1e-4, 0.5, 4.0, 1e3])
LOGVARS = torch.tensor([-20.0, -10.0, -1.0, -1e-2, -1e-4, 0.0, 6e-4, 0.7, 5.0, 20.0])


def drawn(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def assert_within(found, exact, bound):
    """Each number of a float32 tensor within a bound of the float64 one's: a tensor of bounds, or one for all."""
    assert found.dtype == torch.float32
    assert exact.dtype == torch.float64
    over = (found.double() - exact).abs() - bound
    assert float(over.max()) <= 0, f"off by {float((found.double() - exact).abs().max()):g}"


def slopes(function, *inputs):
    """Gradients of the sum of the function by each input."""
    leaves = [each.clone().requires_grad_() for each in inputs]
    return torch.autograd.grad(function(*leaves).sum(), leaves)


# Likelihoods


def bernoulli_nats(logits, pixels):
    """-x ln p - (1 - x) ln(1 - p), without a difference of large numbers."""
    logits, pixels = logits.double().numpy(), pixels.double().numpy()
    return torch.from_numpy(pixels * np.logaddexp(0, -logits) + (1 - pixels) * np.logaddexp(0, logits))


def test_bernoulli_nats_are_within_two_roundings_of_the_logit():
    logits, pixels = LOGITS[:, None], PIXELS[None]
    found, exact = Bernoulli().nats(logits, pixels), bernoulli_nats(logits, pixels)
    assert_within(found, exact, EPS * (1 + logits.double().abs()))
    assert (found >= 0).all()


def test_bernoulli_slopes_are_within_one_rounding_of_a_probability():
    logits, pixels = torch.meshgrid(LOGITS, PIXELS, indexing="ij")
    by_logit, by_pixel = slopes(Bernoulli().nats, logits, pixels)
    assert_within(by_logit, torch.from_numpy(special.expit(logits.double().numpy())) - pixels.double(), EPS)
    torch.testing.assert_close(by_pixel, -logits, rtol=0, atol=0)


def test_the_nats_of_a_whole_image_keep_six_digits():
    """4096 pixels whose logits are right on all but a few: 10 of them wrong by a logit of 10."""
    pixels = (drawn(4096) > 0.8).float()
    logits = torch.where(pixels > 0, 10.0, -10.0) * (1 + drawn(4096, seed=1) / 10)
    logits[::400] *= -1
    found, exact = Bernoulli().nats(logits, pixels).sum(), bernoulli_nats(logits, pixels).sum()
    assert float(found) == pytest.approx(float(exact), rel=1e-6)


@pytest.mark.parametrize("sigma2", [0.01, 1.0])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_gaussian_nats_and_slopes_are_within_three_roundings(sigma2, scale):
    output, image = scale * (drawn(200) - 0.5), drawn(200, seed=1)
    exact = (image.double() - output.double()) ** 2 / (2 * sigma2)
    assert_within(Gaussian(sigma2).nats(output, image), exact, 3 * EPS * exact)
    by_output, _ = slopes(Gaussian(sigma2).nats, output, image)
    slope = (output.double() - image.double()) / sigma2
    assert_within(by_output, slope, 3 * EPS * slope.abs())


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.1)], ids=lambda each: each.name)
def test_weighted_nats_are_within_the_roundings_of_their_sums(likelihood):
    """Two sums over the images that are subtracted: each is rounded relatively to its terms' sizes."""
    output, weights, images = 40 * (drawn(7, 30) - 0.5), drawn(7, 20, seed=1), drawn(20, 30, seed=2)
    wide = [each.double() for each in (output, weights, images)]
    exact = (wide[1][..., None] * likelihood.nats(wide[0][:, None], wide[2])).sum(dim=1)
    square = output.double() ** 2 / 0.2 if isinstance(likelihood, Gaussian) else 2 * output.double().abs()
    assert_within(likelihood.weighted_nats(*(each for each in (output, weights, images))), exact,
                  4 * EPS * wide[1].sum(dim=1, keepdim=True) * (1 + square))  # fmt: skip


# The bottleneck


def exact_kl(mean, logvar):
    mean, logvar = mean.double(), logvar.double()
    return (mean**2 + torch.from_numpy(special.exprel(logvar.numpy()) * logvar.numpy()) - logvar) / 2


def test_kl_is_within_two_roundings_of_its_terms():
    mean, logvar = MEANS[:, None], LOGVARS[None]
    found, exact = gaussian_kl(mean, logvar), exact_kl(mean, logvar)
    terms = mean.double() ** 2 + logvar.double().abs() + torch.expm1(logvar.double()).abs()
    assert_within(found, exact, EPS * terms)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("nats", [1e-7, 1e-5, 1e-2])
def test_small_kl_keeps_its_digits_however_it_is_split(nats, share):
    """Near silence KL = mean^2 / 2 + logvar^2 / 4: 1e-7 nats keep three digits, 0.01 nats six."""
    mean, logvar = torch.tensor([(2 * share * nats) ** 0.5]), torch.tensor([2 * ((1 - share) * nats) ** 0.5])
    exact = exact_kl(mean, logvar)
    assert float(exact) == pytest.approx(nats, rel=0.1)
    assert_within(gaussian_kl(mean, logvar), exact, EPS * (logvar.double().abs() + 2 * exact))
    assert float(gaussian_kl(mean, logvar)) == pytest.approx(float(exact), rel=5e-4 if nats < 1e-6 else 5e-5)


def test_kl_slopes_are_the_mean_and_half_the_variance_beyond_1():
    mean, logvar = torch.meshgrid(MEANS, LOGVARS, indexing="ij")
    by_mean, by_logvar = slopes(gaussian_kl, mean, logvar)
    torch.testing.assert_close(by_mean, mean, rtol=0, atol=0)
    assert_within(by_logvar, torch.expm1(logvar.double()) / 2, EPS * (1 + logvar.double().exp()))


def test_samples_and_their_slopes_are_within_two_roundings():
    mean, logvar = (each.flatten() for each in torch.meshgrid(MEANS, LOGVARS, indexing="ij"))
    noise = 6 * (drawn(len(mean)) - 0.5)
    spread = (logvar.double() / 2).exp() * noise.double()
    bound = 2 * EPS * (mean.double().abs() + spread.abs())
    assert_within(reparameterize(mean, logvar, noise), mean.double() + spread, bound)
    by_mean, by_logvar, _ = slopes(reparameterize, mean, logvar, noise)
    torch.testing.assert_close(by_mean, torch.ones_like(mean), rtol=0, atol=0)
    assert_within(by_logvar, spread / 2, 3 * EPS * spread.abs())


def test_log_density_of_the_numbers_given_is_within_the_roundings_of_its_terms():
    """However narrow the posterior: the distance of two float32 numbers that are near is exact."""
    mean, logvar = (each.flatten() for each in torch.meshgrid(MEANS, LOGVARS, indexing="ij"))
    sample = reparameterize(mean, logvar, 6 * (drawn(len(mean)) - 0.5))
    wide = [each.double().numpy() for each in (sample, mean, logvar)]
    quadratic = (wide[0] - wide[1]) ** 2 * np.exp(-wide[2])
    exact = -(np.log(2 * np.pi) + wide[2] + quadratic) / 2
    assert_within(log_density(sample, mean, logvar), torch.from_numpy(exact),
                  torch.from_numpy(EPS * (2 + np.abs(wide[2]) + 3 * quadratic)))  # fmt: skip


@pytest.mark.parametrize("samples", [1, 4, 5])
def test_stratified_noise_has_the_probability_of_its_stratum_to_two_roundings(samples):
    """Of the probability: in a tail, where few float32 numbers are, the noise itself is coarser."""
    uniform = drawn(50, 3)
    noise = special.ndtr(stratified_normal(uniform, samples).double().numpy())
    exact = special.ndtr(stratified_normal(uniform.double(), samples).numpy())
    apart = np.abs(noise - exact)
    np.testing.assert_array_less(np.minimum(apart, 1 - apart), 3 * EPS)  # a stratum's end is the next one's start


@pytest.mark.parametrize(("middle", "spread", "logvar"), [(0, 1, -2), (0, 30, 0), (0, 1, 20), (1e3, 1, -3)])
def test_weights_of_a_grid_are_the_posteriors_masses_at_the_nodes_it_has(middle, spread, logvar):
    mean = middle + spread * (drawn(2, 6, 1) - 0.5)
    logvar = logvar + 0.5 * drawn(2, 6, 1, seed=1)
    nodes, weights = shifted_grid(mean, logvar, drawn(2, 1, 1, seed=2), 32)
    away = (nodes.double() - mean.double().mT) ** 2 / logvar.double().exp().mT
    exact = torch.softmax(-away / 2, dim=1)
    # a weight's logarithm is rounded relatively to its size
    assert_within(weights, exact, EPS * exact * (8 + 4 * away) + 1e-37)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 6), rtol=0, atol=8 * EPS)


@pytest.mark.parametrize("logvar", [-20.0, -60.0])
def test_a_grid_over_narrow_far_codes_still_sums_to_1(logvar):
    mean = torch.tensor([-1e3, 1e3, 1e3])[None, :, None]
    _, weights = shifted_grid(mean, torch.full_like(mean, logvar), torch.full((1, 1, 1), 0.3), 32)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(1, 3), rtol=0, atol=8 * EPS)


# One step of the stack


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.1)], ids=lambda each: each.name)
@pytest.mark.parametrize("beta", [1e-6, 1.0, 1e6])
def test_loss_and_gradient_of_a_stack_are_those_of_float64(beta, likelihood):
    images = (drawn(8, 6, 6, 1) > 0.6).float()
    stack = DenseStack(
        [Case(images, 1.0, 2.0, 0)], 16, 1, likelihood, [torch.Generator().manual_seed(0)], "cpu"
    )  # fmt: skip
    uniform = drawn(1, 1, 1, seed=3)

    def step(one):
        mean, logvar = one.posterior()
        loss = one.reconstruction(*shifted_grid(mean, logvar, uniform.to(mean), 32)).sum()
        loss = loss + beta * gaussian_kl(mean, logvar).mean(dim=1).sum()
        return loss, torch.autograd.grad(loss, one.parameters())

    found, slope = step(stack)
    exact, wanted = step(widened(stack))
    assert found.item() == pytest.approx(exact.item(), rel=2e-6)
    apart = torch.stack([(a.double() - b).norm() for a, b in zip(slope, wanted, strict=True)]).norm()
    assert float(apart) < 1e-5 * float(torch.stack([each.norm() for each in wanted]).norm())


def widened(stack):
    """The same stack in float64."""
    same = stack.kept([0])
    same._networks.double()
    same._rows, same._target, same._weight = (each.double() for each in (same._rows, same._target, same._weight))
    return same


# Closed forms are float64 but for products with whole data sets too large to hold


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.1)], ids=lambda each: each.name)
@pytest.mark.parametrize("dark", [1.0, 1e-2, 1e-4])
def test_streamed_eigenvalues_of_nearly_white_images_are_those_of_float64(dark, likelihood):
    """float32 leaves a pixel that is 1e-4 from white three digits; a value, over which they average, five."""
    images = 1 - dark * (drawn(3000, 6) @ drawn(6, 60, seed=1) / 6)
    found = leading_eigenvalues(lambda: images.split(500), likelihood, 3, exact=10, tolerance=1e-3)
    expected = np.linalg.eigvalsh(np.cov(whitened(images, likelihood).T, bias=True))[:-4:-1]
    np.testing.assert_allclose(found, expected, rtol=2e-5 if dark == 1e-4 else 1e-6)


def whitened(images, likelihood):
    flat = images.double().numpy()
    p = flat.mean(axis=0)
    return (flat - p) / np.sqrt(p * (1 - p) if isinstance(likelihood, Bernoulli) else likelihood.sigma2)


def test_merged_columns_are_the_pixels_themselves_and_count_them_exactly():
    images = drawn(5, 3).repeat(1, 1000)
    columns, multiplicity = merge_pixels(images)
    assert multiplicity.tolist() == [1000.0] * 3
    assert {tuple(column) for column in columns.T.tolist()} == {tuple(column) for column in images[:, :3].T.tolist()}


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.1)], ids=lambda each: each.name)
def test_the_freezing_point_of_float32_images_is_that_of_their_exact_values(likelihood):
    images = drawn(9, 4, 4, 1)
    assert freezing_point(images, likelihood) == freezing_point(images.double(), likelihood)
