"""Records of what latents carry, against the formulas on the same posteriors, and models that come back."""

import numpy as np
import pytest
import torch

import ifp
from analysis.information import information, shuffle_null
from annealing.bottleneck import gaussian_kl
from annealing.errors import IFPError, PlanError, RunError
from annealing.likelihoods.pixels import Bernoulli
from ifp.files.atomic import write_atomically
from ifp.files.npz import load_npz
from ifp.files.plain import load_json
from ifp.run_directory.run import create_run
from ifp.training.checkpoint import load_model
from ifp.training.config import TrainConfig
from ifp.training.loop import train_steps
from ifp.training.probe import encode_all, evaluate, probe_images
from ifp.training.run import start_learner

pytestmark = pytest.mark.usefixtures("_one_thread")

SETTINGS = {
    "steps": 40, "batch_size": 8, "eval_every": 16, "checkpoint_every": 25, "probe": 32, "seed": 3,
    "precision": "float32", "parameters": {"spare": "open"},  # in so few steps all latents are silent
}  # fmt: skip


@pytest.fixture(scope="module")
def config():
    return TrainConfig(dataset="bars", threads=1, **SETTINGS)


@pytest.fixture(scope="module")
def learner(bars, config, make_plan):
    """Trained step by step, with no run around it."""
    plan = make_plan(bars)
    learner = start_learner(bars, config.resolved(bars, plan), plan)
    assert len(list(train_steps(learner, bars, config.loop))) == config.steps
    return learner


@pytest.fixture(scope="module")
def objective(learner):
    return learner.objective


@pytest.fixture(scope="module")
def trained(learner):
    return learner.model


