"""How groups open: with a signal, with layers that were trained, under a share of the pressure; or as published."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli
from ifp.models.networks import Network, convolutional
from ifp.models.opening import open_quietly, require_openable, take_layers
from ifp.models.vae import MultiGroupVAE
from ifp.objectives import Setup
from ifp.objectives.deft import Deft
from ifp.objectives.objective import Codes
from ifp.training.batches import Batches
from ifp.training.config import TrainConfig
from ifp.training.learner import build_learner
from ifp.training.loop import take_step, train_steps

pytestmark = pytest.mark.usefixtures("_one_thread")

SMALL = convolutional(channels=4, hidden=16)
GROUPS = ((1, 0), (2, 3, 4), (5,))


@pytest.fixture
def model():
    torch.manual_seed(3)
    return MultiGroupVAE((16, 16, 1), GROUPS, SMALL).double()


@pytest.fixture(scope="module")
def images():
    return torch.rand(500, 1, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def parameters(part):
    return torch.cat([parameter.detach().flatten() for parameter in part.parameters()])


def hidden(encoder, images):
    """What the last linear layer of an encoder is given."""
    return nn.Sequential(*list(encoder.children())[:-1])(images)


# A group's latents


@pytest.mark.parametrize("number", [0, 1, 2])
def test_codes_of_a_quiet_opening_have_variance_1_and_no_correlation_and_posteriors_are_narrow(number, model, images):
    before = deepcopy(model)
    open_quietly(model, number, model.encode(images)[0])
    mean, logvar = (values.detach()[:, model.groups[number]].numpy() for values in model.encode(images))
    np.testing.assert_allclose(mean.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.cov(mean.T), np.eye(mean.shape[1]).squeeze(), atol=1e-9)
    assert (logvar == -4).all()
    for other, (was, now) in enumerate(zip(before.encoders, model.encoders, strict=True)):
        assert torch.equal(parameters(was), parameters(now)) == (other != number)
        torch.testing.assert_close(hidden(was, images), hidden(now, images), rtol=0, atol=0)
    assert torch.equal(parameters(before.decoder), parameters(model.decoder))


def test_a_code_that_never_varies_is_only_centred(model, images):
    last = list(model.encoders[1].children())[-1]
    with torch.no_grad():
        last.weight[1] = 0
    open_quietly(model, 1, model.encode(images)[0])
    mean = model.encode(images)[0][:, [2, 3, 4]].detach().numpy()
    np.testing.assert_allclose(np.cov(mean.T), np.diag([1, 0, 1]), atol=1e-6)
    np.testing.assert_allclose(mean.mean(axis=0), 0, atol=1e-9)


def test_an_encoder_takes_the_hidden_layers_of_another_and_keeps_its_last(model, images):
    before = deepcopy(model)
    take_layers(model, 1, source=0)
    torch.testing.assert_close(hidden(model.encoders[1], images), hidden(model.encoders[0], images), rtol=0, atol=0)
    last, was = (list(each.encoders[1].children())[-1].state_dict() for each in (model, before))
    assert all(torch.equal(last[name], was[name]) for name in was)
    for other in (0, 2):
        assert torch.equal(parameters(before.encoders[other]), parameters(model.encoders[other]))
    with torch.no_grad():  # a copy, not the same tensors
        next(model.encoders[0].parameters()).add_(1)
    assert not torch.equal(hidden(model.encoders[1], images), hidden(model.encoders[0], images))


def encoder_of(*layers):
    return lambda shape, outputs: nn.Sequential(nn.Flatten(), *(layer(outputs) for layer in layers))


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (encoder_of(lambda n: nn.Linear(256, n, bias=False)), "of 4 outputs with a bias.*got 4 outputs without a bias"),
        (encoder_of(lambda n: nn.Linear(256, 8), lambda n: nn.Unflatten(1, (n, -1)), lambda n: nn.AvgPool1d(2)),
         "of 4 outputs with a bias in the encoder.*got 8 outputs"),
        (encoder_of(lambda n: nn.AdaptiveAvgPool1d(n)), "got none"),
    ],
    ids=["no bias", "not the last", "none"],
)  # fmt: skip
def test_encoders_that_cannot_open_quietly_are_refused(encoder, message):
    model = MultiGroupVAE((16, 16, 1), ((0, 1), (2,)), Network(encoder, SMALL.decoder))
    with pytest.raises(IFPError, match=message):
        require_openable(model, layers=False)


def test_encoders_that_differ_inside_open_quietly_and_not_warm():
    encoder = encoder_of(lambda n: nn.Linear(256, 4 * n), lambda n: nn.Linear(4 * n, n))
    model = MultiGroupVAE((16, 16, 1), ((0, 1), (2,)), Network(encoder, SMALL.decoder))
    require_openable(model, layers=False)
    with pytest.raises(IFPError, match=r"differ in their last layer alone.*got others in group 2.*\"quiet\""):
        require_openable(model, layers=True)


# When, and under which pressure


@pytest.fixture(scope="module")
def plan(bars, make_plan):
    return make_plan(bars, shares=(0.25, 0.5, 0.25))  # at 9, 3 and 1 nats


AS_PUBLISHED = {"opening": "noise", "lead": 1.0, "heat": 1.0}  # how groups begin in the paper


def deft_of(plan, steps=400, **settings):
    return Deft(setup=Setup(plan.latents, steps, 32, 5, 4, plan), **AS_PUBLISHED | settings)


def test_the_published_form_has_one_pressure_for_all(plan):
    deft = deft_of(plan)
    assert {deft.at(step).shares for step in range(400)} == {()}


@pytest.mark.parametrize(
    ("lead", "second", "third"),
    [(1.0, 1, 1), (0.5, 0.5, 1), (0.1, 1 / 3, 1), (0.0, 1 / 3, 1)],  # never below the plan's last pressure
)
def test_groups_that_opened_before_are_under_a_share_of_the_pressure(lead, second, third, plan):
    deft = deft_of(plan, lead=lead, heat=0.5)
    assert deft.at(99).shares == ()
    assert deft.at(100).shares == pytest.approx((second, 0.5, 1))
    assert deft.at(300).shares == pytest.approx((third, third, 0.5))


def test_a_group_is_heated_to_its_stages_pressure_in_equal_ratios(plan):
    deft = deft_of(plan, heat=0.04)  # the second stage has steps 100 to 299
    own = [deft.at(step).shares[1] for step in range(100, 300)]
    assert own[:101] == [0.04] * 101
    assert own[150:] == [1.0] * 50
    np.testing.assert_allclose(np.diff(np.log(own[100:151])), np.log(25) / 50)


def test_a_stage_that_settles_heats_its_group_once_it_opens(plan):
    first, second, third = plan.stages
    settling = replace(plan, format="ifp-stage-plan/2", stages=(first, replace(second, settle=0.5), third))
    deft = deft_of(settling, heat=0.04)
    assert deft.at(199).open_groups == 1
    assert [deft.at(step).shares[1] for step in (200, 250)] == [0.04, 0.04]
    assert [deft.at(step).shares[1] for step in (262, 263, 275, 299)] == pytest.approx([0.04**0.52, 0.04**0.48, 1, 1])


@pytest.mark.parametrize("settings", [{"lead": 0.5}, {"heat": 0.1}, {"lead": 0.0, "heat": 0.1}])
@pytest.mark.parametrize("step", [50, 100, 240, 399])
def test_each_groups_kl_is_under_its_share_of_the_pressure(step, settings, plan):
    deft, kl = deft_of(plan, **settings), torch.tensor([2.0, 0.5, 0.25])
    control = deft.at(step)
    codes = Codes(*(torch.zeros(4, 3) for _ in range(3)), kl, torch.Generator())
    shares = control.shares or (1.0, 1.0, 1.0)
    expected = sum(control.pressure * share * nats for share, nats in zip(shares, kl.tolist(), strict=True))
    assert deft.terms(codes, control)["kl"].item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("opening", "opened", "warm"), [("noise", False, False), ("quiet", True, False), ("warm", True, True)]
)
def test_groups_after_the_first_open_when_their_stage_begins(opening, opened, warm, plan, images):
    deft = deft_of(plan, opening=opening, axes="learned", spare="open")
    torch.manual_seed(0)
    model = MultiGroupVAE((16, 16, 1), deft.groups, SMALL).double()
    for step in range(401):
        before = deepcopy(model)
        deft.prepare(step, model, lambda groups: tuple(codes.detach() for codes in model.encode(images, groups)))
        changed = [
            not torch.equal(parameters(a), parameters(b)) for a, b in zip(before.encoders, model.encoders, strict=True)
        ]
        number = {100: 1, 300: 2}.get(step)
        assert changed == [opened and number == group for group in range(3)]
        if number is None or not opened:
            continue
        mean, logvar = (values.detach() for values in model.encode(images, number + 1))
        assert mean[:, number].var().item() == pytest.approx(1)
        assert (logvar[:, number] == -4).all()
        assert torch.equal(hidden(model.encoders[number], images), hidden(model.encoders[0], images)) == warm


def test_a_warm_opening_takes_the_layers_of_the_group_that_holds_most(plan, images):
    deft = deft_of(plan, opening="warm", axes="learned", spare="open")
    model = MultiGroupVAE((16, 16, 1), deft.groups, SMALL).double()
    nats = torch.tensor([0.5, 2.0, 0.0])

    def codes(groups):
        mean, logvar = (values.detach() for values in model.encode(images, groups))
        held = torch.sqrt(2 * nats).expand(500, 3)
        return torch.where(torch.arange(3) < 2, held, mean), torch.zeros_like(logvar)

    deft.prepare(300, model, codes)
    assert torch.equal(hidden(model.encoders[2], images), hidden(model.encoders[1], images))
    assert not torch.equal(hidden(model.encoders[2], images), hidden(model.encoders[0], images))


@pytest.mark.parametrize(
    ("settings", "full"),
    [
        ({}, 100),
        ({"heat": 0.1}, 250),
        ({"fall": 0.8}, 260),
        ({"heat": 0.1, "fall": 0.5}, 250),
        ({"heat": 0.1, "fall": 0.8}, 260),
    ],
)
def test_a_stages_own_pressure_is_on_its_group_once_it_is_heated_and_has_fallen(settings, full, plan):
    deft = deft_of(plan, **settings)  # the second stage has steps 100 to 299, at 3 nats
    assert deft.full(1) == full
    acting = [deft.at(step).pressure * (deft.at(step).shares or (1, 1, 1))[1] for step in range(100, 300)]
    assert acting.index(3.0) + 100 == full
    assert set(acting[full - 100 :]) == {3.0}


def test_by_plateau_a_stage_does_not_end_before_its_group_is_heated(plan):
    held, patient = torch.tensor([0.0, 0.5, 0.0]), range(110, 300, 10)

    def ends(**settings):
        deft = deft_of(plan, advance="plateau", **settings)
        for step in (10, 20, 30, 40):
            deft.observe(step, torch.tensor([0.5, 0.0, 0.0]))
        assert deft.stage(40) == 1
        for step in patient:
            deft.observe(step, held)
            if deft.stage(step) == 2:
                return step
        return None

    begin, end = 40, 40 + round(360 * 2 / 3)
    assert ends() == 140
    assert ends(heat=0.1) == next(step for step in patient if step > begin + 0.75 * (end - begin)) + 30


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"opening": "loud"}, "an opening.*loud"),
        ({"lead": -0.1}, "a lead of 0 or more and at most 1, got -0.1"),
        ({"lead": 1.5}, "a lead of 0 or more and at most 1, got 1.5"),
        ({"heat": 0.0}, "a heat above 0 and at most 1, got 0"),
        ({"heat": float("nan")}, "a heat above 0 and at most 1, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message, plan):
    with pytest.raises(IFPError, match=message):
        deft_of(plan, **settings)


def test_a_model_that_cannot_open_is_refused_only_where_it_would(plan):
    encoder = encoder_of(lambda n: nn.Linear(256, n, bias=False))
    model = MultiGroupVAE((16, 16, 1), ((0,), (1,), (2,)), Network(encoder, SMALL.decoder))
    deft_of(plan).require_model(model)
    with pytest.raises(IFPError, match="by which a group opens"):
        deft_of(plan, opening="quiet").require_model(model)


@pytest.mark.parametrize("stopped_at", [4, 5, 6, 12])
def test_steps_that_stop_around_an_opening_go_on_to_the_same_bits(stopped_at, bars, plan):
    settings = {"opening": "warm", "lead": 0.0, "heat": 0.1}
    config = TrainConfig(
        dataset="bars", steps=20, batch_size=4, seed=8, threads=1, precision="float32", parameters=settings
    )

    def learner():
        return build_learner(config.objective_for(bars, plan), SMALL, (16, 16, 1), 1e-3)

    whole, first, second = learner(), learner(), learner()
    for _ in train_steps(whole, bars, config.loop):
        pass
    for record in train_steps(first, bars, config.loop):
        if record.step == stopped_at:
            break
    second.restore({name: value.clone() for name, value in first.state().items()})
    for _ in train_steps(second, bars, config.loop, stopped_at):
        pass
    for name, value in whole.state().items():
        assert torch.equal(value, second.state()[name]), name


def test_a_step_is_taken_under_the_shares(bars, plan):
    config = TrainConfig(dataset="bars", steps=400, batch_size=4, seed=5, threads=1, precision="float32")
    learner = build_learner(deft_of(plan, lead=0.0, heat=0.1), SMALL, (16, 16, 1), 1e-3)
    batches = Batches(bars, batch_size=4, latents=3, seed=5, device=torch.device("cpu"))
    batch = batches.at(150)
    mean, logvar = learner.model.encode(batch.images, 2)
    kl = (0.5 * (mean**2 + logvar.exp() - 1 - logvar)).mean(dim=0).detach()
    record = take_step(learner, batch, 150, config.loop, Bernoulli())
    assert record.control.pressure == 3
    assert record.terms["kl"] == pytest.approx(3 * (kl[0] / 3 + 0.1 * kl[1]).item(), rel=1e-5)
