"""Turning a group to its independent axes: known mixtures, what must stay as it was, and when it is done."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli
from ifp.models.networks import NETWORKS, convolutional
from ifp.models.rotation import independent_axes, turn_group
from ifp.models.vae import MultiGroupVAE
from ifp.objectives import Setup
from ifp.objectives.deft import Deft
from ifp.training.batches import Batches
from ifp.training.config import TrainConfig
from ifp.training.learner import build_learner
from ifp.training.loop import take_step, train_steps
from ifp.training.probe import encode_all, probe_images

pytestmark = pytest.mark.usefixtures("_one_thread")


def turned_by(degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def sources(latents, size=4096, seed=0):
    """Independent codes of unit variance: uniform, with two humps, with heavy tails."""
    random = np.random.default_rng(seed)
    humps = np.sign(random.uniform(-1, 1, size)) + random.normal(0, 0.3, size)
    kinds = (random.uniform(-1, 1, size), humps, random.laplace(size=size), random.uniform(-1, 1, size))
    return np.stack([kind / kind.std() for kind in kinds[:latents]], axis=1)


@pytest.mark.parametrize("degrees", [-44, -30, 3, 20, 44])
def test_a_turn_of_independent_codes_is_undone(degrees):
    axes = independent_axes(sources(2) @ turned_by(degrees).T)
    np.testing.assert_allclose(axes @ turned_by(degrees), np.eye(2), atol=0.03)


@pytest.mark.parametrize("seed", [162, 165, 189, 230, *range(20)])
def test_axes_are_found_where_one_start_stops_at_the_evenest_mixture(seed):
    random = np.random.default_rng(seed)  # with the first four, FastICA's start 0 is off by 42 degrees or more
    codes, degrees = random.uniform(-1, 1, (1000, 2)), random.uniform(0, 90)
    largest = np.abs(independent_axes(codes @ turned_by(degrees).T) @ turned_by(degrees)).max(axis=1)
    np.testing.assert_allclose(largest, 1.0, atol=0.005)  # 5.7 degrees


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_mixture_of_several_is_undone_up_to_order_and_sign(seed):
    mixture = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]
    undone = np.abs(independent_axes(sources(4, 20_000, seed) @ mixture.T) @ mixture)
    np.testing.assert_allclose(np.sort(undone, axis=1), np.sort(np.eye(4), axis=1), atol=0.05)
    assert sorted(undone.argmax(axis=1)) == [0, 1, 2, 3]


@pytest.mark.parametrize("shift", [0.0, 5.0])
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_neither_the_widths_nor_the_place_of_the_codes_count(scale, shift):
    codes = sources(2) @ turned_by(30).T
    np.testing.assert_allclose(independent_axes(codes * scale + shift), independent_axes(codes), atol=1e-6)


@pytest.mark.parametrize("codes", [sources(3), np.random.default_rng(0).normal(size=(4096, 3))], ids=["some", "none"])
def test_what_is_found_is_orthogonal_and_the_nearest_of_its_kind(codes):
    axes = independent_axes(codes)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    assert (np.diag(axes) > 0).all()
    assert (independent_axes(codes) == axes).all()


# A group of a model


@pytest.fixture(scope="module")
def images():
    """Three parts whose brightness is drawn by itself."""
    brightness = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0))
    pictures = torch.zeros(2000, 1, 16, 16)
    for part, rows in enumerate((slice(0, 5), slice(5, 10), slice(10, 16))):
        pictures[:, 0, rows] = brightness[:, part, None, None]
    return pictures


def model_of(name="conv", groups=((1, 0), (2, 3, 4)), narrow=True):
    """A model whose latents hold nats, those of a group with posteriors of one width."""
    torch.manual_seed(2)
    network = convolutional(channels=4, hidden=16) if name == "conv" else NETWORKS[name]
    model = MultiGroupVAE((16, 16, 1), groups, network)
    for encoder, group in zip(model.encoders, groups, strict=True):
        last = [layer for layer in encoder.modules() if isinstance(layer, torch.nn.Linear)][-1]
        with torch.no_grad():
            last.weight[: len(group)] *= 20
            last.weight[len(group) :] = 0
            last.bias[len(group) :] = -2 if narrow else 0
    return model.double()


@pytest.mark.parametrize("name", ["conv", "dense"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_group_is_turned_and_the_reconstruction_stays(number, name, images, monkeypatch):
    model = model_of(name)
    mean, logvar = (each.detach() for each in model.encode(images.double()))
    before, group = model.decode(mean), list(model.groups[number])
    axes = np.linalg.qr(np.random.default_rng(number).normal(size=(len(group), len(group))))[0]
    seen = []
    monkeypatch.setattr("ifp.models.rotation.independent_axes", lambda codes: seen.append(codes) or axes)
    turn_group(model, number, mean, logvar)
    assert np.array_equal(seen[0], mean[:, group].numpy())
    turned, widths = model.encode(images.double())
    others = [latent for latent in range(5) if latent not in group]
    np.testing.assert_allclose(turned[:, group].detach().numpy(), mean[:, group].numpy() @ axes.T, atol=1e-9)
    assert torch.equal(turned[:, others], mean[:, others])
    torch.testing.assert_close(widths, logvar)
    torch.testing.assert_close(model.decode(turned), before)


@pytest.mark.parametrize("asleep", [[0], [0, 1]])
def test_latents_that_hold_nothing_have_no_axis(asleep, images):
    model = model_of(groups=((0, 1), (2, 3, 4)))
    mean, logvar = (each.detach().clone() for each in model.encode(images.double()))
    mean[:, asleep] = logvar[:, asleep] = 0
    before = deepcopy(model.state_dict())
    turn_group(model, 0, mean, logvar)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


# When


@pytest.fixture(scope="module")
def plan(bars, make_plan):
    return make_plan(bars, shares=(0.5, 0.25, 0.25))


AS_PUBLISHED = {"opening": "noise", "lead": 1.0, "heat": 1.0}  # how groups begin in the paper


def deft_of(plan, steps=40, **settings):
    return Deft(setup=Setup(plan.latents, steps, 32, 5, 4, plan), **AS_PUBLISHED | settings)


def coded(*nats):
    """Codes of 4,096 images with so many nats in each latent, independent but for a turn of the first two."""
    mean = np.concatenate([sources(2) @ turned_by(30).T, sources(len(nats) - 2, seed=1)], axis=1)
    return torch.from_numpy(mean * np.sqrt(2 * np.array(nats))).float(), torch.zeros(4096, len(nats))


@pytest.fixture(scope="module")
def paired(plan):
    """Two latents in the first stage, one in each other."""
    first, *later = plan.stages
    stages = (replace(first, latents=(0, 1)), *(replace(each, latents=(each.latents[0] + 1,)) for each in later))
    return replace(plan, latents=4, stages=stages)


def prepared(deft, step, *nats):
    """The model before and after it is prepared for a step, and for how many groups codes were asked."""
    model, asked = model_of(groups=deft.groups), []
    before = deepcopy(model)
    deft.prepare(step, model, lambda groups: asked.append(groups) or coded(*nats))
    return before, model, asked


def is_turned(before, model):
    return [
        any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
        for one, other in zip(before.encoders, model.encoders, strict=True)
    ]


def test_the_model_is_judged_in_the_middle_of_each_stage_at_its_end_and_at_the_end_of_all(paired):
    asked = {step: prepared(deft_of(paired), step, 1, 1, 1, 1)[2] for step in range(41)}
    assert {step: each for step, each in asked.items() if each} == {
        10: [1], 20: [1], 25: [2], 30: [2], 35: [3], 40: [3]
    }  # fmt: skip


@pytest.mark.parametrize(("step", "turns"), [(10, True), (20, True), (30, False), (40, False), (11, False)])
def test_a_group_is_turned_in_the_middle_of_its_stage_and_at_its_end(step, turns, paired):
    before, model, _ = prepared(deft_of(paired), step, 1, 1, 1, 1)
    assert is_turned(before, model) == [turns, False, False]
    assert not model.closed.any()


def test_by_plateau_a_group_is_turned_when_its_stage_has_ended(paired):
    deft = deft_of(paired, advance="plateau")
    for step in (2, 4, 6, 8):
        deft.observe(step, torch.tensor([0.5, 0.5, 0.0, 0.0]))
    assert deft.stage(8) == 1
    assert is_turned(*prepared(deft, 8, 1, 1, 1, 1)[:2]) == [True, False, False]


@pytest.mark.parametrize(
    ("step", "nats", "closed"),
    [
        (10, (1, 0.001, 0, 0), []),  # in the middle nothing is
        (20, (1, 0.001, 0, 0), [1]),
        (20, (1, 0.02, 0, 0), []),  # it has begun
        (20, (0.05, 0.001, 0, 0), []),  # the stage's information may yet come
        (30, (1, 0.001, 1, 0), []),  # of another group
        (30, (1, 1, 0, 0), []),
        (40, (1, 0.001, 0.02, 0), [1, 3]),  # training is over
    ],
)
def test_latents_that_a_stage_left_silent_are_closed(step, nats, closed, paired):
    model = prepared(deft_of(paired), step, *nats)[1]
    assert torch.nonzero(model.closed).flatten().tolist() == closed


def test_closed_latents_have_the_prior_as_posterior_and_are_not_decoded(images):
    model = model_of()
    model.close([1, 3])
    mean, logvar = model.encode(images.double())
    for values in (mean, logvar):
        assert (values[:, [1, 3]] == 0).all()
        assert (values[:, [0, 2, 4]] != 0).any(dim=0).all()
    other = mean.clone()
    other[:, [1, 3]] = torch.randn(len(mean), 2, dtype=mean.dtype)
    assert torch.equal(model.decode(other), model.decode(mean))
    assert torch.equal(model.state_dict()["closed"], torch.tensor([False, True, False, True, False]))


def test_latents_of_closed_groups_are_not_decoded_either():
    model = model_of()
    codes = torch.randn(8, 5, dtype=torch.float64)
    silenced = codes.clone()
    silenced[:, [2, 3, 4]] = 0
    assert torch.equal(model.decode(codes, 1), model.decode(silenced))
    assert not torch.equal(model.decode(codes, 2), model.decode(silenced))


def test_in_the_papers_form_nothing_is_turned_and_nothing_closed(paired):
    deft = deft_of(paired, axes="learned", spare="open")
    for step in (10, 20, 40):
        before, model, _ = prepared(deft, step, 1, 0.001, 0, 0)
        assert is_turned(before, model) == [False] * 3
        assert not model.closed.any()
    with pytest.raises(IFPError, match="need axes out of independent, learned, got 'turned'"):
        deft_of(paired, axes="turned")
    with pytest.raises(IFPError, match="need spare out of closed, open, got 'no'"):
        deft_of(paired, spare="no")


def test_the_loop_turns_the_group_and_then_takes_the_step(bars, paired):
    deft = deft_of(paired)
    config = TrainConfig(dataset="bars", steps=40, batch_size=4, seed=5, threads=1, precision="float32")
    learner, twin = (build_learner(deft, convolutional(channels=4, hidden=16), (16, 16, 1), 5e-4) for _ in range(2))
    for each in (learner, twin):
        each.model.load_state_dict(model_of(groups=deft.groups).state_dict())
    next(train_steps(learner, bars, config.loop, 10))
    turn_group(twin.model, 0, *encode_all(twin.model, probe_images(bars, 4096, config.seed).images, 1))
    take_step(
        twin, Batches(bars, batch_size=4, latents=4, seed=5, device=twin.device).at(10), 10, config.loop, Bernoulli()
    )
    for name, value in learner.model.state_dict().items():
        assert torch.equal(value, twin.model.state_dict()[name])
