"""DEFT: closed groups stay silent and still, earlier groups take scaled steps; stages; and steps that resume."""

import itertools
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from annealing.bottleneck import gaussian_kl
from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from ifp.datasets.dataset import describe
from ifp.models.networks import convolutional
from ifp.models.vae import MultiGroupVAE
from ifp.objectives import Setup, objectives
from ifp.objectives.annealed_beta import AnnealedBeta
from ifp.objectives.deft import Deft
from ifp.run_directory.run import create_run
from ifp.training.batches import TrainingBatch
from ifp.training.checkpoint import STATE_FILE, restore, state_bytes
from ifp.training.config import TrainConfig
from ifp.training.learner import Learner, build_learner, build_optimizer
from ifp.training.loop import take_step, train_steps
from ifp.training.loss_log import Losses
from ifp.training.probe import evaluate, probe_images

pytestmark = pytest.mark.usefixtures("_one_thread")

STEPS = 6000  # of the whole schedule
SHARES = (500 / 6000, 5200 / 6000, 300 / 6000)
SWITCH, LATE = 500, 1500  # the first step of stage 2, and 1,000 steps on


SMALL = convolutional(channels=4, hidden=16)


@pytest.fixture(scope="module")
def config():
    return TrainConfig(
        dataset="bars", steps=STEPS, batch_size=4, learning_rate=2e-3, seed=5, threads=1, precision="float32"
    )


@pytest.fixture(scope="module")
def plan(bars, make_plan):
    return make_plan(bars, shares=SHARES)


AS_PUBLISHED = {"opening": "noise", "lead": 1.0, "heat": 1.0}  # how groups begin in the paper


def deft_of(plan, steps=STEPS, seed=5, **settings):
    return Deft(setup=Setup(plan.latents, steps, 32, seed, 4, plan), **AS_PUBLISHED | settings)


@pytest.fixture(scope="module")
def deft(plan):
    return deft_of(plan)


def fresh(objective, config):
    return build_learner(objective, SMALL, (16, 16, 1), config.learning_rate)


def copied(learner, objective, learning_rate):
    """The same parameters and the same state of the optimizer under another objective, apart from the originals."""
    model = deepcopy(learner.model)
    optimizer = build_optimizer(model, learning_rate)
    optimizer.load_state_dict(deepcopy(learner.optimizer.state_dict()))
    return Learner(model, optimizer, objective)


def parts(model):
    """Parameters of each sub-encoder, then of the decoder, each as one vector."""
    return [
        torch.cat([parameter.detach().flatten() for parameter in part.parameters()])
        for part in (*model.encoders, model.decoder)
    ]


def batch(bars, size=4, seed=0):
    index = np.random.default_rng(seed).integers(0, len(bars), size)
    images = torch.from_numpy(bars.images(index)).permute(0, 3, 1, 2)
    stream = torch.Generator().manual_seed(seed)
    return TrainingBatch(images, torch.randn(size, 3, generator=stream), stream)


def bits(model):
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


# Closed groups


@pytest.mark.parametrize("open_groups", [0, 1, 2, 3, None])
def test_the_posterior_of_closed_groups_is_the_prior_to_the_last_bit(open_groups, deft, config, bars):
    model = fresh(deft, config).model
    mean, logvar = model.encode(batch(bars, 16).images, open_groups)
    first_closed = 3 if open_groups is None else open_groups
    for values in (mean, logvar, gaussian_kl(mean, logvar)):
        assert (values[:, first_closed:] == 0).all()
        assert (values[:, :first_closed] != 0).all()


def test_latents_lie_where_their_group_says():
    torch.manual_seed(0)
    model = MultiGroupVAE((16, 16, 1), [[2, 0], [1]], SMALL)
    images = torch.rand(5, 1, 16, 16)
    mean, logvar = model.encode(images)
    first, second = (encoder(images) for encoder in model.encoders)
    torch.testing.assert_close(mean[:, [2, 0]], first[:, :2], rtol=0, atol=0)
    torch.testing.assert_close(logvar[:, [2, 0]], first[:, 2:], rtol=0, atol=0)
    torch.testing.assert_close(torch.stack([mean[:, 1], logvar[:, 1]], dim=1), second, rtol=0, atol=0)


