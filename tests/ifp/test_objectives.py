"""Every objective's loss and schedule, against closed forms and batches worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from annealing.bottleneck import gaussian_kl
from annealing.errors import IFPError
from ifp.objectives import Setup, made, objectives, parameters_of
from ifp.objectives.beta_tcvae import ESTIMATORS, total_correlation
from ifp.objectives.factor_vae import shuffled
from ifp.objectives.objective import Codes

pytestmark = pytest.mark.usefixtures("_one_thread")

SETUP = Setup(latents=3, steps=300, images=1000)


def codes(mean, logvar=None, seed=0):
    mean = torch.as_tensor(mean, dtype=torch.float64)
    logvar = torch.zeros_like(mean) if logvar is None else torch.as_tensor(logvar, dtype=torch.float64)
    stream = torch.Generator().manual_seed(seed)
    sample = mean + (logvar / 2).exp() * torch.randn(mean.shape, generator=stream, dtype=torch.float64)
    return Codes(mean, logvar, sample, gaussian_kl(mean, logvar).mean(dim=0), stream)


def random_codes(batch=8, latents=3, seed=0):
    rng = np.random.default_rng(seed)
    return codes(rng.standard_normal((batch, latents)), 0.5 * rng.standard_normal((batch, latents)) - 1, seed)


def terms(objective, given, step=0):
    control = objective.informed(objective.at(step), given)
    return {name: float(value) for name, value in objective.terms(given, control).items()}


# KL alone


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_beta_vae_weighs_the_kl(beta):
    given = codes([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]])  # KL of unit variances: half the squared mean
    assert terms(made("beta-vae", SETUP, {"beta": beta}), given) == {"kl": pytest.approx(beta * 14 / 4)}


def test_annealed_vae_presses_the_kl_to_a_capacity_that_grows():
    objective = made("annealed-vae", SETUP, {"c_max": 6.0, "gamma": 10.0, "growth": 0.5})
    given = codes([[2.0, 0.0, 0.0]])  # a KL of 2
    expected = {0: 2.0, 25: 1.0, 50: 0.0, 75: 1.0, 150: 4.0, 299: 4.0}
    for step, away in expected.items():
        assert terms(objective, given, step) == {"capacity": pytest.approx(10 * away)}
    assert [objective.capacity(step) for step in (0, 75, 150, 1000)] == [0, 3, 6, 6]  # and never beyond


def test_the_capacity_of_the_study_grows_over_a_third_of_its_steps():
    objective = made("annealed-vae", replace(SETUP, steps=300_000), {})
    assert [objective.capacity(step) for step in (50_000, 100_000, 200_000)] == pytest.approx([12.5, 25, 25])


def test_cascade_vae_c_relieves_one_latent_after_another():
    objective = made("cascade-vae-c", replace(SETUP, steps=300_000), {})
    given = codes([[2.0, 4.0, 6.0]])  # KLs of 2, 8 and 18
    for step, weights in {0: (0.1, 10, 10), 20_000: (0.1, 0.1, 10), 40_000: (0.1,) * 3, 299_999: (0.1,) * 3}.items():
        assert terms(objective, given, step) == {"kl": pytest.approx(np.dot(weights, (2, 8, 18)))}
    assert [objective.at(step).stage for step in (19_999, 20_000, 299_999)] == [0, 1, 2]


# Total correlation


def by_scipy(given, weights):
    """E[log q(z) - sum_j log q(z_j)] of mixtures with the weights [i, k], by scipy's densities."""
    deviation = np.exp(given.logvar.numpy() / 2)
    each = stats.norm.pdf(given.sample.numpy()[:, None], given.mean.numpy()[None], deviation[None])
    joint = (weights * each.prod(axis=2)).sum(axis=1)
    alone = (weights[:, :, None] * each).sum(axis=1)
    return (np.log(joint) - np.log(alone).sum(axis=1)).mean()


@pytest.mark.parametrize("images", [8, 100, 737_280])
def test_total_correlation_is_that_of_the_weighted_mixture(images):
    given = random_codes()
    batch = len(given.mean)
    found = total_correlation(given.sample, given.mean, given.logvar, images)
    assert float(found) == pytest.approx(by_scipy(given, np.full((batch, batch), 1 / batch)), rel=1e-9)


