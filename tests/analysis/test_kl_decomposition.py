"""The KL term taken apart, on posteriors whose parts are known."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from analysis.kl_decomposition import decompose_kl
from annealing.errors import IFPError


def lattice(*sizes):
    """Every combination of values, far apart: one latent for each factor."""
    return 20.0 * np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), axis=-1).reshape(-1, len(sizes))


def parts_sum_to_the_whole(found):
    whole = found.information + found.total_correlation + sum(found.dimension_kl)
    np.testing.assert_allclose(whole, sum(found.kl), rtol=1e-9)


def test_one_image_has_no_information_and_nothing_shared():
    found = decompose_kl(np.array([[0.7, -1.2]]), np.array([[-1.0, 0.3]]))
    expected = [0.5 * (m**2 + np.exp(v) - v - 1) for m, v in ((0.7, -1.0), (-1.2, 0.3))]
    np.testing.assert_allclose(found.kl, expected)
    np.testing.assert_allclose(found.dimension_kl, expected)
    assert (found.information, found.total_correlation, found.latent_information) == (0, 0, (0, 0))


def test_codes_far_apart_know_their_image_and_factors_of_a_lattice_share_nothing():
    mean = lattice(4, 6)
    found = decompose_kl(mean, np.zeros_like(mean))
    np.testing.assert_allclose(found.information, np.log(24), rtol=1e-9)
    np.testing.assert_allclose(found.latent_information, [np.log(4), np.log(6)], rtol=1e-9)
    np.testing.assert_allclose(found.total_correlation, 0, atol=1e-9)
    parts_sum_to_the_whole(found)


def test_what_two_latents_both_hold_is_the_total_correlation():
    mean = np.repeat(lattice(5), 2, axis=1)
    found = decompose_kl(mean, np.zeros_like(mean))
    np.testing.assert_allclose([found.information, found.total_correlation], np.log(5), rtol=1e-9)
    parts_sum_to_the_whole(found)


def test_a_silent_latent_has_exactly_nothing():
    mean = np.concatenate([lattice(3), np.zeros((3, 1))], axis=1)
    found = decompose_kl(mean, np.zeros_like(mean))
    assert (found.kl[1], found.latent_information[1], found.dimension_kl[1]) == (0, 0, 0)


def test_overlapping_posteriors_have_the_information_of_their_integral():
    means, logvar = np.array([-1.0, 0.2, 1.1]), np.array([-1.0, -0.5, 0.2])
    densities = [norm(m, np.exp(v / 2)).pdf for m, v in zip(means, logvar, strict=True)]

    def divergence(one):
        def integrand(z):
            return one(z) * np.log(one(z) / np.mean([each(z) for each in densities]))

        return quad(integrand, -9, 9)[0]

    expected = np.mean([divergence(each) for each in densities])
    found = decompose_kl(means[:, None], logvar[:, None], samples=20_000)
    assert abs(found.information - expected) < 4 * found.error
    assert found.error < 0.01
    np.testing.assert_allclose(found.latent_information[0], found.information)


def test_the_error_is_how_far_seeds_lie_apart():
    rng = np.random.default_rng(3)
    mean, logvar = rng.standard_normal((40, 2)), rng.uniform(-2, 0, (40, 2))
    found = [decompose_kl(mean, logvar, seed=seed, samples=400) for seed in range(60)]
    spread = max(np.std([getattr(each, name) for each in found]) for name in ("information", "total_correlation"))
    assert 0.75 < spread / np.mean([each.error for each in found]) < 1.3  # 60 seeds know a spread to 9%


def test_images_in_chunks_are_as_images_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    mean, logvar = rng.standard_normal((50, 3)), rng.uniform(-4, 0, (50, 3))
    whole = decompose_kl(mean, logvar)
    monkeypatch.setattr("analysis.kl_decomposition._CHUNK", 7)
    chunked = decompose_kl(mean, logvar)
    np.testing.assert_allclose(chunked.information, whole.information)
    np.testing.assert_allclose(chunked.total_correlation, whole.total_correlation)
    np.testing.assert_allclose(chunked.latent_information, whole.latent_information)


@pytest.mark.parametrize(
    ("mean", "logvar", "samples", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 1)), 9, "need mean and logvar"),
        (np.zeros((0, 2)), np.zeros((0, 2)), 9, "need mean and logvar"),
        (np.zeros((3, 2)), np.zeros((3, 2)), 1, "two samples or more, got .* and 1"),
        (np.full((3, 2), np.inf), np.zeros((3, 2)), 9, "need finite posteriors"),
    ],
)
def test_posteriors_that_do_not_fit_are_refused(mean, logvar, samples, message):
    with pytest.raises(IFPError, match=message):
        decompose_kl(mean, logvar, samples=samples)
