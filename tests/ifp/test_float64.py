"""One training step of every objective in float32 against the same step in float64; and pressures of 1e-6 and 1e6."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import special

from annealing.bottleneck import gaussian_kl
from annealing.likelihoods.pixels import LIKELIHOODS
from ifp.objectives import objectives
from ifp.objectives.beta_tcvae import ESTIMATORS, total_correlation
from ifp.objectives.objective import Codes
from ifp.training.batches import Batches
from ifp.training.config import TrainConfig
from ifp.training.loop import take_step, train_steps
from ifp.training.run import start_learner

pytestmark = pytest.mark.usefixtures("_one_thread")

LOW, HIGH = 1e-6, 1e6
SETTINGS = {"steps": 12, "batch_size": 8, "learning_rate": 5e-4, "warmup": 0, "seed": 3, "latents": 3}
SETTINGS |= {"network": "conv-8", "precision": "float32"}
EXTREMES = [
    ("beta-vae", {"beta": LOW}),
    ("beta-vae", {"beta": HIGH}),
    ("annealed-beta", {"start": HIGH, "end": LOW}),
    ("annealed-vae", {"gamma": HIGH}),
    ("annealed-vae", {"gamma": LOW}),
    ("beta-tcvae", {"beta": HIGH}),
    ("beta-tcvae", {"beta": HIGH, "estimator": "stratified"}),
    ("factor-vae", {"gamma": HIGH}),
    ("dip-vae-i", {"lambda_od": HIGH}),
    ("dip-vae-ii", {"lambda_od": LOW}),
    ("cascade-vae-c", {"low": LOW, "high": HIGH}),
    ("control-vae", {"beta_min": HIGH}),
    ("control-vae", {"beta_min": LOW, "ki": HIGH}),
    ("dynamic-vae", {"beta_start": HIGH, "beta_min": LOW}),
]  # fmt: skip
PLANNED = ("deft", "deft-hook", "deft-separate")


def learner_of(bars, make_plan, name, parameters, likelihood="bernoulli", **changed):
    plan = make_plan(bars, likelihood=likelihood, **changed) if name in PLANNED else None
    config = TrainConfig(
        dataset="bars", objective=name, parameters=parameters, likelihood=likelihood, threads=1, **SETTINGS
    ).resolved(bars, plan)
    return start_learner(bars, config, plan), config


def exact_nats(likelihood, output, images):
    """Nats of each pixel in float64, by numpy."""
    output, images = output.detach().numpy(), images.numpy()
    if likelihood == "gaussian":
        return (images - output) ** 2 / 2
    return images * np.logaddexp(0, -output) + (1 - images) * np.logaddexp(0, output)


class _Nats(torch.autograd.Function):
    """:func:`exact_nats` summed, with the slope by the output that calculus gives."""

    @staticmethod
    def forward(ctx, output, images, likelihood):
        drawn = (
            output.detach() if likelihood == "gaussian" else torch.from_numpy(special.expit(output.detach().numpy()))
        )
        ctx.save_for_backward(drawn - images)
        return torch.tensor(exact_nats(likelihood, output, images).sum())

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0], None, None


def exact_step(learner, batch, step, likelihood):
    """Loss and gradients of a step in float64."""
    model, objective = copy.deepcopy(learner.model).double(), copy.deepcopy(learner.objective)
    if hasattr(objective, "discriminator"):
        objective.discriminator.double()
    images, control = batch.images.double(), objective.at(step)
    mean, logvar = model.encode(images, control.open_groups, control.fixed_groups)
    mean, logvar = objective.posterior(mean, logvar, control)
    sample = mean + (logvar / 2).exp() * batch.noise.double()
    output = model.decode(sample, control.open_groups)
    kl = (mean**2 + logvar.exp() - 1 - logvar).mean(dim=0) / 2
    codes = Codes(mean, logvar, sample, kl, batch.stream)
    terms = objective.terms(codes, objective.informed(control, codes))
    loss = _Nats.apply(output, images, likelihood) / len(images) + sum(terms.values())
    loss.backward()
    return loss.item(), {name: each.grad for name, each in model.named_parameters() if each.grad is not None}


def assert_step_is_exact(learner, config, dataset, step, tolerance):
    """Loss and all gradients together, relatively; a total correlation is a difference of logarithms of some nats."""
    weight = getattr(learner.objective, "beta", 0.0) if config.objective == "beta-tcvae" else 0.0
    batch = Batches(
        dataset, batch_size=config.batch_size, latents=learner.model.latents, seed=config.seed, device=learner.device
    ).at(step)
    expected, wanted = exact_step(learner, batch, step, config.likelihood)
    record = take_step(learner, batch, step, config.loop, LIKELIHOODS[config.likelihood])
    assert record.loss == pytest.approx(expected, rel=tolerance, abs=3e-7 * weight)
    found = {name: each.grad for name, each in learner.model.named_parameters() if each.grad is not None}
    assert set(found) == set(wanted)
    size = math.sqrt(sum(float(each.square().sum()) for each in wanted.values()))
    apart = math.sqrt(sum(float((found[name].double() - each).square().sum()) for name, each in wanted.items()))
    assert 0 < size < math.inf
    assert apart <= tolerance * size + 1e-7 * weight


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("name", objectives())
def test_loss_and_gradient_of_a_step_are_those_of_float64(name, likelihood, bars, make_plan):
    learner, config = learner_of(bars, make_plan, name, {}, likelihood)
    for step in (0, 5, 11):  # the plan's first, second and last stage
        assert_step_is_exact(learner, config, bars, step, 1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(("middle", "logvar"), [(0, 0), (0, -20), (0, 20), (1e3, 0)])
def test_total_correlation_of_a_batch_is_that_of_float64_to_the_roundings_of_its_logarithms(middle, logvar, estimator):
    stream = torch.Generator().manual_seed(5)
    mean = middle + torch.randn(64, 10, generator=stream)
    logvar = logvar + 0.1 * torch.randn(64, 10, generator=stream)
    sample = mean + (logvar / 2).exp() * torch.randn(64, 10, generator=stream)
    given = (sample, mean, logvar)
    found = total_correlation(*given, 1000, estimator).item()
    exact = total_correlation(*(each.double() for each in given), 1000, estimator).item()
    # ten densities of up to |log sd| + 1 nats each are added; their differences remain
    assert found == pytest.approx(exact, abs=2.4e-7 * 10 * (1 + float(logvar.abs().mean()) / 2))


@pytest.mark.parametrize(("name", "parameters"), EXTREMES)
def test_steps_at_extreme_weights_are_those_of_float64_and_stay_finite(name, parameters, bars, make_plan):
    learner, config = learner_of(bars, make_plan, name, parameters)
    assert_step_is_exact(learner, config, bars, 0, 1e-4)
    for record in train_steps(learner, bars, config.loop, 1):
        assert math.isfinite(record.loss)
    assert all(torch.isfinite(each).all() for each in learner.model.parameters())
    assert_step_is_exact(learner, config, bars, 11, 1e-4)


@pytest.mark.parametrize("name", PLANNED)
def test_stages_from_1e6_to_1e_minus_6_nats_are_those_of_float64(name, bars, make_plan):
    learner, config = learner_of(bars, make_plan, name, {}, pressures=(HIGH, 1.0, LOW))
    assert_step_is_exact(learner, config, bars, 0, 1e-4)
    for record in train_steps(learner, bars, config.loop, 1):
        assert math.isfinite(record.loss)
    assert_step_is_exact(learner, config, bars, 11, 1e-4)


@pytest.mark.parametrize("name", [name for name in objectives() if name not in PLANNED])
@pytest.mark.parametrize("logvar", [-20.0, 20.0])
def test_terms_of_codes_with_means_of_1e3_and_logvars_of_20_are_those_of_float64(name, logvar, bars, make_plan):
    learner, _ = learner_of(bars, make_plan, name, {})
    stream = torch.Generator().manual_seed(2)
    mean = 1e3 * torch.randn(16, 3, generator=stream)
    sample = mean + math.exp(logvar / 2) * torch.randn(16, 3, generator=stream)

    def found(kind):
        objective = copy.deepcopy(learner.objective)
        if hasattr(objective, "discriminator"):
            objective.discriminator.to(kind)
        wide, spread = mean.to(kind), torch.full_like(mean, logvar, dtype=kind)
        kl = gaussian_kl(wide, spread).sum(dim=0) / len(mean)
        codes = Codes(wide, spread, sample.to(kind), kl, stream)
        return {
            each: term.item()
            for each, term in objective.terms(codes, objective.informed(objective.at(3), codes)).items()
        }

    # 5 times what the roundings of three logarithms of up to 11 nats leave of a total correlation
    slack = 5 * 2.4e-7 * 3 * 11 if name == "beta-tcvae" else 1e-12
    assert found(torch.float32) == pytest.approx(found(torch.float64), rel=1e-5, abs=slack)