@pytest.mark.parametrize("images", [8, 100, 737_280])
def test_total_correlation_is_that_of_the_stratified_mixture(images):
    given = random_codes()
    batch = len(given.mean)
    weights = np.full((batch, batch), 1 / (batch - 1))
    for row in range(batch):
        weights[row, row] = 1 / images
        weights[row, (row + 1) % batch] = (images - batch + 1) / (images * (batch - 1))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    found = total_correlation(given.sample, given.mean, given.logvar, images, "stratified")
    assert float(found) == pytest.approx(by_scipy(given, weights), rel=1e-9)


def test_the_stratified_estimate_of_the_density_is_unbiased():
    """Over all batches that can follow an image, the weights give every image its 1 / N."""
    images, batch = 5, 3
    found = np.zeros(images)
    rng = np.random.default_rng(0)
    from ifp.objectives.beta_tcvae import _stratified

    weights = _stratified(batch, images).numpy()
    for _ in range(20_000):
        others = 1 + rng.permutation(images - 1)[: batch - 1]  # image 0 is the one z came from
        found[[0, *others]] += weights[0]
    np.testing.assert_allclose(found / 20_000, 1 / images, atol=5e-3)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_total_correlation_of_many_gaussian_codes_is_the_closed_form_but_for_its_constant(estimator):
    rho, batch, noise = 0.8, 2000, 0.3
    rng = np.random.default_rng(1)
    mean = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], batch)
    given = codes(mean, np.full((batch, 2), 2 * math.log(noise)), seed=1)
    found = float(total_correlation(given.sample, given.mean, given.logvar, batch, estimator))
    expected = -0.5 * math.log(1 - (rho / (1 + noise**2)) ** 2)
    assert found == pytest.approx(expected, abs=0.05)


def test_beta_tcvae_adds_the_total_correlation_beyond_the_kl():
    given = random_codes()
    shared = float(total_correlation(given.sample, given.mean, given.logvar, SETUP.images))
    expected = {"kl": float(given.kl.sum()), "total_correlation": 5 * shared}
    assert terms(made("beta-tcvae", SETUP, {"beta": 6}), given) == pytest.approx(expected)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_silent_codes_have_no_total_correlation(estimator):
    silent = codes(np.zeros((16, 3)))
    found = total_correlation(silent.sample, silent.mean, silent.logvar, 100, estimator)
    assert float(found) == pytest.approx(0, abs=1e-12)


# Covariance


@pytest.mark.parametrize(("name", "lambda_d"), [("dip-vae-i", 10.0), ("dip-vae-ii", 1.0)])
def test_dip_vae_pulls_the_covariance_to_the_identity(name, lambda_d):
    given = random_codes(batch=16)
    cov = np.cov(given.mean.numpy().T, bias=True)
    if name == "dip-vae-ii":
        cov = cov + np.diag(np.exp(given.logvar.numpy()).mean(axis=0))
    off = (cov**2).sum() - (np.diag(cov) ** 2).sum()
    expected = 5.0 * off + 5.0 * lambda_d * ((np.diag(cov) - 1) ** 2).sum()
    found = terms(made(name, SETUP, {"lambda_od": 5.0}), given)
    assert found == pytest.approx({"kl": float(given.kl.sum()), "covariance": expected})


def test_dip_vae_ii_lets_a_silent_code_be():
    assert terms(made("dip-vae-ii", SETUP, {}), codes(np.zeros((4, 3))))["covariance"] == pytest.approx(0)
    assert terms(made("dip-vae-i", SETUP, {}), codes(np.zeros((4, 3))))["covariance"] == pytest.approx(300)


# The discriminator


def test_shuffling_keeps_every_latents_values_and_breaks_the_rows():
    sample = torch.arange(30.0).reshape(10, 3)
    found = shuffled(sample, torch.Generator().manual_seed(0))
    for latent in range(3):
        assert sorted(found[:, latent].tolist()) == sample[:, latent].tolist()
    assert not torch.equal(found, sample)
    assert torch.equal(found, shuffled(sample, torch.Generator().manual_seed(0)))