@pytest.mark.parametrize(("step", "stage"), [(0, 0), (SWITCH - 1, 0), (SWITCH, 1), (STEPS - 1, 2)])
def test_a_step_gives_closed_groups_no_gradient_and_does_not_move_them(step, stage, deft, config, bars):
    learner = fresh(deft, config)
    model = learner.model
    for _ in range(2):  # the second step has Adam's momentum
        before = [part.clone() for part in parts(model)]
        record = take_step(learner, batch(bars), step, config.loop, Bernoulli())
        moved = [not torch.equal(a, b) for a, b in zip(before, parts(model), strict=True)]
        assert moved == [number <= stage for number in range(3)] + [True]
    assert (record.step, record.control.stage, record.control.pressure) == (step + 1, stage, (9.0, 3.0, 1.0)[stage])
    for number, encoder in enumerate(model.encoders):
        gradients = [parameter.grad for parameter in encoder.parameters()]
        if number > stage:
            assert gradients == [None] * len(gradients)
            assert all(parameter not in learner.optimizer.state for parameter in encoder.parameters())
        else:
            assert all(gradient.abs().max() > 0 for gradient in gradients)


# Scaled steps


@pytest.fixture(scope="module")
def at_the_switch(deft, config, bars):
    learner = fresh(deft, config)
    for _ in itertools.islice(train_steps(learner, bars, config.loop), SWITCH):
        pass
    return learner


@pytest.fixture(scope="module")
def late_in_the_stage(at_the_switch, deft, config, bars):
    learner = copied(at_the_switch, deft, config.learning_rate)
    for record in itertools.islice(train_steps(learner, bars, config.loop, SWITCH), LATE - SWITCH):
        assert record.control.stage == 1
    return learner


def movements(learner, plan, gamma, config, step, images):
    """How far one step with the gamma moves each sub-encoder and the decoder, from copies of the state."""
    twin = copied(learner, deft_of(replace(plan, gamma=gamma)), config.learning_rate)
    before = [part.clone() for part in parts(twin.model)]
    take_step(twin, images, step, config.loop, Bernoulli())
    return [after - earlier for after, earlier in zip(parts(twin.model), before, strict=True)]


@pytest.mark.parametrize("gamma", [0.1, 0.5])
@pytest.mark.parametrize("when", ["with a fresh optimizer", "at the switch", "1,000 steps on"])
def test_an_earlier_group_moves_gamma_times_as_far_as_it_would_and_the_others_as_far(when, gamma, request, config):
    state = request.getfixturevalue("late_in_the_stage" if when == "1,000 steps on" else "at_the_switch")
    if when == "with a fresh optimizer":
        state = replace(state, optimizer=build_optimizer(state.model, config.learning_rate))
    plan, images = request.getfixturevalue("plan"), batch(request.getfixturevalue("bars"))
    step = LATE if when == "1,000 steps on" else SWITCH
    whole, scaled = (movements(state, plan, each, config, step, images) for each in (1.0, gamma))
    assert scaled[0].norm() / whole[0].norm() == pytest.approx(gamma, rel=0.01)
    assert torch.nn.functional.cosine_similarity(scaled[0], whole[0], dim=0) > 0.999
    assert whole[1].norm() > 0
    assert torch.equal(scaled[1], whole[1])  # the group of the stage
    assert scaled[2].norm() == 0  # closed
    assert torch.equal(scaled[3], whole[3])  # the decoder


def test_adams_first_step_is_the_learning_rate_for_the_current_group_and_gamma_of_it_for_an_earlier_one(
    at_the_switch, plan, config, bars
):
    state = replace(at_the_switch, optimizer=build_optimizer(at_the_switch.model, config.learning_rate))
    moved = [each.abs().max().item() for each in movements(state, plan, 0.1, config, SWITCH, batch(bars))]
    assert moved == pytest.approx([0.1 * config.learning_rate, config.learning_rate, 0, config.learning_rate], rel=0.01)


