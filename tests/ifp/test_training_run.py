"""Whole runs of every objective: stopped and gone on with, started from another, refused before anything is made."""

import csv
import json
import re
import shutil
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save
from typer.testing import CliRunner

import ifp
from analysis.scores.protocol import SampleSizes
from annealing.choices import Precision
from annealing.errors import IFPError, RunError
from ifp.cli import app
from ifp.evaluation.diffusion import information_trace
from ifp.files.npz import load_npz
from ifp.machine.device import with_device
from ifp.models.networks import NETWORKS
from ifp.objectives import objectives
from ifp.objectives.beta_vae import BetaVAE
from ifp.objectives.staged import ADVANCES
from ifp.run_directory.opening import Place
from ifp.run_directory.run import open_run
from ifp.training.checkpoint import MODEL_FILE, STATE_FILE, load_model
from ifp.training.config import TrainConfig
from ifp.training.loop import train_steps
from ifp.training.plan import run_plan
from ifp.training.presets import PRESETS, with_preset
from ifp.training.probe import encode_all, probe_images
from ifp.training.run import TrainingRun, open_training_run, start_learner, train_run

pytestmark = pytest.mark.usefixtures("_one_thread")

TINY = {
    "steps": 24, "batch_size": 8, "eval_every": 5, "checkpoint_every": 6, "probe": 16, "seed": 3, "threads": 1,
    "network": "conv-8",
}  # fmt: skip


@pytest.fixture(autouse=True)
def small_results(monkeypatch):
    """One picture of each latent, a MIG of few images, a narrow discriminator: the usual ones take the most time."""
    monkeypatch.setattr("ifp.training.results.VALUES", (1.0,))
    monkeypatch.setattr("ifp.training.results.STUDY", SampleSizes(train=500))
    monkeypatch.setattr("ifp.objectives.factor_vae._HIDDEN", 50)


class Unlabelled:
    """Some labelled data without its labels."""

    factors = None

    def __init__(self, dataset):
        self._dataset = dataset
        self.name = "unlabelled"

    def __getattr__(self, name):
        return getattr(self._dataset, name)

    def __len__(self):
        return len(self._dataset)

    def factors_at(self, index):
        return None


def contents(run):
    skipped = ("timing.csv", "config.json", "checksums.json")
    return {each.name: each.read_bytes() for each in sorted(run.path.rglob("*.*")) if each.name not in skipped}


def train_some(bars, plan, path, until, **settings):
    """A run that is left after some steps, as a kill leaves it."""
    opened = open_training_run(bars, plan, {**TINY, **settings}, Place(out=path))
    for progress in train_run(opened):
        if progress.done == until:
            break
    return opened.config, opened.run


@pytest.mark.parametrize("objective", objectives())
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(objective, bars, make_plan, tmp_path):
    plan = make_plan(bars)
    whole = ifp.train(bars, plan=plan, out=tmp_path / "whole", objective=objective, **TINY)
    config, stopped = train_some(bars, plan, tmp_path / "stopped", 14, objective=objective)
    assert not stopped.finished
    for _ in train_run(TrainingRun(bars, config, plan, open_run(stopped.path))):
        pass
    assert contents(stopped) == contents(whole)
    assert set(contents(whole)) == {
        "plan.json", "trace.npz", "metrics.csv", "scores.json", "traversal.png", "checkpoint.json",
        "checkpoint.safetensors", "state.safetensors",
    }  # fmt: skip


def test_stages_that_end_by_plateau_are_the_same_after_a_stop(bars, make_plan, tmp_path):
    plan = make_plan(bars)
    changed = {"parameters": {"advance": "plateau"}, "eval_every": 1, "learning_rate": 1e-2, "steps": 60}
    whole = ifp.train(bars, plan=plan, out=tmp_path / "whole", **TINY | changed)
    config, stopped = train_some(bars, plan, tmp_path / "stopped", 43, **changed)
    for _ in train_run(TrainingRun(bars, config, plan, open_run(stopped.path))):
        pass
    assert contents(stopped) == contents(whole)


@pytest.mark.parametrize("objective", ["beta-vae", "factor-vae", "deft"])
def test_unlabelled_data_train_alike_and_have_no_factor_information(objective, bars, make_plan, tmp_path):
    labelled = ifp.train(bars, plan=make_plan(bars), out=tmp_path / "a", objective=objective, **TINY)
    bare = Unlabelled(bars)
    unlabelled = ifp.train(bare, plan=make_plan(bare), out=tmp_path / "b", objective=objective, **TINY)
    traces = [load_npz(run.path / "trace.npz") for run in (labelled, unlabelled)]
    for name in ("kl", "reconstruction", "pressure", "step"):
        np.testing.assert_array_equal(traces[0][name], traces[1][name])
    assert traces[1]["mi"].shape == (*traces[0]["mi"].shape[:2], 0)
    assert not (unlabelled.path / "scores.json").exists()
    with pytest.raises(RunError, match="need a run whose trace tells of labelled factors"):
        information_trace(unlabelled)


