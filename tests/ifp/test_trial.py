"""The trial of threads before a run: what it chooses, and that it leaves no trace."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

import ifp
from annealing.networks import dense_decoder, dense_encoder
from ifp.training import trial
from ifp.training.config import TrainConfig
from ifp.training.run import start_learner
from ifp.training.trial import tried_threads

SETTINGS = {"objective": "factor-vae", "latents": 2, "network": "conv-8", "batch_size": 8, "precision": "float32"}


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(trial, "cores_at_hand", lambda: 2)


@pytest.fixture
def learner(bars):
    config = TrainConfig(dataset="bars", **SETTINGS).resolved(bars, None)
    return start_learner(bars, config, None), config.loop


@pytest.fixture
def taking(monkeypatch):
    """Steps that take so many seconds by a clock of the test's, by the number of threads."""

    def set_up(seconds):
        clock, counts = [0.0], []

        def take_step(*_):
            threads = torch.get_num_threads()
            counts.append(threads)
            clock[0] += seconds[threads] + (60 if counts.count(threads) == 1 else 0)  # the first one warms up

        monkeypatch.setattr(trial, "take_step", take_step)
        monkeypatch.setattr(trial, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
        return counts

    return set_up


@pytest.mark.parametrize(
    ("alone", "together", "chosen"),
    [(0.033, 0.020, 2), (0.040, 0.039, 2), (0.040, 0.044, 2), (0.040, 0.047, 1), (0.040, 0.080, 1)],
)
def test_threads_that_wait_for_one_another_are_not_used(two_cores, learner, bars, taking, alone, together, chosen):
    counts = taking({1: alone, 2: together})
    assert tried_threads(learner[0], bars, learner[1], 2) == chosen
    assert counts[:4] == [1, 2, 1, 2]  # in turn: a slow moment is everyone's


def test_one_core_needs_no_trial(learner, bars, taking, monkeypatch):
    counts = taking({})
    monkeypatch.setattr(trial, "cores_at_hand", lambda: 1)
    assert (tried_threads(learner[0], bars, learner[1], 2), counts) == (1, [])


def test_a_trial_leaves_no_trace(two_cores, learner, bars):
    learner, loop = learner
    before = {name: value.clone() for name, value in learner.state().items()}
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    assert tried_threads(learner, bars, loop, 2) in (1, 2)
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads
    after = learner.state()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("mode", ["train", "anneal"])
@pytest.mark.parametrize("chosen", [1, 2])
def test_what_was_chosen_is_recorded_and_asked_for_is_not_tried(two_cores, bars_file, tmp_path, taking, mode, chosen):
    def run_of(name, **given):
        if mode == "train":
            given |= {**SETTINGS, "objective": "beta-vae"}
            return ifp.train(bars_file, steps=1, probe=8, eval_every=1, out=tmp_path / name, **given)
        whole = {"mode": "full", "latents": 2, "hold_steps": 1, "steps": 4, "record_every": 2, "batch_size": 4}
        whole |= {"probe": 8}
        return ifp.anneal(bars_file, out=tmp_path / name, channels=4, hidden=8, **whole, **given)

    taking({1: 1.0, 2: 2.0 if chosen == 1 else 0.5})
    assert run_of("tried").config["settings"]["threads"] == chosen
    counts = taking({1: 1.0, 2: 2.0 if chosen == 1 else 0.5})
    assert run_of("told", threads=2).config["settings"]["threads"] == 2
    assert counts == []


def test_networks_that_cannot_be_copied_are_not_tried(two_cores, bars, tmp_path):
    class Held(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network
            self.drawn = (value for value in ())  # a generator: no copy of it is to be had

        def forward(self, values):
            return self.network(values)

    network = ifp.Network(
        lambda shape, outputs: Held(dense_encoder(shape, outputs)),
        lambda shape, latents: Held(dense_decoder(shape, latents)),
    )
    settings = {**SETTINGS, "network": network, "objective": "beta-vae"}
    run = ifp.train(bars, steps=1, probe=8, eval_every=1, out=tmp_path / "run", **settings)
    assert run.config["settings"]["threads"] == 2