@pytest.mark.parametrize(("step", "share"), [(SWITCH, 0.5), (SWITCH + 250, 0.75), (SWITCH + 501, 1.0)])
def test_over_the_warmup_the_steps_of_all_grow(step, share, at_the_switch, plan, config, bars):
    state = replace(at_the_switch, optimizer=build_optimizer(at_the_switch.model, config.learning_rate))
    warming = replace(config, warmup=1002)
    assert warming.loop.learning_rate_at(step) == pytest.approx(config.learning_rate * min(1, (step + 1) / 1002))
    moved = [each.abs().max().item() for each in movements(state, plan, 0.1, warming, step, batch(bars))]
    first = config.learning_rate * share
    assert moved == pytest.approx([0.1 * first, first, 0, first], rel=0.01)


def test_a_warmup_below_0_is_refused(config):
    with pytest.raises(IFPError, match="need a warmup of 0 steps or more, got -1"):
        replace(config, warmup=-1)


def test_a_gamma_of_0_holds_an_earlier_group_still(late_in_the_stage, plan, config, bars):
    earlier, current, closed, decoder = movements(late_in_the_stage, plan, 0.0, config, LATE, batch(bars))
    assert earlier.norm() == closed.norm() == 0
    assert current.norm() > 0
    assert decoder.norm() > 0


def test_the_scale_lasts_over_the_next_steps(late_in_the_stage, plan, config, bars):
    state, lengths = late_in_the_stage, []
    for step in range(LATE, LATE + 50):
        before, ends = [part.clone() for part in parts(state.model)[:2]], []
        for gamma in (1.0, 0.1):  # the same step twice, then on from the scaled one
            twin = copied(state, deft_of(replace(plan, gamma=gamma)), config.learning_rate)
            assert next(train_steps(twin, bars, config.loop, step)).control.stage == 1
            ends.append([(b - a).norm().item() for a, b in zip(before, parts(twin.model)[:2], strict=True)])
        lengths.append(ends)
        state = twin
    whole, shorter = np.mean(lengths, axis=0)
    assert shorter / whole == pytest.approx([0.1, 1.0], rel=0.01)


# Schedules


def test_stages_end_by_share_with_their_own_pressures_and_scales(bars, make_plan):
    deft = deft_of(make_plan(bars, (80.0, 20.0, 4.0), (0.5, 0.3, 0.2), gamma=0.25), 10)
    controls = [deft.at(step) for step in range(12)]  # and on beyond the end
    assert [each.stage for each in controls] == [0] * 5 + [1] * 3 + [2] * 4
    assert [each.pressure for each in controls] == [80.0] * 5 + [20.0] * 3 + [4.0] * 4
    assert [each.open_groups for each in controls] == [1] * 5 + [2] * 3 + [3] * 4
    assert (controls[0].scales, controls[5].scales, controls[8].scales) == (
        (1, 0, 0),
        (0.25, 1, 0),
        (0.25, 0.25, 1),
    )
    assert deft.groups == ((0,), (1,), (2,))


@pytest.mark.parametrize(
    ("shares", "steps", "ends"),
    [
        ((0.25, 0.5, 0.25), 8, [2, 6, 8]),
        ((0.2, 0.2, 0.6), 7, [1, 3, 7]),
        ((1 / 3, 1 / 3, 1 / 3), 1000, [333, 667, 1000]),
    ],
)
def test_steps_are_divided_by_the_shares(shares, steps, ends, bars, make_plan):
    deft = deft_of(make_plan(bars, shares=shares), steps)
    assert [sum(deft.at(step).stage <= stage for step in range(steps)) for stage in range(3)] == ends


