"""Equilibrium annealing of small sets whose transitions are known, and the loss it minimises against quadrature."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from annealing.equilibrium import EquilibriumConfig, branches, equilibrium, judge
from annealing.errors import IFPError
from annealing.freezing import balance
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.optimal_decoder import ImageSet, next_freezing_point, reconstruction
from annealing.spectral import freezing_point
from annealing.stack import Case


def case_of(images, likelihood, low=0.5, high=1.6):
    lam = freezing_point(images, likelihood)
    return Case(images.float(), low * lam, high * lam, 0), lam


def bar():
    """A bar at 8 places of a ring of 12 pixels rows, mirror-symmetric: continuous."""
    images = torch.zeros(8, 24)
    for place in range(8):
        images[place, 2 * place : 2 * place + 8] = 1
    return images


def discs():
    """Nested, growing: continuous, not symmetric."""
    return (torch.arange(40)[None] < 5 * torch.arange(1, 7)[:, None]).float()


def disjoint():
    """Three shapes that share no pixel."""
    return torch.eye(3).repeat_interleave(10, dim=1)


def exclusive_or():
    """Pixels s (60), t (10) and s XOR t (10) of four equally likely images."""
    s, t = torch.tensor([0.0, 0, 1, 1]), torch.tensor([0.0, 1, 0, 1])
    return torch.cat([s[:, None].repeat(1, 60), t[:, None].repeat(1, 10), (s != t).float()[:, None].repeat(1, 10)], 1)


def arrays(case, likelihood, config=EquilibriumConfig()):  # noqa: B008
    records = list(equilibrium([case], config, likelihood))
    direction = np.array([record.direction[0] for record in records])
    return (
        direction,
        *(np.array([getattr(record, name)[0] for record in records]) for name in ("beta", "kl")),
        np.array([record.reconstruction[0] for record in records]),
    )


CONTINUOUS = [
    (bar(), Bernoulli()),
    (discs(), Bernoulli()),
    (torch.linspace(0, 1, 8)[:, None].repeat(1, 16), Gaussian(0.1)),
    (torch.tensor([0.1, 0.5, 0.9])[:, None].repeat(1, 20), Bernoulli()),
]


@pytest.mark.parametrize(("images", "likelihood"), CONTINUOUS, ids=["bar", "discs", "line", "grey"])
def test_a_continuous_transition_starts_at_the_closed_form_on_heating_and_on_cooling(images, likelihood):
    case, lam = case_of(images, likelihood)
    direction, beta, kl, rec = arrays(case, likelihood)
    found = judge(direction, beta, kl[:, 0])
    assert found.order == "continuous"
    assert found.onset == pytest.approx(lam, rel=0.03)
    assert found.melting == pytest.approx(found.freezing, rel=0.004)
    heat = direction == "heat"
    assert balance(beta[heat], kl[heat].sum(axis=1), rec[heat]) == pytest.approx(1, abs=0.01)  # -dR = beta dKL
    silent = rec[heat][-1]
    gained = (silent - rec)[kl[:, 0] < 0.05]
    assert (gained <= 0.05 * 1.05 * case.high).all()  # nothing is told apart at next to no KL


def test_disjoint_shapes_jump_and_stay_active_above_the_closed_form():
    case, lam = case_of(disjoint(), Bernoulli())
    direction, beta, kl, _ = arrays(case, Bernoulli())
    found = judge(direction, beta, kl[:, 0])
    assert found.order == "first_order"
    assert found.onset == pytest.approx(lam, rel=0.005)
    assert 1.02 * lam < found.melting < 1.11 * lam  # beta_RD is 1.104 lam, and metastable a little above
    cool = direction == "cool"
    jump = kl[cool][beta[cool] < found.onset][0, 0]
    assert jump > 0.35


def test_of_blank_blank_a_and_b_one_latent_takes_all_and_the_second_never_starts():
    images = torch.zeros(4, 40)
    images[2, :20] = 1
    images[3, 20:] = 1  # lambda 26.7 and 13.3
    config = EquilibriumConfig(latents=2, pressures=12, bisections=2)
    case = Case(images, 1.0, 40.0, 0)
    _, _, kl, _ = arrays(case, Bernoulli(), config)
    assert kl[:, 0].max() > 1
    assert kl[:, 1].max() < 1e-6


def test_where_the_first_latent_holds_s_alone_the_second_starts_near_twice_the_second_eigenvalue():
    """lambda_2 = 10: t and s XOR t are one mode once s is known."""
    images = ImageSet.of(exclusive_or(), Bernoulli())
    alone = torch.tensor([0.0, 1.0])[:, None].repeat(1, 60)
    _, cooled = branches(Case(alone, 12.0, 90.0, 0), EquilibriumConfig(), Bernoulli())
    gap = [
        (state.beta, next_freezing_point(images, np.repeat(state.encoder, 2, axis=1)) - state.beta) for state in cooled
    ]
    above, below = max(pair for pair in gap if pair[1] > 0), min(pair for pair in gap if pair[1] <= 0)
    start = np.interp(0, [below[1], above[1]], [below[0], above[0]])
    assert 18.5 < start < 20


def test_an_unlimited_network_lets_the_first_latent_take_t_as_well_and_never_needs_the_second():
    config = EquilibriumConfig(latents=2, pressures=12, bisections=1)
    _, cooled = branches(Case(exclusive_or(), 6.0, 90.0, 0), config, Bernoulli())
    assert cooled[-1].kl[0] > np.log(4)
    assert max(state.kl[1] for state in cooled) < 1e-6


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.2)], ids=str)
def test_the_reconstruction_is_the_integral_over_the_best_decoder(likelihood):
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.uniform(size=(4, 6)))
    mean, log_sd = rng.normal(size=(4, 1)), rng.normal(scale=0.3, size=(4, 1)) - 0.5
    sd = np.exp(log_sd)

    def cost(z):
        density = norm.pdf(z, mean[:, 0], sd[:, 0])
        drawn = torch.from_numpy(density / density.sum() @ pixels.numpy())
        output = torch.logit(drawn) if isinstance(likelihood, Bernoulli) else drawn
        return density @ likelihood.nats(output, pixels).sum(dim=1).numpy() / 4

    expected = quad(cost, -12, 12, epsabs=1e-11, epsrel=1e-11, limit=400)[0]
    images, encoder = ImageSet.of(pixels, likelihood), np.stack([mean, log_sd])
    assert reconstruction(images, encoder).value == pytest.approx(expected, rel=1e-6)
    # a finer grid, elsewhere: the nodes cannot be exploited
    finer = reconstruction(images, encoder, nodes_per_sd=8.0, shift=0.37).value
    assert reconstruction(images, encoder).value == pytest.approx(finer, rel=1e-6)


def test_slope_and_curvature_are_those_of_the_loss():
    rng = np.random.default_rng(1)
    images = ImageSet.of(torch.from_numpy(rng.uniform(size=(3, 5))), Bernoulli())
    encoder = np.stack([rng.normal(size=(3, 1)), rng.normal(scale=0.2, size=(3, 1))])

    def at(flat, **options):
        return reconstruction(images, flat.reshape(2, 3, 1), nodes_per_sd=6.0, **options)

    flat, step = encoder.ravel(), 1e-5
    found = at(flat, curvature=True)
    moved = [[at(flat + sign * step * each) for sign in (1, -1)] for each in np.eye(6)]
    slopes = [(up.value - down.value) / (2 * step) for up, down in moved]
    np.testing.assert_allclose(found.slope.ravel(), slopes, atol=1e-7)
    curvature = [(up.slope - down.slope).ravel() / (2 * step) for up, down in moved]
    np.testing.assert_allclose(found.curvature, curvature, atol=1e-6)


def test_beside_a_silent_latent_the_next_freezes_at_the_closed_form():
    for images in (bar(), discs(), exclusive_or()):
        silent = np.zeros((2, len(images), 1))
        found = next_freezing_point(ImageSet.of(images, Bernoulli()), silent)
        assert found == pytest.approx(freezing_point(images, Bernoulli()), rel=1e-6)


def test_cases_do_not_know_of_each_other_and_nothing_is_random():
    cases = [case_of(images, Bernoulli())[0] for images in (discs(), discs() * 0.9 + 0.05)]
    config = EquilibriumConfig(pressures=10, bisections=2)
    together, again = (list(equilibrium(cases, config, Bernoulli())) for _ in range(2))
    for index, case in enumerate(cases):
        alone = list(equilibrium([case], config, Bernoulli()))
        for record, other, single in zip(together, again, alone, strict=True):
            assert record.kl[index].tobytes() == other.kl[index].tobytes() == single.kl[0].tobytes()


def test_bad_settings_and_no_case_are_refused():
    for settings, message in (
        ({"pressures": 1}, "pressures of at least 2, got 1"),
        ({"latents": 0}, "latents of at least 1, got 0"),
        ({"tolerance": 1.0}, "tolerance above 0 and at most 1e-4, got 1.0"),
    ):
        with pytest.raises(IFPError, match=message):
            EquilibriumConfig(**settings)
    with pytest.raises(IFPError, match="one case or more, got none"):
        next(equilibrium([], EquilibriumConfig(), Bernoulli()))