def test_without_a_plan_an_objective_has_ten_latents_and_no_plan_is_kept(bars, tmp_path):
    run = ifp.train(bars, out=tmp_path / "run", objective="beta-vae", **TINY)
    assert run.config["settings"]["latents"] == load_model(run).latents == 10
    assert not (run.path / "plan.json").exists()
    assert run_plan(run) is None


def test_what_was_left_open_is_resolved_in_the_config(bars, make_plan, tmp_path):
    settings = {name: value for name, value in TINY.items() if name != "network"}
    run = ifp.train(bars, plan=make_plan(bars), out=tmp_path / "run", **settings)
    found = run.config["settings"]
    assert (found["latents"], found["network"], found["parameters"]) == (
        3,
        "conv-small",
        {
            "advance": "share",
            "fall": 0.0,
            "axes": "independent",
            "spare": "closed",
            "opening": "warm",
            "lead": 0.0,
            "heat": 0.05,
        },
    )
    assert found["precision"] in ("float32", "bfloat16")


def test_metrics_hold_the_terms_of_the_loss_between_records(bars, tmp_path):
    run = ifp.train(bars, out=tmp_path / "run", objective="beta-tcvae", **{**TINY, "precision": "float32"})
    rows = list(csv.DictReader((run.path / "metrics.csv").open()))
    assert [int(row["step"]) for row in rows] == [0, 5, 10, 15, 20, 24]
    assert rows[0]["loss_kl"] == rows[0]["loss_reconstruction"] == rows[0]["loss_total_correlation"] == ""
    config = TrainConfig(dataset="bars", objective="beta-tcvae", **{**TINY, "precision": "float32"})
    terms = [
        record.terms
        for record in train_steps(start_learner(bars, config.resolved(bars, None), None), bars, config.loop)
    ]
    for name in ("kl", "reconstruction", "total_correlation"):
        expected = [np.mean([each[name] for each in terms[start:stop]]) for start, stop in ((0, 5), (5, 10), (20, 24))]
        assert [float(rows[row][f"loss_{name}"]) for row in (1, 2, 5)] == pytest.approx(expected)


# Starting from another run


