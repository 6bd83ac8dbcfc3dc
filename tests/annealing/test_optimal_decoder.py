"""The loss of an encoder with its best decoder, against brute-force float64 quadrature, autograd and closed forms.

The reference integrates over one dense grid that does not know the encoder, with unmerged pixels and no blocks.
"""

import itertools

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.optimal_decoder import ImageSet, next_freezing_point, reconstruction
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import freezing_point

LIKELIHOODS = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.2)], ids=["bernoulli", "gaussian"])
LATENTS = pytest.mark.parametrize("latents", [1, 2])


def grey(n=4, seed=0):
    """Grey pixels, some of one course, and two that never vary."""
    images = np.random.default_rng(seed).uniform(size=(n, 5))
    return torch.from_numpy(np.concatenate([images, images[:, :2], np.tile([0.0, 1.0], (n, 1))], axis=1))


def binary(n=4):
    """Distinct binary images; pixels repeat."""
    codes = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)), dtype=torch.float64)[1 : n + 1]
    return codes.repeat_interleave(torch.tensor([1, 3, 2]), dim=1)


IMAGES = pytest.mark.parametrize("images", [grey(), binary()], ids=["grey", "binary"])


def random_encoder(n, latents, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.normal(size=(n, latents)), rng.normal(scale=0.3, size=(n, latents)) - 0.4])


def pixel_nats(likelihood, drawn, off, images):
    """Nats (nodes, images) under drawn (nodes, pixels); off is 1 - drawn without its rounding."""
    if isinstance(likelihood, Gaussian):
        return (images - drawn[:, None]).square().sum(dim=2) / (2 * likelihood.sigma2)
    drawn, off = drawn[:, None].clamp(min=1e-120), off[:, None].clamp(min=1e-120)
    return -(images * drawn.log() + (1 - images) * off.log()).sum(dim=2)


def dense_grid(latents, nodes):
    """Nodes (g, K) and the size of a cell, over -9..9 in each latent."""
    axis = torch.linspace(-9, 9, nodes, dtype=torch.float64)
    return torch.cartesian_prod(*[axis] * latents).reshape(-1, latents), float(axis[1] - axis[0]) ** latents


def posteriors(encoder, nodes):
    """Log densities (g, n)."""
    mean, log_sd = encoder
    unit = (nodes[:, None] - mean) / log_sd.exp()
    return (-unit.square() / 2 - log_sd - np.log(2 * np.pi) / 2).sum(dim=2)


def brute_force(images, likelihood, latents):
    """The reconstruction as a function of the encoder, for autograd."""
    nodes, cell = dense_grid(latents, 1501 if latents == 1 else 181)

    def loss(encoder):
        log = posteriors(encoder, nodes)
        share = log.softmax(dim=1)
        nats = pixel_nats(likelihood, share @ images, share @ (1 - images), images)
        return (log.exp() * nats).sum() * cell / len(images)

    return loss


@IMAGES
@LIKELIHOODS
def test_the_reconstruction_of_one_latent_is_the_integral_found_adaptively(images, likelihood):
    encoder = random_encoder(len(images), 1)
    mean, sd = encoder[0, :, 0], np.exp(encoder[1, :, 0])

    def cost(z):
        density = norm.pdf(z, mean, sd)
        share = torch.from_numpy(density / density.sum())[None]
        return density @ pixel_nats(likelihood, share @ images, share @ (1 - images), images)[0].numpy() / len(images)

    expected = quad(cost, -9, 9, epsabs=1e-11, epsrel=1e-11, limit=500)[0]
    assert reconstruction(ImageSet.of(images, likelihood), encoder).value == pytest.approx(expected, rel=1e-5)
    finer = reconstruction(ImageSet.of(images, likelihood), encoder, nodes_per_sd=12.0).value
    assert finer == pytest.approx(expected, rel=1e-10)