def test_factor_vae_adds_the_discriminators_log_odds_and_leaves_the_discriminator_alone():
    objective = made("factor-vae", SETUP, {"gamma": 7.0})
    given = random_codes()
    sample = given.sample.float().requires_grad_()
    given = replace(given, sample=sample)
    with torch.no_grad():
        logits = objective.discriminator(sample)
    found = objective.terms(given, objective.at(0))
    odds = torch.log_softmax(logits, dim=1)  # log D - log(1 - D)
    expected = 7.0 * (odds[:, 0] - odds[:, 1]).mean()
    assert float(found["total_correlation"].detach()) == pytest.approx(float(expected), rel=1e-5)
    found["total_correlation"].backward()
    assert sample.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in objective.discriminator.parameters())


def test_the_discriminators_step_lowers_its_cross_entropy_and_sends_no_gradient_to_the_codes():
    objective = made("factor-vae", SETUP, {"discriminator_rate": 1e-3})
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((128, 1))
    given = codes(np.repeat(shared, 3, axis=1), np.full((128, 3), -6.0))  # three copies of one number
    given = replace(given, sample=given.sample.float().requires_grad_())

    def loss():
        with torch.no_grad():
            return float(objective.loss(given.sample, torch.Generator().manual_seed(1)))

    assert loss() == pytest.approx(math.log(2), abs=0.01)
    for step in range(60):
        objective.after_step(step, given)
    assert loss() < 0.5
    assert given.sample.grad is None
    assert terms(objective, replace(given, sample=given.sample.detach()))["total_correlation"] > 0


# Controllers


def with_kl(nats):
    """A batch of one image whose KL is so many nats."""
    return codes([[math.sqrt(2 * nats), 0.0, 0.0]])


def test_control_vae_answers_as_its_equations_do():
    objective = made("control-vae", SETUP, {"target": 1.0, "start": 1.0, "kp": 0.5, "ki": 0.1})
    total, expected = 0.0, []
    for kl in (5.0, 4.0, 0.0, 0.0, 0.0, 6.0):
        error = 1.0 - kl
        if not expected or expected[-1] >= 1.0 or error < 0:
            total -= 0.1 * error
        expected.append(0.5 / (1 + math.exp(error)) + total + 1.0)
    found = [objective.informed(objective.at(step), with_kl(kl)) for step, kl in enumerate((5, 4, 0, 0, 0, 6))]
    assert [each.pressure for each in found] == pytest.approx([max(beta, 1.0) for beta in expected])
    assert objective.terms(with_kl(6.0), found[-1])["kl"].item() == pytest.approx(6 * found[-1].pressure)


def test_control_vaes_sum_does_not_run_away_while_its_answer_is_at_its_least():
    objective = made("control-vae", SETUP, {"target": 10.0, "start": 10.0, "ki": 0.1, "kp": 0.0})
    for _ in range(50):  # far too little KL
        assert objective.informed(objective.at(0), with_kl(0.0)).pressure == 1.0
    answers = [objective.informed(objective.at(0), with_kl(15.0)).pressure for _ in range(4)]
    assert answers == pytest.approx([1.0, 1.0, 1.5, 2.0])  # one error of 10 is made up for, not fifty


def test_dynamic_vae_answers_as_its_equations_do():
    settings = {"target": 2.0, "start": 2.0, "kp": 0.5, "ki": 0.1, "beta_start": 3.0, "beta_min": 2.9, "window": 2}
    objective = made("dynamic-vae", SETUP, settings)
    beta, before, past, expected = 3.0, 0.0, 0.0, []
    for kl in (0.0, 1.0, 8.0, 8.0):
        error = 2.0 - (past + kl) / 2
        proportional = 0.5 * (1 / (1 + math.exp(error)) - 1 / (1 + math.exp(before)))
        beta += proportional - (0.1 * error if beta >= 2.9 or error < 0 else 0.0)
        before, past = error, kl
        expected.append(max(beta, 2.9))
    found = [objective.informed(objective.at(step), with_kl(kl)) for step, kl in enumerate((0, 1, 8, 8))]
    assert [each.pressure for each in found] == pytest.approx(expected)
    assert min(expected) == 2.9