def test_a_run_starts_from_the_parameters_of_another(bars, tmp_path):
    first = ifp.train(bars, out=tmp_path / "first", objective="beta-vae", **TINY)
    settings = {**TINY, "steps": 1, "learning_rate": 1e-12, "seed": 9}
    second = ifp.train(bars, out=tmp_path / "second", objective="dip-vae-i", init_from=str(first.path), **settings)
    probe = probe_images(bars, 16, 0).images
    for found, expected in zip(*(encode_all(load_model(run), probe) for run in (second, first)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_run_starts_from_the_last_state_of_one_that_never_ended(bars, tmp_path):
    _, stopped = train_some(bars, None, tmp_path / "stopped", 14, objective="beta-vae")
    kept = load_file(stopped.path / STATE_FILE)
    assert int(kept["step"]) == 12
    settings = {**TINY, "steps": 1, "learning_rate": 1e-12}
    run = ifp.train(bars, out=tmp_path / "run", objective="beta-vae", init_from=str(stopped.path), **settings)
    for name, value in load_model(run).state_dict().items():
        torch.testing.assert_close(value, kept[f"model.{name}"], rtol=1e-5, atol=1e-6)


def test_latents_that_were_closed_are_open_again_in_a_run_that_starts_from_there(bars, tmp_path):
    first = ifp.train(bars, out=tmp_path / "first", objective="beta-vae", **TINY)
    tensors = load_file(first.path / MODEL_FILE)
    tensors["closed"][0] = True
    (first.path / MODEL_FILE).write_bytes(save(tensors))
    assert load_model(first).closed.tolist() == [True] + [False] * (len(tensors["closed"]) - 1)
    run = ifp.train(bars, out=tmp_path / "run", objective="beta-vae", init_from=str(first.path), **TINY)
    assert not load_model(run).closed.any()


def test_a_run_of_other_networks_is_no_start(bars, make_plan, tmp_path):
    first = ifp.train(bars, out=tmp_path / "first", objective="beta-vae", **TINY)
    for changed in ({"network": "dense"}, {"latents": 4}):
        with pytest.raises(RunError, match="need a run of the same latents, groups, network and image shape"):
            ifp.train(bars, out=tmp_path / "no", objective="beta-vae", init_from=str(first.path), **TINY | changed)
    with pytest.raises(RunError, match="need a run directory"):
        ifp.train(bars, out=tmp_path / "no", objective="beta-vae", init_from=str(tmp_path), **TINY)
    assert not (tmp_path / "no").exists()


def test_what_a_run_starts_from_may_be_gone_when_it_goes_on(bars, tmp_path):
    first = ifp.train(bars, out=tmp_path / "first", objective="beta-vae", **TINY)
    settings = {"objective": "beta-vae", "init_from": str(first.path)}
    whole = ifp.train(bars, out=tmp_path / "whole", **{**TINY, **settings})
    config, stopped = train_some(bars, None, tmp_path / "stopped", 4, **settings)  # before its first checkpoint
    shutil.rmtree(first.path)
    for _ in train_run(TrainingRun(bars, config, None, open_run(stopped.path))):
        pass
    assert contents(stopped) == contents(whole)


def test_a_run_is_no_start_for_itself(bars, tmp_path):
    first = ifp.train(bars, out=tmp_path / "first", objective="beta-vae", **TINY)
    given = {"dataset": "bars", "objective": "beta-vae", "init_from": str(first.path), **TINY}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ifp.datasets.arrays.load_dataset", lambda *given, **options: bars)
        with pytest.raises(IFPError, match="need another run to start from than the one to be written"):
            open_training_run(None, None, given, Place(out=first.path, overwrite=True))
    assert load_model(first).latents == 10


# Going on


@pytest.fixture
def begun(bars, make_plan, tmp_path, monkeypatch):
    """A run that was left, with options as they were first given."""
    monkeypatch.setattr("ifp.datasets.arrays.load_dataset", lambda *given, **options: bars)
    plan = make_plan(bars)
    given = {"dataset": "bars", "objective": "annealed-beta", "precision": "auto", "parameters": {"start": 0.0}, **TINY}
    run = open_training_run(None, plan, given, Place(out=tmp_path / "run")).run
    return given, plan, run


def test_options_that_leave_a_choice_open_go_on_with_the_choice_that_was_made(begun):
    given, plan, run = begun
    opened = open_training_run(None, plan, given, Place(out=run.path, resume=True))
    assert (opened.config.parameters, opened.plan) == ({"start": 9.0, "end": 1.0}, plan)
    with pytest.raises(RunError, match=r"start is 9\.0 there and 5\.0 here"):
        open_training_run(None, None, {**given, "parameters": {"start": 5.0}}, Place(out=run.path, resume=True))


def test_a_run_of_before_some_settings_means_what_it_meant_without_them(begun):
    given, plan, run = begun
    settings = run.config["settings"] | {"parameters": {"end": 1.0}}
    (run.path / "config.json").write_text(json.dumps(run.config | {"settings": settings}))
    opened = open_training_run(None, plan, given, Place(out=run.path, resume=True))
    assert opened.config.parameters == {"start": 9.0, "end": 1.0}
    with pytest.raises(RunError, match=r"start is 9\.0 there and 5\.0 here"):
        open_training_run(None, None, {**given, "parameters": {"start": 5.0}}, Place(out=run.path, resume=True))


def test_another_plan_is_refused_to_go_on_with(begun, bars, make_plan):
    given, _, run = begun
    with pytest.raises(RunError, match=r"need the run's own plan to resume .*, got another one"):
        open_training_run(None, make_plan(bars, gamma=0.5), given, Place(out=run.path, resume=True))


def test_a_finished_run_is_given_back_as_it_is(begun, bars):
    given, plan, run = begun
    for _ in train_run(open_training_run(None, plan, given, Place(out=run.path, resume=True))):
        pass
    before = contents(run)
    assert ifp.train(bars, out=run.path, resume=True).path == run.path
    assert contents(run) == before


def test_what_was_left_before_a_run_had_its_config_is_no_obstacle(begun, bars, tmp_path):
    given, plan, run = begun
    folder = tmp_path / "again"
    folder.mkdir()
    (folder / "plan.json").write_bytes((run.path / "plan.json").read_bytes())
    (folder / ".partial-abc.json").write_bytes(b"{")
    assert open_training_run(None, plan, given, Place(out=folder)).run.path == folder
    other = tmp_path / "other"
    other.mkdir()
    (other / "plan.json").write_bytes(b"a plan of somebody's own")
    with pytest.raises(RunError, match="need a new or empty directory for the run"):
        open_training_run(None, plan, given, Place(out=other))
    assert (other / "plan.json").read_bytes() == b"a plan of somebody's own"


# The device


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch):
    for available, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr("torch.cuda.is_available", lambda available=available: available)
        assert with_device({"seed": 1, "device": "auto"}, resume=False) == {"seed": 1, "device": device}
        assert with_device({"seed": 1, "device": "auto"}, resume=True) == {"seed": 1}
    assert with_device({"device": "cpu"}, resume=False) == {"device": "cpu"}


def test_an_automatic_device_is_recorded_as_the_one_it_was_and_a_run_goes_on_with_it(bars, tmp_path):
    given = {"objective": "beta-vae", "steps": 4, "batch_size": 4, "probe": 16, "threads": 1, "out": tmp_path / "run"}
    run = ifp.train(bars, device="auto", **given)
    assert run.config["settings"]["device"] == ("cuda" if torch.cuda.is_available() else "cpu")
    assert ifp.train(bars, device="auto", resume=True, **given).path == run.path


# What cannot be trained


def test_what_cannot_be_trained_makes_no_run(bars, make_plan, tmp_path):
    for settings, reason in (
        ({"objective": "deft"}, "need a stage plan for deft"),
        ({"objective": "beta-vae", "parameters": {"gamma": 1}}, "need settings of beta-vae out of beta"),
        ({"objective": "beta-vae", "network": "resnet"}, "need a network out of conv, conv-locatello"),
        ({"objective": "beta-vae", "latents": 0}, "need latents of at least 1"),
        ({"objective": "beta-vae", "checkpoint_minutes": 0.0}, "need minutes above 0"),
        ({"objective": "beta-vae", "device": "cuda:99"}, "need a GPU for --device cuda:99"),
        ({"objective": "beta-vae", "processes": 3}, "need processes to be those that torchrun started, 1, got 3"),
    ):
        with pytest.raises(IFPError, match=reason):
            ifp.train(bars, out=tmp_path / "run", **settings)
    with pytest.raises(IFPError, match="need a data set"):
        open_training_run(None, None, {"objective": "beta-vae"}, Place(out=tmp_path / "run"))
    with pytest.raises(IFPError, match="need a batch size that 3 processes divide, got 64"):
        open_training_run(bars, None, {"objective": "beta-vae", "processes": 3}, Place(out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_run_that_diverges_says_where_its_last_state_is_and_what_to_try(bars, tmp_path, monkeypatch):
    usual = BetaVAE.terms

    calls = []

    def terms(self, codes, control):
        calls.append(1)
        return {
            name: term * (torch.nan if len(calls) == 15 else 1.0) for name, term in usual(self, codes, control).items()
        }

    monkeypatch.setattr(BetaVAE, "terms", terms)
    said = (
        r"training diverged at step 15 \(loss nan\); the last state, of step 12, is in .*run: .*lower --learning-rate"
    )
    with pytest.raises(IFPError, match=said):
        ifp.train(bars, out=tmp_path / "run", objective="beta-vae", **TINY)
    assert int(load_file(tmp_path / "run" / STATE_FILE)["step"]) == 12


# Presets


def test_presets_are_the_published_settings_and_give_way_to_what_is_given():
    found = with_preset("locatello", {"steps": 100, "objective": "beta-vae"})
    assert found["steps"] == 100
    assert (found["batch_size"], found["learning_rate"], found["network"]) == (64, 1e-4, "conv-locatello")
    found = with_preset("deft-2021", {"objective": "cascade-vae-c", "parameters": {"low": 0.5}})
    assert found["parameters"] == {"low": 0.5, "high": 10.0, "share": 6 / 70}
    assert with_preset("deft-2021", {})["objective"] == "deft-hook"
    published = {"axes": "learned", "spare": "open", "opening": "noise", "lead": 1.0, "heat": 1.0}
    assert with_preset("deft-2022", {})["parameters"] == published
    assert {with_preset(name, {})["warmup"] for name in PRESETS} == {0}
    assert with_preset(None, {"steps": 5}) == {"steps": 5}
    with pytest.raises(IFPError, match="need a preset out of locatello, deft-2022, deft-2021, got 'default'"):
        with_preset("default", {})


@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_of_a_preset_is_one_of_the_loop(name, bars, make_plan):
    plan = make_plan(bars)
    for objective in objectives():
        settings = with_preset(name, {"objective": objective})
        config = TrainConfig(dataset="bars", **settings).resolved(bars, plan)
        assert replace(config, precision="float32").network == PRESETS[name].settings["network"]


def test_the_help_names_every_objective_network_and_preset():
    text = CliRunner().invoke(app, ["train", "--help"], terminal_width=10_000).stdout
    words = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text))
    assert {*objectives(), *NETWORKS, *PRESETS, *get_args(Precision), *ADVANCES} <= words


def test_training_that_diverges_says_where_its_last_state_is_and_what_to_try(bars_file, tmp_path):
    settings = {"objective": "beta-vae", "steps": 40, "threads": 1, "learning_rate": 1e30}
    told = r"training diverged at step \d+ .*; no state was saved yet: start again with a lower --learning-rate"
    with pytest.raises(IFPError, match=told):
        ifp.train(bars_file, out=tmp_path / "run", **settings)