@IMAGES
@LIKELIHOODS
@LATENTS
def test_loss_slope_and_curvature_are_those_of_the_brute_force_integral(images, likelihood, latents):
    encoder = random_encoder(len(images), latents, seed=2)
    loss, point = brute_force(images, likelihood, latents), torch.from_numpy(encoder).requires_grad_()
    value = loss(point)
    (slope,) = torch.autograd.grad(value, point, create_graph=True)
    rows = [torch.autograd.grad(each, point, retain_graph=True)[0].flatten() for each in slope.flatten()]
    found = reconstruction(ImageSet.of(images, likelihood), encoder, curvature=True, nodes_per_sd=6.0)
    assert found.value == pytest.approx(value.item(), rel=1e-8)
    np.testing.assert_allclose(found.slope, slope.detach().numpy(), atol=1e-7)
    np.testing.assert_allclose(found.curvature, torch.stack(rows).numpy(), atol=1e-6)
    np.testing.assert_allclose(found.curvature, found.curvature.T, atol=1e-12)


@LIKELIHOODS
def test_curvature_summed_in_blocks_is_that_of_finite_differences_of_the_slope(likelihood, monkeypatch):
    monkeypatch.setattr("annealing.optimal_decoder._BLOCK", 25)  # several blocks of nodes and of columns
    images, encoder, step = ImageSet.of(grey(3), likelihood), random_encoder(3, 2, seed=5), 1e-5

    def slope(flat):
        return reconstruction(images, flat.reshape(encoder.shape), nodes_per_sd=5.0).slope.ravel()

    flat = encoder.ravel()
    expected = [(slope(flat + step * way) - slope(flat - step * way)) / (2 * step) for way in np.eye(len(flat))]
    found = reconstruction(images, encoder, curvature=True, nodes_per_sd=5.0).curvature
    np.testing.assert_allclose(found, expected, atol=1e-6)


@IMAGES
@LIKELIHOODS
@LATENTS
@pytest.mark.parametrize("size", [0.01, 0.3, 1.0])
def test_a_finer_grid_elsewhere_gives_the_same_loss(images, likelihood, latents, size):
    """An encoder trained on fixed nodes tells images apart by where the nodes are: this one meets none."""
    rng, n = np.random.default_rng(3), len(images)
    encoder = np.stack([size * rng.normal(size=(n, latents)), size * rng.normal(scale=0.3, size=(n, latents))])
    images = ImageSet.of(images, likelihood)
    usual = reconstruction(images, encoder)
    for shift in (0.25, 0.5, 0.81):
        finer = reconstruction(images, encoder, nodes_per_sd=7.0, shift=shift)
        assert usual.value == pytest.approx(finer.value, rel=1e-5 if size == 1.0 else 1e-8)
        assert reconstruction(images, encoder, shift=shift).value == pytest.approx(finer.value, rel=2e-5)


def test_codes_that_have_parted_cost_on_the_usual_grid_what_they_cost_on_a_fine_one():
    """The encoder of s (60 pixels), t (10) and s XOR t (10) at a pressure of 6, deviations a third of the gaps."""
    s, t = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    images = ImageSet.of(
        torch.from_numpy(np.stack([s, t, s ^ t], 1).repeat([60, 10, 10], axis=1)).double(), Bernoulli()
    )
    encoder = np.array([[0.367, 1.327, -0.367, -1.327], [-2.052, -1.216, -2.052, -1.216]])[:, :, None]
    fine = reconstruction(images, encoder, nodes_per_sd=24.0, shift=0.37)
    usual = reconstruction(images, encoder)
    assert usual.value == pytest.approx(fine.value, rel=1e-5)
    np.testing.assert_allclose(usual.slope, fine.slope, atol=1e-4)


@IMAGES
@LIKELIHOODS
def test_no_encoder_gains_more_over_silence_than_its_kl_times_the_rate_distortion_pressure(images, likelihood):
    """Above that pressure silence is the best of all encoders, with any decoder: R_0 - R <= beta_RD KL."""
    (limit,) = rate_distortion_bound([images], likelihood)
    rng, n = np.random.default_rng(7), len(images)
    found = ImageSet.of(images, likelihood)
    silent = reconstruction(found, np.zeros((2, n, 1))).value
    for size in np.repeat([0.02, 0.2, 1.0, 3.0], 25):
        mean = size * rng.normal(size=(n, 1))
        log_sd = size * rng.normal(scale=0.3, size=(n, 1))
        kl = ((mean**2 + np.exp(2 * log_sd) - 1) / 2 - log_sd).mean()
        gain = silent - reconstruction(found, np.stack([mean, log_sd]), shift=rng.uniform()).value
        assert -1e-9 <= gain <= 1.001 * limit * kl


