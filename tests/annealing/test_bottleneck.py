"""KL and posterior samples against torch.distributions, and stratified noise against scipy's normal."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Normal, kl_divergence

from annealing.bottleneck import gaussian_kl, reparameterize, shifted_grid, stratified_normal


def random_doubles(*shape):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


def test_kl_is_that_of_torchs_normal_distributions():
    mean = torch.tensor([-30.0, -1.0, 0.0, 1e-3, 0.5, 4.0], dtype=torch.float64)[:, None]
    logvar = torch.tensor([-20.0, -3.0, -1e-2, 0.0, 0.7, 5.0], dtype=torch.float64)
    found = gaussian_kl(mean, logvar)
    expected = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(torch.zeros(6), torch.ones(6)))
    assert found.shape == (6, 6)
    torch.testing.assert_close(found, expected.double(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("logvar", [0.0, 1e-3, -1e-3, 1e-4])
@pytest.mark.parametrize("mean", [1e-4, -3e-4, 1e-2])
def test_kl_of_a_nearly_silent_latent_keeps_its_digits_in_single_precision(mean, logvar):
    expected = (mean**2 + logvar**2 / 2 + logvar**3 / 6) / 2  # series of the closed form
    found = gaussian_kl(torch.tensor([mean]), torch.tensor([logvar]))
    np.testing.assert_allclose(found.item(), expected, rtol=1e-3)


def test_kl_is_0_for_the_prior_and_its_gradient_is_that_of_the_closed_form():
    assert gaussian_kl(torch.zeros(3), torch.zeros(3)).tolist() == [0, 0, 0]
    mean = (4 * random_doubles(5) - 2).requires_grad_()
    logvar = (4 * random_doubles(5) - 1).requires_grad_()
    gaussian_kl(mean, logvar).sum().backward()
    torch.testing.assert_close(mean.grad, mean.detach())
    torch.testing.assert_close(logvar.grad, (logvar.detach().exp() - 1) / 2)


def test_samples_are_mean_plus_standard_deviation_times_noise():
    mean, noise = random_doubles(3, 2), random_doubles(5, 3, 2) - 0.5
    deviation = torch.tensor([[0.1, 1.0], [2.0, 3.0], [0.5, 10.0]], dtype=torch.float64)
    found = reparameterize(mean, 2 * deviation.log(), noise)
    torch.testing.assert_close(found, mean + deviation * noise)


def test_samples_have_the_posteriors_mean_and_variance():
    noise = torch.randn(200_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mean, logvar = torch.tensor([-2.0, 0.5]), torch.tensor([-3.0, 1.0])
    found = reparameterize(mean, logvar, noise)
    deviation = (logvar / 2).exp().double()
    torch.testing.assert_close(found.mean(0), mean.double(), rtol=0, atol=5 * deviation.max().item() / 447)
    torch.testing.assert_close(found.var(0), logvar.exp().double(), rtol=0.02, atol=0)


@pytest.mark.parametrize("latents", [1, 3])
@pytest.mark.parametrize("samples", [1, 4, 5])
def test_each_stratified_sample_alone_is_a_standard_normal(samples, latents):
    noise = stratified_normal(random_doubles(4000, latents), samples).numpy()
    assert noise.shape == (samples, 4000, latents)
    for sample in noise:
        for latent in sample.T:
            assert stats.kstest(latent, "norm").pvalue > 1e-3
        np.testing.assert_allclose(np.atleast_2d(np.cov(sample.T)), np.eye(latents), atol=0.1)


@pytest.mark.parametrize(
    ("samples", "latents"),
    [(1, 1), (3, 1), (4, 1), (10, 1), (1, 3), (4, 3), (8, 6), (3, 2)],
)
def test_every_latent_has_one_sample_in_each_stratum(samples, latents):
    noise = stratified_normal(random_doubles(2, 50, latents), samples).numpy()
    assert noise.shape == (2, samples, 50, latents)
    stratum = np.floor(stats.norm.cdf(noise) * samples)
    np.testing.assert_array_equal(
        np.sort(stratum, axis=1), np.broadcast_to(np.arange(samples)[:, None, None], noise.shape)
    )


@pytest.mark.parametrize("samples", [2, 4, 8])
def test_the_mean_of_stratified_samples_varies_as_a_shifted_grid_does_and_less_than_independent_ones(samples):
    def squared_mean(u):
        return stats.norm.ppf((u + np.arange(samples) / samples) % 1).mean() ** 2

    expected, _ = integrate.quad(squared_mean, 0, 1 / samples)  # the mean has period 1 / samples
    found = stratified_normal(random_doubles(50_000, 1), samples).mean(dim=0).var().item()
    np.testing.assert_allclose(found, expected * samples, rtol=0.05)
    assert found < 0.7 / samples


def test_the_lowest_and_highest_draws_give_finite_noise():
    ends = torch.tensor([[0.0], [1 - 2**-24]])
    noise = stratified_normal(ends, 4)
    assert noise.dtype == torch.float32
    assert noise.isfinite().all()
    assert (noise.abs() < 6).all()


def grid_of(mean, logvar, nodes, seed=0):
    uniform = torch.rand(len(mean), 1, 1, generator=torch.Generator().manual_seed(seed), dtype=mean.dtype)
    return shifted_grid(mean, logvar, uniform, nodes)


def test_a_fine_shifted_grid_gives_gaussian_expectations_and_their_gradients():
    mean = torch.tensor([[[-0.7], [0.2], [1.5]]], dtype=torch.float64, requires_grad=True)
    logvar = torch.tensor([[[-0.5], [0.0], [-1.0]]], dtype=torch.float64, requires_grad=True)
    nodes, weights = grid_of(mean, logvar, 64)
    assert not nodes.requires_grad
    variance = logvar.exp()
    for function, expected in (
        (lambda z: torch.ones_like(z), torch.ones_like(mean)),
        (lambda z: z, mean),
        (lambda z: z.square(), mean.square() + variance),
        (lambda z: (z / 2).exp(), (mean / 2 + variance / 8).exp()),
    ):
        found = (weights * function(nodes)).sum(dim=1)[..., None]
        torch.testing.assert_close(found, expected.mT.mT.reshape(found.shape), rtol=1e-5, atol=1e-5)
        if expected.requires_grad:
            for parameter in (mean, logvar):
                got = torch.autograd.grad(found.sum(), parameter, retain_graph=True)[0]
                want = torch.autograd.grad(expected.sum(), parameter, retain_graph=True, allow_unused=True)[0]
                want = torch.zeros_like(got) if want is None else want
                torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4)


def test_grid_nodes_are_even_and_shared_and_weights_are_scipys_density_made_to_sum_to_one():
    mean = torch.tensor([[[-1.0], [0.5], [2.0]], [[10.0], [10.1], [10.2]]], dtype=torch.float64)
    logvar = torch.tensor([[[0.0], [-2.0], [1.0]], [[-4.0], [-6.0], [-5.0]]], dtype=torch.float64)
    uniform = torch.tensor([0.25, 0.75], dtype=torch.float64)[:, None, None]
    nodes, weights = shifted_grid(mean, logvar, uniform, 8)
    for case in range(2):
        m, deviation = mean[case, :, 0].numpy(), np.exp(logvar[case, :, 0].numpy() / 2)
        ends = np.linspace((m - 5 * deviation).min(), (m + 5 * deviation).max(), 9)
        spacing = ends[1] - ends[0]
        expected = ends[:-1] + uniform[case].item() * spacing
        np.testing.assert_allclose(nodes[case, :, 0], expected, rtol=1e-12)
        density = stats.norm.pdf(expected[:, None], loc=m, scale=deviation)
        np.testing.assert_allclose(weights[case], density / density.sum(axis=0), rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("logvar", [-12.0, -40.0])
def test_a_posterior_narrower_than_the_spacing_counts_as_one_as_wide_as_the_spacing(logvar):
    mean = torch.tensor([[[0.0], [4.0], [11.0]]], dtype=torch.float64, requires_grad=True)
    narrow = torch.full_like(mean, logvar, requires_grad=True)
    shifts = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    grids = [shifted_grid(mean, narrow, shift.reshape(1, 1, 1), 10) for shift in shifts]
    nodes, weights = torch.cat([each for each, _ in grids]), torch.cat([each for _, each in grids])
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(1000, 3, dtype=torch.float64))
    away = nodes - mean[..., 0]
    spacing = nodes[0, 1, 0] - nodes[0, 0, 0]
    # each image sees its nearest node, anywhere within half a spacing: a uniform distribution
    inner = torch.tensor([1])  # the outer two miss the half of it that is beyond the grid
    torch.testing.assert_close(
        (weights * away).sum(dim=1).mean(dim=0)[inner], torch.zeros(1).double(), rtol=0, atol=0.01
    )
    spread = (weights * away.square()).sum(dim=1).mean(dim=0)
    torch.testing.assert_close(spread[inner], (spacing.square() / 12)[None], rtol=0.02, atol=0)
    gained = torch.autograd.grad((weights * away.square()).sum(), narrow)[0]
    assert gained.isfinite().all()
    assert gained.abs().max() < 1000 * spacing.square()  # narrower still would change next to nothing
