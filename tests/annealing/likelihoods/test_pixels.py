"""Decoder likelihoods against scipy's distributions and their closed forms."""

import numpy as np
import pytest
import torch
from scipy import special, stats

from annealing.errors import IFPError
from annealing.likelihoods.pixels import LIKELIHOODS, Bernoulli, Gaussian, likelihood_named

LOGITS = torch.linspace(-10, 10, 41, dtype=torch.float64)
MEANS = torch.tensor([1e-5, 0.01, 0.3, 0.5, 0.75, 1 - 1e-5], dtype=torch.float64)
SIGMA2 = (0.01, 1.0, 7.5)


def random_doubles(*shape: int) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("pixel", [0, 1])
def test_bernoulli_nats_of_a_binary_pixel_are_minus_scipys_log_probability(pixel):
    nats = Bernoulli().nats(LOGITS, torch.full_like(LOGITS, pixel))
    np.testing.assert_allclose(nats, -stats.bernoulli.logpmf(pixel, special.expit(LOGITS.numpy())), rtol=1e-10)


@pytest.mark.parametrize("pixel", [0.1, 0.5, 200 / 255])
def test_bernoulli_nats_of_a_grey_pixel_are_the_cross_entropy(pixel):
    p = special.expit(LOGITS.numpy())
    cross_entropy = -(pixel * np.log(p) + (1 - pixel) * np.log1p(-p))
    np.testing.assert_allclose(Bernoulli().nats(LOGITS, torch.full_like(LOGITS, pixel)), cross_entropy, rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bernoulli_nats_stay_finite_at_logits_where_the_probability_rounds_to_0_or_1(dtype):
    logits = torch.tensor([-800.0, -800.0, 800.0, 800.0], dtype=dtype)
    image = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=dtype)
    assert Bernoulli().nats(logits, image).tolist() == [0, 800, 800, 0]


@pytest.mark.parametrize("sigma2", SIGMA2)
def test_gaussian_nats_are_minus_scipys_log_density_less_its_constant(sigma2):
    output, image = random_doubles(50) * 4 - 2, random_doubles(2, 50)[1]
    log_density = stats.norm.logpdf(image.numpy(), loc=output.numpy(), scale=np.sqrt(sigma2))
    constant = stats.norm.logpdf(0, scale=np.sqrt(sigma2))
    np.testing.assert_allclose(Gaussian(sigma2).nats(output, image), constant - log_density, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=LIKELIHOODS)
def test_nats_broadcast_output_and_image_and_sum_nothing(likelihood):
    outputs, images = random_doubles(3, 1, 4), random_doubles(2, 4)
    nats = likelihood.nats(outputs, images)
    assert nats.shape == (3, 2, 4)
    one_by_one = [[likelihood.nats(output[0], image) for image in images] for output in outputs]
    # one at a time and in one go the exponential may differ in its last bit
    torch.testing.assert_close(nats, torch.stack([torch.stack(row) for row in one_by_one]), rtol=1e-15, atol=0)


def test_bernoulli_variance_is_scipys_and_the_curvature_of_the_nats():
    np.testing.assert_allclose(Bernoulli().variance(MEANS), stats.bernoulli.var(MEANS.numpy()), rtol=1e-12)
    image = random_doubles(len(LOGITS))
    curvature = torch.func.vmap(torch.func.grad(torch.func.grad(Bernoulli().nats)))(LOGITS, image)
    torch.testing.assert_close(Bernoulli().variance(Bernoulli().mean(LOGITS)), curvature, rtol=1e-9, atol=0)


@pytest.mark.parametrize("sigma2", SIGMA2)
def test_gaussian_variance_is_the_given_one_and_the_inverse_curvature_of_the_nats(sigma2):
    variance = Gaussian(sigma2).variance(MEANS)
    np.testing.assert_allclose(variance, np.full(len(MEANS), stats.norm.var(scale=np.sqrt(sigma2))), rtol=1e-12)
    curvature = torch.func.vmap(torch.func.grad(torch.func.grad(Gaussian(sigma2).nats)))(MEANS, MEANS.flip(0))
    torch.testing.assert_close(variance, 1 / curvature, rtol=1e-12, atol=0)