def test_the_authors_set_points():
    """0.15 nats every 5,000 of 1,500,000 steps come to 18 after 583,333 of them; here the target is met at 0.4."""
    objective = made("control-vae", replace(SETUP, steps=1_500_000), {})
    goals = [objective.at(step).target for step in (0, 5142, 5143, 10_286, 599_999, 600_001, 1_499_999)]
    assert goals == pytest.approx([0.5, 0.5, 0.65, 0.8, 17.9, 18, 18], abs=0.11)
    ramped = made("dynamic-vae", replace(SETUP, steps=2_000_000), {"growth": 0.39})
    assert ramped.at(0).target == 0.5
    assert ramped.at(6000).target < 0.5 + 0.001  # spread over a thousand steps
    assert ramped.at(7000).target == pytest.approx(0.65)
    assert ramped.at(1_999_999).target == 20


def test_controllers_steer_a_kl_that_yields_to_pressure_to_its_target():
    """A plant whose KL is 100 / beta: the answer that holds it at 5 nats is a pressure of 20."""
    for name, start in (("control-vae", {}), ("dynamic-vae", {"beta_start": 100.0})):
        objective = made(name, SETUP, {"target": 5.0, "start": 5.0, "ki": 0.05, **start})
        pressure = 50.0
        for step in range(2000):
            pressure = objective.informed(objective.at(step), with_kl(100 / pressure)).pressure
        assert pressure == pytest.approx(20, rel=0.01)


# Stages


@pytest.fixture
def plan(bars, make_plan):
    return make_plan(bars, (9.0, 3.0, 1.0), (0.25, 0.5, 0.25))


def staged(plan, name="deft", steps=400, **settings):
    return made(name, Setup(plan.latents, steps, 32, 0, 4, plan), settings)


def test_by_plateau_a_stage_ends_once_its_own_latents_have_stopped_gaining(plan):
    objective = staged(plan, advance="plateau")
    silent = [0.01, 0.0, 0.0]
    for step in range(10, 60, 10):  # nothing gained, but nothing held either: it has not begun
        objective.observe(step, torch.tensor(silent))
    assert objective.at(60).stage == 0
    for step, held in zip(range(60, 100, 10), (1.0, 1.5, 1.51, 1.52), strict=True):
        objective.observe(step, torch.tensor([held, 0.0, 0.0]))
    assert objective.at(100).stage == 0  # 1.52 against 1.0 three records before
    objective.observe(100, torch.tensor([1.525, 9.0, 9.0]))
    assert (objective.at(100).stage, objective.at(100).pressure, objective.at(100).open_groups) == (1, 3.0, 2)


def test_by_plateau_a_stage_ends_at_the_latest_with_its_share_of_what_is_left(plan):
    objective = staged(plan, advance="plateau")
    stages = []
    for step in range(400):
        stages.append(objective.at(step).stage)
        objective.after_step(step, with_kl(1.0))
        if step == 39:  # the first stage stops learning early
            for record in range(4):
                objective.observe(37 + record, torch.tensor([1.0, 0.0, 0.0]))
    assert [stages.count(stage) for stage in range(3)] == [40, 240, 120]


@pytest.mark.parametrize("name", ["deft", "deft-hook", "deft-separate"])
def test_the_pressure_falls_in_equal_ratios_from_the_stage_before(name, plan):
    objective = staged(plan, name, fall=0.5)
    pressures = [objective.at(step).pressure for step in range(400)]
    assert pressures[:101] == [9.0] * 101  # the first stage has none before it
    np.testing.assert_allclose(np.diff(np.log(pressures[100:201])), np.log(3 / 9) / 100)
    assert pressures[200:301] == pytest.approx([3.0] * 101)
    np.testing.assert_allclose(np.diff(np.log(pressures[300:351])), np.log(1 / 3) / 50)
    assert pressures[350:] == pytest.approx([1.0] * 50)
    assert [staged(plan, name).at(step).pressure for step in (99, 100, 300)] == [9, 3, 1]


