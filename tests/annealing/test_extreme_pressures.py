"""Pressures of 1e-6 and 1e6 nats, and curves in units that far apart: known ends, and scales that change nothing."""

import numpy as np
import pytest
import torch

from annealing.equilibrium import EquilibriumConfig, equilibrium
from annealing.freezing import crossing
from annealing.hysteresis import Pace
from annealing.intervals import median_interval
from annealing.knee import fit_knee
from annealing.landau import transition
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import freezing_point
from annealing.stack import Case
from annealing.sweep import sweep
from annealing.sweep_config import SweepConfig

LOW, HIGH = 1e-6, 1e6
LIKELIHOODS = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.1)], ids=lambda each: each.name)


def bars():
    """4 images of 16 pixels: a bar at 4 places."""
    return torch.eye(4).repeat_interleave(4, dim=1).reshape(4, 4, 4, 1)


def silent_nats(images, likelihood):
    """What the mean image costs per image: entropy of its pixels, or half their variance over sigma^2."""
    p = images.double().reshape(len(images), -1).mean(dim=0)
    if isinstance(likelihood, Gaussian):
        return float(((images.reshape(len(images), -1) - p) ** 2).mean(dim=0).sum() / (2 * likelihood.sigma2))
    return float(-(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)).sum())


@LIKELIHOODS
def test_equilibrium_at_1e6_is_silence_and_at_1e_minus_6_tells_all_images_apart(likelihood):
    images = bars()
    config = EquilibriumConfig(pressures=8, bisections=2)
    records = list(equilibrium([Case(images, LOW, HIGH, 0)], config, likelihood))
    assert all(np.isfinite(record.kl).all() and np.isfinite(record.reconstruction).all() for record in records)
    by_beta = {record.beta[0]: record for record in records if record.direction[0] == "cool"}
    assert (min(by_beta), max(by_beta)) == (pytest.approx(LOW), pytest.approx(HIGH))
    top, bottom = by_beta[max(by_beta)], by_beta[min(by_beta)]
    assert top.kl[0, 0] == pytest.approx(0, abs=1e-12)
    assert top.reconstruction[0] == pytest.approx(silent_nats(images, likelihood), rel=1e-6)
    assert bottom.kl[0, 0] > np.log(len(images)) - 1e-3  # to know all images takes ln n at least
    assert bottom.reconstruction[0] == pytest.approx(0, abs=1e-3)


@LIKELIHOODS
def test_a_sweep_from_1e_minus_6_to_1e6_stays_finite_and_never_draws_more_than_its_kl_allows(likelihood):
    """Silence being best at beta_RD, every encoder and decoder has reconstruction + beta_RD KL of silence or more."""
    pace = Pace(learn_steps=50, survey=0.09, first_loop=0.09, max_steps=400)
    config = SweepConfig(pace=pace, hidden=8, record_every=1)
    records = list(sweep([Case(bars(), LOW, HIGH, seed) for seed in range(2)], config, likelihood))
    beta, nats = (np.array([getattr(record, name) for record in records]) for name in ("beta", "reconstruction"))
    kl = np.array([record.kl[:, 0] for record in records])
    assert np.isfinite(kl).all()
    assert (beta.min(), kl.min() >= 0) == (LOW, True)
    silent, bound = silent_nats(bars(), likelihood), rate_distortion_bound([bars()], likelihood)[0]
    assert (nats + bound * kl).min() >= silent * (1 - 1e-3)


@LIKELIHOODS
def test_networks_under_1e6_fall_silent_and_under_1e_minus_6_learn_the_images(likelihood):
    config = SweepConfig(pace=Pace(learn_steps=599, max_steps=600), hidden=16, record_every=50)
    cases = [Case(bars(), 0.9 * HIGH, HIGH, 0), Case(bars(), LOW, 2 * LOW, 0)]
    last = list(sweep(cases, config, likelihood))[-1]
    silent = silent_nats(bars(), likelihood)
    assert last.kl[0, 0] == pytest.approx(0, abs=1e-4)
    assert last.reconstruction[0] == pytest.approx(silent, rel=0.1)
    assert last.kl[1, 0] > np.log(4) - 0.1
    assert last.reconstruction[1] < 0.05 * silent