@pytest.fixture(scope="module")
def run(bars, make_plan, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return ifp.train(bars, plan=make_plan(bars), out=out, threads=1, **SETTINGS)


@pytest.fixture(scope="module")
def probe(bars):
    return probe_images(bars, 32, 3)


# Records


@pytest.mark.parametrize(
    ("step", "open_groups", "pressure"), [(0, 1, 9), (10, 1, 9), (11, 2, 3), (30, 2, 3), (40, 3, 1)]
)
def test_a_record_tells_nats_and_information_of_the_open_groups(step, open_groups, pressure, trained, probe, objective):
    record = evaluate(trained, probe, objective.at(max(step - 1, 0)), step, Bernoulli())
    assert (record.step, record.stage, record.pressure) == (step, open_groups - 1, pressure)
    with torch.no_grad():
        outputs = [encoder(probe.images).double() for encoder in trained.encoders[:open_groups]]
    mean, logvar = (np.zeros((32, 3)) for _ in range(2))
    for latent, output in enumerate(outputs):
        mean[:, latent], logvar[:, latent] = output.numpy().T
    kl = (mean**2 + np.exp(logvar) - 1 - logvar) / 2
    np.testing.assert_allclose(record.kl, kl.mean(axis=0), rtol=1e-4, atol=1e-9)
    codes = [each.numpy() for each in encode_all(trained, probe.images, open_groups)]
    np.testing.assert_array_equal(record.kl, gaussian_kl(*map(torch.from_numpy, codes)).mean(dim=0).numpy())
    np.testing.assert_array_equal(record.mi, information(*codes, probe.factors))
    np.testing.assert_array_equal(record.mi_null, shuffle_null(*codes, probe.factors, seed=3))
    assert (record.mi[:open_groups].sum(axis=1) > 0).all()
    assert (record.kl[open_groups:] == 0).all()
    np.testing.assert_allclose(record.mi[open_groups:], 0, atol=1e-12)
    np.testing.assert_allclose(record.mi_null[open_groups:], 0, atol=1e-12)


def test_a_record_holds_the_nats_of_reconstructing_the_probe(trained, probe, objective):
    record = evaluate(trained, probe, objective.at(39), 40, Bernoulli())
    mean, logvar = encode_all(trained, probe.images)
    noise = torch.randn(32, 3, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        p = trained.decode(mean + (logvar / 2).exp() * noise).double().sigmoid()
    nats = -(probe.images * p.log() + (1 - probe.images) * (1 - p).log())
    assert record.reconstruction == pytest.approx(nats.flatten(1).sum(1).mean().item(), rel=1e-5)


def test_records_are_the_same_when_taken_again(trained, probe, objective):
    torch.manual_seed(0)
    first = evaluate(trained, probe, objective.at(39), 40, Bernoulli())
    torch.manual_seed(1)
    assert repr(evaluate(trained, probe, objective.at(39), 40, Bernoulli())) == repr(first)


def test_many_images_are_encoded_as_few_are(trained):
    images = torch.rand(600, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    mean, logvar = encode_all(trained, images)
    assert mean.shape == logvar.shape == (600, 3)
    for index in (0, 255, 256, 599):
        alone = encode_all(trained, images[index : index + 1])
        torch.testing.assert_close(mean[index], alone[0][0], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(logvar[index], alone[1][0], rtol=1e-4, atol=1e-6)


def test_the_probe_is_drawn_by_seed_without_repeats(bars):
    probe, smaller = probe_images(bars, 1000, 1), probe_images(bars, 10, 1)
    assert len({tuple(each) for each in probe.factors.tolist()}) == len(probe.images) == 32
    np.testing.assert_array_equal(smaller.factors, probe.factors[:10])
    expected = bars.images(bars.lookup(probe.factors)).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(probe.images.numpy(), expected)
    assert (probe_images(bars, 1000, 2).factors != probe.factors).any()


# A whole run


def test_a_run_records_its_start_its_switches_every_so_many_steps_and_its_end(run, trained, probe, objective):
    trace = load_npz(run.path / "trace.npz")
    assert trace["step"].tolist() == [0, 10, 16, 30, 32, 40]  # stages end after 10 and 30 steps
    assert trace["stage"].tolist() == [0, 0, 1, 1, 2, 2]
    assert trace["pressure"].tolist() == [9, 9, 3, 3, 1, 1]
    last = evaluate(trained, probe, objective.at(39), 40, Bernoulli())
    for name in ("kl", "mi", "mi_null", "reconstruction"):
        np.testing.assert_array_equal(trace[name][-1], getattr(last, name))
    assert 0 <= load_json(run.path / "scores.json")["mig"] <= 1


def test_the_model_of_a_run_comes_back_with_the_posteriors_that_were_trained(run, trained, probe):
    for model in (load_model(run), load_model(run.path), ifp.load_model(str(run.path))):
        assert not model.training
        for found, expected in zip(encode_all(model, probe.images), encode_all(trained, probe.images), strict=True):
            assert torch.equal(found, expected)


def test_the_model_of_an_unfinished_run_is_refused(bars, config, tmp_path):
    unfinished = create_run(tmp_path / "run", "train", config, {"image_shape": (16, 16, 1)})
    with pytest.raises(RunError, match=f"need a finished training run, {tmp_path / 'run'} is an unfinished run"):
        load_model(unfinished)
    with pytest.raises(RunError, match="need a finished training run"):
        load_model(create_run(tmp_path / "other", "anneal", {}, {}))
    with pytest.raises(RunError, match="need a run directory"):
        load_model(tmp_path)


DAMAGE = {
    "a truncated checkpoint": ("checkpoint.safetensors", lambda data: data[: len(data) // 2]),
    "an empty checkpoint": ("checkpoint.safetensors", lambda data: b""),
    "no JSON": ("checkpoint.json", lambda data: data[:20]),
    "another format": ("checkpoint.json", lambda data: data.replace(b"ifp-checkpoint/3", b"ifp-checkpoint/9")),
    "a JSON without groups": ("checkpoint.json", lambda data: data.replace(b'"groups"', b'"crowds"')),
    "a JSON of another network": ("checkpoint.json", lambda data: data.replace(b"conv-small", b"conv-8")),
}


@pytest.mark.parametrize(("name", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_is_refused(name, damage, run, bars, tmp_path):
    copy = create_run(tmp_path / "run", "train", {}, {"image_shape": (16, 16, 1)})
    for each in ("checkpoint.safetensors", "checkpoint.json"):
        copy.write(each, (run.path / each).read_bytes())
    assert len(list(load_model(copy).encoders)) == 3
    write_atomically(copy.path / name, damage((run.path / name).read_bytes()))
    with pytest.raises(RunError):
        load_model(copy)


def test_training_on_a_plan_for_other_data_or_with_settings_out_of_range_makes_no_run(bars, make_plan, tmp_path):
    with pytest.raises(PlanError, match="need the data fingerprint"):
        ifp.train(bars, plan=make_plan(bars, fingerprint="other"), out=tmp_path / "run")
    with pytest.raises(IFPError, match="need steps of at least 1"):
        ifp.train(bars, plan=make_plan(bars), out=tmp_path / "run", steps=0)
    assert not (tmp_path / "run").exists()


def test_fewer_steps_than_stages_make_no_run(bars, make_plan, tmp_path):
    with pytest.raises(IFPError, match="need a step or more for each of the 3 stages, got 2"):
        ifp.train(bars, plan=make_plan(bars), out=tmp_path / "run", steps=2, probe=4)
    assert not (tmp_path / "run").exists()