@pytest.mark.parametrize(("start", "end", "steps"), [(100.0, 1.0, 5), (4.0, 0.5, 2), (200.0, 4.0, 301)])
def test_the_annealed_pressure_falls_in_equal_ratios_from_end_to_end(start, end, steps):
    objective = AnnealedBeta(setup=Setup(6, steps, 32), start=start, end=end)
    pressures = np.array([objective.at(step).pressure for step in range(steps)])
    assert (pressures[0], pressures[-1]) == (start, pytest.approx(end))
    np.testing.assert_allclose(pressures[1:] / pressures[:-1], (end / start) ** (1 / (steps - 1)), rtol=1e-9)
    assert objective.at(steps + 10).pressure == pytest.approx(end)
    assert objective.groups == ((0, 1, 2, 3, 4, 5),)
    assert {(each.stage, each.open_groups, each.scales) for each in map(objective.at, range(steps))} == {(0, 1, (1.0,))}


def test_the_annealed_pressure_of_a_plan_runs_from_its_first_to_its_last(bars, make_plan):
    config = TrainConfig(dataset="bars", objective="annealed-beta", steps=100)
    objective = config.objective_for(bars, make_plan(bars))
    assert (objective.at(0).pressure, objective.at(99).pressure) == (9.0, pytest.approx(1.0))
    assert objective.groups == ((0, 1, 2),)
    alone = config.objective_for(bars, None)
    assert (alone.at(0).pressure, alone.at(99).pressure) == (150.0, pytest.approx(1.0))
    assert alone.groups == (tuple(range(10)),)


# One step and all steps


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian()], ids=lambda each: each.name)
@pytest.mark.parametrize(("step", "pressure", "open_latents"), [(0, 9.0, 1), (SWITCH, 3.0, 2), (STEPS - 1, 1.0, 3)])
def test_the_loss_is_reconstruction_plus_pressure_times_kl(
    step, pressure, open_latents, likelihood, deft, config, bars
):
    learner, given = fresh(deft, config), batch(bars, 6)
    precise, x, noise64 = deepcopy(learner.model).double(), given.images.double(), given.noise.double()
    outputs = [encoder(x).chunk(2, dim=1) for encoder in precise.encoders[:open_latents]]
    mean, logvar = (torch.zeros(6, 3, dtype=torch.float64) for _ in range(2))
    for latent, (own_mean, own_logvar) in enumerate(outputs):
        mean[:, latent], logvar[:, latent] = own_mean[:, 0], own_logvar[:, 0]
    sample = mean + (logvar / 2).exp() * noise64
    sample[:, open_latents:] = 0  # closed: the prior's mean
    output = precise.decoder(sample)
    if likelihood.name == "bernoulli":
        p = 1 / (1 + (-output).exp())
        nats = -(x * p.log() + (1 - x) * (1 - p).log())
    else:
        nats = (x - output) ** 2 / 2
    kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar)
    expected = nats.flatten(1).sum(1).mean() + pressure * kl.sum(1).mean()
    record = take_step(learner, given, step, config.loop, likelihood)
    assert record.loss == pytest.approx(expected.item(), abs=1e-4)
    assert record.terms["reconstruction"] == pytest.approx(nats.flatten(1).sum(1).mean().item(), abs=1e-4)
    assert record.terms["kl"] == pytest.approx(pressure * kl.sum(1).mean().item(), abs=1e-5)


@pytest.fixture(scope="module")
def unstopped():
    """By objective: the learner after all steps, its losses and records; taken once, by the first test to ask."""
    return {}