@pytest.mark.parametrize("scale", [LOW, HIGH])
@pytest.mark.parametrize("pixels", [1, 12])
def test_a_gaussian_decoder_scales_every_pressure_by_its_variance(scale, pixels):
    images = torch.rand(7, pixels, generator=torch.Generator().manual_seed(1))
    usual, scaled = Gaussian(1.0), Gaussian(1 / scale)
    assert freezing_point(images, scaled) == pytest.approx(scale * freezing_point(images, usual), rel=1e-12)
    bound, expected = (rate_distortion_bound([images], each)[0] for each in (scaled, usual))
    assert bound == pytest.approx(scale * expected, rel=1e-5)
    found, wanted = transition(images, scaled), transition(images, usual)
    assert found.order == wanted.order
    assert found.second_ratio == pytest.approx(wanted.second_ratio, rel=1e-9, abs=1e-12)
    assert found.slope == pytest.approx(wanted.slope, rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("scale", [LOW, HIGH])
def test_knee_crossing_and_interval_move_with_the_unit_of_pressure(scale):
    """The law KL = 2 ln(beta_c / beta), read at pressures from 1e-6 to 1e6."""
    beta = scale * np.geomspace(0.9, 1.1, 300)
    kl = 2 * np.maximum(np.log(scale / beta), 0)
    knee = fit_knee(beta, kl)
    assert (knee.beta, knee.slope) == (pytest.approx(scale, rel=1e-9), pytest.approx(2, rel=1e-9))
    assert crossing(beta, kl, 0.1).beta == pytest.approx(scale * np.exp(-0.05), rel=1e-9)
    knees = scale * np.array([0.9, 1.0, 1.2, 1.3, 0.8, 1.1])
    np.testing.assert_allclose(median_interval(knees), scale * np.array(median_interval(knees / scale)), rtol=1e-12)


def test_knee_and_crossing_of_float32_curves_are_those_of_float64_to_1e_minus_6():
    beta = np.geomspace(40, 60, 300)
    kl = 2 * np.maximum(np.log(50 / beta), 0) + 1e-3 * np.sin(40 * beta)
    narrow = kl.astype(np.float32)
    assert fit_knee(beta, narrow).beta == pytest.approx(fit_knee(beta, kl).beta, rel=1e-7)
    assert fit_knee(beta, narrow).slope == pytest.approx(fit_knee(beta, kl).slope, rel=1e-6)
    assert crossing(beta, narrow, 0.1).beta == pytest.approx(crossing(beta, kl, 0.1).beta, rel=1e-7)


# Images that never vary


@LIKELIHOODS
@pytest.mark.parametrize("grey", [0.0, 0.3, 1.0], ids=["black", "grey", "white"])
def test_images_that_are_all_the_same_never_freeze_at_any_pressure(grey, likelihood):
    images = torch.full((5, 4, 4, 1), grey)
    assert freezing_point(images, likelihood) == rate_distortion_bound([images], likelihood)[0] == 0
    assert transition(images, likelihood).order == "none"
    for record in equilibrium([Case(images, 0.1, 10.0, 0)], EquilibriumConfig(pressures=4, bisections=1), likelihood):
        assert record.kl.max() == pytest.approx(0, abs=1e-12)
        assert record.reconstruction.max() == 0


@LIKELIHOODS
def test_in_a_stack_a_case_that_never_varies_leaves_the_others_as_they_are_alone(likelihood):
    config = SweepConfig(
        pace=Pace(learn_steps=20, survey=0.05, first_loop=0.05, max_steps=60), hidden=8, record_every=5
    )
    moving, still = Case(bars(), 0.5, 20.0, 0), Case(torch.ones(4, 4, 4, 1), 0.5, 20.0, 1)
    both, alone = (list(sweep(cases, config, likelihood)) for cases in ([moving, still], [moving]))
    for together, single in zip(both, alone, strict=False):
        np.testing.assert_allclose(together.kl[0], single.kl[0], rtol=1e-5, atol=1e-6)
        costs = together.reconstruction[1]
        assert np.isnan(costs) or costs == 0  # a case that is done shows NaN


@LIKELIHOODS
def test_images_that_are_white_but_for_a_last_digit_are_swept_as_others_are(likelihood):
    """The mean of that pixel rounds to 1 in float32, where a Bernoulli decoder's variance is 0."""
    images = torch.ones(4, 4, 4, 1)
    images[1, 0, 0] -= 2.0**-24
    images[2, 1, 1] -= 1 / 255
    assert images.mean(dim=0)[0, 0] == 1
    config = SweepConfig(
        pace=Pace(learn_steps=20, survey=0.05, first_loop=0.05, max_steps=60), hidden=8, record_every=5
    )
    for record in sweep([Case(images, 1e-3, 1.0, 0)], config, likelihood):
        assert np.isfinite(record.kl).all()
        assert record.reconstruction[0] >= 0
    # the brighter digit is worth d (n - 1) / n / (1 - d / n) alone, and nothing next to the other pixel
    d = float(1 - images[2, 1, 1])
    expected = d * 3 / 4 / (1 - d / 4) if isinstance(likelihood, Bernoulli) else d**2 * 3 / 16 / 0.1
    assert freezing_point(images, likelihood) == pytest.approx(expected, rel=1e-3)