def test_by_share_what_is_observed_changes_nothing(plan):
    objective = staged(plan)
    for step in range(0, 100, 10):
        objective.observe(step, torch.ones(3))
    assert objective.at(99).stage == 0


def test_deft_hook_scales_the_gradients_of_earlier_latents_and_stops_those_of_later_ones(plan):
    objective = staged(plan, "deft-hook")
    assert objective.groups == ((0, 1, 2),)
    for step, scale in {0: (1, 0, 0), 100: (0.1, 1, 0), 399: (0.1, 0.1, 1)}.items():
        mean, logvar = (torch.randn(4, 3, requires_grad=True) for _ in range(2))
        seen = objective.posterior(mean * 1.0, logvar * 1.0, objective.at(step))
        assert torch.equal(seen[0], mean)
        assert torch.equal(seen[1], logvar)
        (seen[0].sum() + 2 * seen[1].sum()).backward()
        torch.testing.assert_close(mean.grad, torch.tensor(scale, dtype=torch.float32).expand(4, 3))
        torch.testing.assert_close(logvar.grad, 2 * torch.tensor(scale, dtype=torch.float32).expand(4, 3))


@pytest.mark.parametrize("name", ["deft", "deft-hook", "deft-separate"])
def test_deft_needs_a_plan_with_its_latents_and_a_step_for_each_stage(name, plan):
    with pytest.raises(IFPError, match=f"need a stage plan for {name}: --plan FILE"):
        made(name, SETUP, {})
    with pytest.raises(IFPError, match="need as many latents as the plan's, got 5"):
        made(name, Setup(5, 400, 32, 0, 4, plan), {})
    with pytest.raises(IFPError, match="need a step or more for each of the 3 stages, got 2"):
        staged(plan, name, steps=2)


# Settings


def test_defaults_are_those_of_the_standard_study():
    found = {name: parameters_of(made(name, SETUP, {})) for name in objectives() if "deft" not in name}
    assert found["annealed-vae"]["gamma"] == 1000
    assert (found["dip-vae-i"]["lambda_d_factor"], found["dip-vae-ii"]["lambda_d_factor"]) == (10, 1)
    assert set(found) == {
        "annealed-beta", "annealed-vae", "beta-tcvae", "beta-vae", "cascade-vae-c", "control-vae", "dip-vae-i",
        "dip-vae-ii", "dynamic-vae", "factor-vae",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("beta-vea", {}, r"need an objective out of .*, got 'beta-vea' \(did you mean beta-vae\?\)"),
        ("beta-vae", {"gamma": 1}, "need settings of beta-vae out of beta, got 'gamma'"),
        ("beta-vae", {"beta": "four"}, "need a number for beta-vae's beta, got 'four'"),
        ("beta-vae", {"beta": True}, "need a number for beta-vae's beta, got True"),
        ("beta-vae", {"beta": -1.0}, "need a beta of 0 or more, got -1"),
        ("beta-vae", {"beta": math.nan}, "need a beta of 0 or more, got nan"),
        ("beta-tcvae", {"estimator": "exact"}, "need an estimator out of weighted, stratified, got 'exact'"),
        ("annealed-vae", {"growth": 0.0}, "need a growth above 0"),
        ("cascade-vae-c", {"low": 20.0}, "need pressures 0 < low <= high, got 20 and 10"),
        ("factor-vae", {"gamma": -1.0}, "need a gamma of 0 or more"),
        ("dip-vae-i", {"lambda_d_factor": -1.0}, "need a lambda_d_factor of 0 or more"),
        ("control-vae", {"ki": math.nan}, "need a ki of 0 or more, got nan"),
        ("control-vae", {"target": 0.1}, "need set points 0 <= start <= target"),
        ("dynamic-vae", {"window": 0}, "need a window of 1 or more, got 0"),
        ("dynamic-vae", {"window": 2.5}, "need a whole number for dynamic-vae's window, got 2.5"),
        ("annealed-beta", {"start": -1.0}, "need a pressure of 0 or more for start"),
    ],
)
def test_settings_that_do_not_fit_are_refused(name, given, reason):
    with pytest.raises(IFPError, match=reason):
        made(name, SETUP, given)