@pytest.mark.parametrize("objective_name", objectives())
@pytest.mark.parametrize("stopped_at", [1, 7, 10, 19])
def test_steps_that_stop_and_go_on_give_the_bits_of_steps_that_do_not(
    stopped_at, objective_name, unstopped, bars, make_plan, tmp_path, monkeypatch
):
    monkeypatch.setattr("ifp.objectives.factor_vae._HIDDEN", 50)  # units of the discriminator: 1,000 take much longer
    config = TrainConfig(
        dataset="bars", objective=objective_name, steps=20, batch_size=4, seed=8, threads=1, precision="float32"
    )

    def started(seed=8):
        return fresh(replace(config, seed=seed).objective_for(bars, make_plan(bars)), config)

    def walk(learner, losses, start=0, stop=20):
        records = []
        for record in itertools.islice(train_steps(learner, bars, config.loop, start), stop - start):
            losses.add(record.terms)
            records.append(record)
            if record.step % 5 == 0:
                losses.close_record()
                learner.objective.observe(record.step, torch.arange(3.0))
        return records

    if objective_name not in unstopped:
        whole, whole_losses = started(), Losses()
        unstopped[objective_name] = whole, whole_losses, walk(whole, whole_losses)
    whole, whole_losses, records = unstopped[objective_name]

    first_part, losses = started(), Losses()
    first = walk(first_part, losses, stop=stopped_at)
    run = create_run(tmp_path / "run", "train", config, describe(bars))
    probe = probe_images(bars, 32, 0)
    trace = [evaluate(first_part.model, probe, record.control, record.step, Bernoulli()) for record in first[-2:]]
    run.write(STATE_FILE, state_bytes(first_part, stopped_at, trace, losses))

    resumed, own_losses = started(seed=99), Losses()  # other parameters, to be overwritten
    step, restored = restore(run, resumed, own_losses)
    assert step == stopped_at
    for each, kept in zip(restored, trace, strict=True):
        assert (each.step, each.stage, each.pressure) == (kept.step, kept.stage, kept.pressure)
        assert each.reconstruction == kept.reconstruction
        for name in ("kl", "mi", "mi_null"):
            assert getattr(each, name).tobytes() == getattr(kept, name).tobytes()
            assert getattr(each, name).dtype == getattr(kept, name).dtype
    rest = walk(resumed, own_losses, step)
    assert first + rest == records
    assert own_losses.records == whole_losses.records
    assert bits(resumed.model) == bits(whole.model)
    assert state_bytes(resumed, 20, trace, own_losses) == state_bytes(whole, 20, trace, whole_losses)


def test_another_seed_takes_other_steps(bars, make_plan):
    losses = []
    for seed in (1, 1, 2):
        config = TrainConfig(dataset="bars", steps=3, batch_size=4, seed=seed)
        learner = fresh(deft_of(make_plan(bars), 3), config)
        losses.append([record.loss for record in train_steps(learner, bars, config.loop)])
    assert losses[0] == losses[1]
    assert all(a != b for a, b in zip(losses[0], losses[2], strict=True))


def test_building_a_model_leaves_the_global_random_stream_alone(deft, config):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, two = (fresh(deft, config).model for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert bits(one) == bits(two)
    assert bits(one) != bits(fresh(deft_of(deft.plan, seed=6), config).model)


def test_training_that_diverges_is_stopped(deft, config, bars):
    learner = fresh(deft, config)
    with torch.no_grad():
        next(learner.model.decoder.parameters()).fill_(float("nan"))
    with pytest.raises(IFPError, match=r"training diverged at step 1 \(loss nan\)"):
        next(train_steps(learner, bars, config.loop))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"objective": "vae"}, "need an objective out of annealed-beta, .*, got 'vae'"),
        ({"precision": "float8"}, "precision out of auto, float32, bfloat16, got 'float8'"),
        ({"likelihood": "cauchy"}, "need a likelihood out of"),
        ({"steps": 0}, "need steps of at least 1, got 0"),
        ({"checkpoint_every": -1}, "need checkpoint_every of at least 1, got -1"),
        ({"learning_rate": 0.0}, "need a learning rate above 0"),
        ({"learning_rate": float("nan")}, "need a learning rate above 0"),
    ],
)
def test_settings_out_of_range_are_refused(changed, reason):
    with pytest.raises(IFPError, match=reason):
        TrainConfig(dataset="bars", **changed)


def test_the_group_of_a_stage_learns_and_closed_ones_hold_nothing(late_in_the_stage, deft, config, bars):
    probe = probe_images(bars, 32, 0)
    before = evaluate(fresh(deft, config).model, probe, deft.at(SWITCH), SWITCH + 1, Bernoulli())
    after = evaluate(late_in_the_stage.model, probe, deft.at(LATE - 1), LATE, Bernoulli())
    assert after.reconstruction < 0.75 * before.reconstruction
    assert after.kl[1] > 0.5
    assert after.kl[2] == 0