@LIKELIHOODS
@LATENTS
def test_a_silent_encoder_draws_the_mean_image_and_separate_codes_draw_each_image(likelihood, latents):
    images = grey()
    found, n = ImageSet.of(images, likelihood), len(images)
    mean = images.mean(dim=0, keepdim=True)
    silent = pixel_nats(likelihood, mean, 1 - mean, images).mean().item()
    assert reconstruction(found, np.zeros((2, n, latents))).value == pytest.approx(silent, rel=1e-9)
    own = pixel_nats(likelihood, images, 1 - images, images).diagonal().mean().item()
    apart = np.stack([np.zeros((n, latents)), np.full((n, latents), -2.0)])
    apart[0, :, 0] = np.linspace(-6, 6, n)  # 30 deviations from each other: all other posteriors underflow
    loss = reconstruction(found, apart, curvature=True)
    assert loss.value == pytest.approx(own, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(loss.slope, 0, atol=1e-9)
    np.testing.assert_allclose(loss.curvature, 0, atol=1e-8)


@LIKELIHOODS
def test_moving_mirroring_and_scaling_all_codes_or_adding_a_silent_latent_changes_nothing(likelihood):
    images = ImageSet.of(grey(), likelihood)
    mean, log_sd = random_encoder(4, 2, seed=4)

    def value(mean, log_sd):
        return reconstruction(images, np.stack([mean, log_sd]), nodes_per_sd=6.0).value

    expected = value(mean, log_sd)
    assert value(mean + np.array([3.0, -1.0]), log_sd) == pytest.approx(expected, rel=1e-9)
    assert value(mean * [1.0, -1.0], log_sd) == pytest.approx(expected, rel=1e-9)
    assert value(mean[:, ::-1], log_sd[:, ::-1]) == pytest.approx(expected, rel=1e-9)
    assert value(mean * [1.0, 5.0], log_sd + np.array([0.0, np.log(5)])) == pytest.approx(expected, rel=1e-9)
    alone, beside = value(mean[:, :1], log_sd[:, :1]), np.zeros((4, 1))
    with_silent = value(np.hstack([mean[:, :1], beside]), np.hstack([log_sd[:, :1], beside]))
    assert with_silent == pytest.approx(alone, rel=1e-9)


@IMAGES
@LIKELIHOODS
@LATENTS
def test_beside_a_silent_encoder_the_next_latent_freezes_at_the_closed_form(images, likelihood, latents):
    found = next_freezing_point(ImageSet.of(images, likelihood), np.zeros((2, len(images), latents)))
    assert found == pytest.approx(freezing_point(images, likelihood), rel=1e-7)


@IMAGES
@LIKELIHOODS
def test_the_next_freezing_point_is_where_a_second_latent_turns_unstable_in_the_brute_force_loss(images, likelihood):
    """beta |m|^2 / 2 of KL for means m of the second latent, against the curvature of n R by them."""
    n, first = len(images), random_encoder(len(images), 1, seed=6)
    loss = brute_force(images, likelihood, 2)
    first_latent = torch.from_numpy(first)

    def with_second(means):
        second = torch.stack([means, torch.zeros_like(means)])[:, :, None]
        return loss(torch.cat([first_latent, second], dim=2))

    curvature = torch.autograd.functional.hessian(with_second, torch.zeros(n, dtype=torch.float64))
    expected = -n * torch.linalg.eigvalsh(curvature)[0].item()
    assert next_freezing_point(ImageSet.of(images, likelihood), first) == pytest.approx(expected, rel=1e-4)


@LIKELIHOODS
def test_once_classes_are_told_apart_the_next_latent_freezes_where_the_worst_known_class_does(likelihood):
    classes = [grey(3, seed=1), grey(3, seed=2) * 0.5 + 0.25, grey(3, seed=3)]
    encoder = np.stack([np.repeat([-5.0, 0.0, 5.0], 3)[:, None], np.full((9, 1), -1.5)])
    found = next_freezing_point(ImageSet.of(torch.cat(classes), likelihood), encoder)
    assert found == pytest.approx(max(freezing_point(each, likelihood) for each in classes), rel=1e-7)