def test_bernoulli_mean_is_the_logistic_function_of_the_output():
    np.testing.assert_allclose(Bernoulli().mean(LOGITS), special.expit(LOGITS.numpy()), rtol=1e-12)


@pytest.mark.parametrize("likelihood", [*LIKELIHOODS.values(), Gaussian(0.2)], ids=str)
def test_output_for_a_mean_draws_that_mean_again(likelihood):
    torch.testing.assert_close(likelihood.mean(likelihood.output_for(MEANS)), MEANS, rtol=1e-12, atol=0)


def test_bernoulli_output_for_a_mean_of_0_or_1_is_finite_and_within_a_millionth():
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    output = Bernoulli().output_for(ends)
    assert output.isfinite().all()
    torch.testing.assert_close(Bernoulli().mean(output), ends, rtol=0, atol=1.001e-6)


@pytest.mark.parametrize("likelihood", [*LIKELIHOODS.values(), Gaussian(0.2)], ids=str)
def test_no_other_output_has_fewer_mean_nats_than_output_for_the_mean_image(likelihood):
    images = random_doubles(30, 6)
    best = likelihood.output_for(images.mean(dim=0))
    gradient = torch.func.grad(lambda output: likelihood.nats(output, images).sum())(best)
    torch.testing.assert_close(gradient, torch.zeros_like(best), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("name", "likelihood"), [("bernoulli", Bernoulli()), ("gaussian", Gaussian(1.0))])
def test_a_likelihood_is_found_by_its_name(name, likelihood):
    assert likelihood_named(name) == likelihood
    assert likelihood.name == name


def test_an_unknown_likelihood_is_refused_with_the_known_names():
    with pytest.raises(IFPError, match="bernoulli, gaussian, got 'poisson'"):
        likelihood_named("poisson")


@pytest.mark.parametrize("sigma2", [0.0, -1.0, float("nan")])
def test_a_gaussian_variance_that_is_not_above_0_is_refused(sigma2):
    with pytest.raises(IFPError, match=f"variance above 0, got {sigma2}"):
        Gaussian(sigma2)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)
def test_weighted_nats_are_the_sum_over_images_of_weight_times_nats(likelihood):
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)
    weights = torch.rand(2, 5, 4, generator=generator, dtype=torch.float64)
    images = torch.rand(2, 4, 7, generator=generator, dtype=torch.float64)
    nats = likelihood.nats(output[:, :, None], images[:, None])  # node by image by pixel
    torch.testing.assert_close(likelihood.weighted_nats(output, weights, images), (weights[..., None] * nats).sum(2))


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)
def test_nodes_that_stand_for_one_image_each_cost_the_nats_of_that_image(likelihood):
    output, images = random_doubles(12, 7) * 6 - 3, random_doubles(4, 7)
    own = torch.eye(4, dtype=torch.float64).repeat(3, 1)
    expected = likelihood.nats(output, images.repeat(3, 1))
    torch.testing.assert_close(likelihood.weighted_nats(output, own, images), expected)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)
def test_the_cheapest_output_for_several_images_draws_their_weighted_mean(likelihood):
    weights, images = random_doubles(5, 4), random_doubles(4, 7)
    best = likelihood.output_for(weights @ images / weights.sum(dim=1, keepdim=True))
    slope = torch.func.grad(lambda output: likelihood.weighted_nats(output, weights, images).sum())
    torch.testing.assert_close(slope(best), torch.zeros_like(best), rtol=0, atol=1e-10)
    assert (slope(best + 0.1) > 0).all()
    assert (slope(best - 0.1) < 0).all()


def test_weighted_bernoulli_nats_stay_finite_where_the_probability_rounds_to_0_or_1():
    output = torch.tensor([[-800.0], [800.0]])
    images, weights = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5, 0.25], [0.5, 0.25]])
    assert Bernoulli().weighted_nats(output, weights, images).tolist() == [[200.0], [400.0]]
