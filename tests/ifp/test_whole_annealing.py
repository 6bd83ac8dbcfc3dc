"""Whole-data annealing of a tiny set: the same bytes however often it is stopped, with labels and without."""

import json

import numpy as np
import pytest
import torch

import ifp
from annealing.errors import DivergenceError, IFPError, RunError
from annealing.pressure import geometric
from ifp.annealing_test.annealed import annealed_test
from ifp.files.npz import load_npz
from ifp.files.plain import load_json
from ifp.objectives import Setup
from ifp.objectives.cooling import Cooling
from ifp.objectives.heating import Heating
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import newest_run
from ifp.run_directory.opening import OpenRun
from ifp.run_directory.run import open_run
from ifp.whole_annealing.config import WholeConfig, phases, swept_range
from ifp.whole_annealing.results import annealed_whole
from ifp.whole_annealing.run import whole_annealing

TINY = {
    "latents": 3, "channels": 4, "hidden": 8, "hold_steps": 10, "cool_steps": 20, "batch_size": 4, "record_every": 5,
    "checkpoint_every": 5, "probe": 16, "threads": 1, "pressures": (0.5, 20.0), "protocol": "whole-cool",
}  # fmt: skip
HEATED = {**TINY, "protocol": "whole-heat", "heat_steps": 20}


pytestmark = pytest.mark.usefixtures("_one_thread")


def contents(run):
    skipped = ("timing.csv", "config.json", "checksums.json")
    return {each.name: each.read_bytes() for each in sorted(run.path.rglob("*.*")) if each.name not in skipped}


@pytest.mark.parametrize(("settings", "stop"), [(TINY, 17), (HEATED, 22), (HEATED, 43)], ids=["cool", "heat", "after"])
def test_an_interrupted_run_goes_on_to_the_same_bytes(settings, stop, bars, tmp_path):
    whole = ifp.anneal(bars, mode="full", out=tmp_path / "whole", **settings)
    config = WholeConfig(dataset="bars", **settings)
    stopped = ifp.anneal(bars, mode="full", out=tmp_path / "stopped", **settings)
    for each in stopped.path.glob("*.*"):
        if each.name != "config.json":
            each.unlink()
    for each in (stopped.path / "parts").iterdir():
        each.unlink()
    for progress in whole_annealing(OpenRun(bars, config, stopped)):
        if progress.done == stop:
            break
    for _ in whole_annealing(OpenRun(bars, config, open_run(stopped.path))):
        pass
    assert contents(stopped) == contents(whole)
    assert {"curves.npz", "freezing.csv", "model.safetensors"} <= set(contents(whole))


def test_records_learn_heat_and_cool_in_equal_ratios(bars, tmp_path):
    run = ifp.anneal(bars, mode="full", out=tmp_path / "run", **HEATED)
    curves = load_npz(run.path / "curves.npz")
    assert curves["step"].tolist() == list(range(5, 51, 5))
    assert curves["direction"].tolist() == ["learn"] * 2 + ["heat"] * 4 + ["cool"] * 4
    heated = [geometric(step - 11, 20, 0.5, 20.0) for step in (15, 20, 25, 30)]
    cooled = [geometric(step - 31, 20, 20.0, 0.5) for step in (35, 40, 45, 50)]
    np.testing.assert_allclose(curves["beta"][0], [0.05, 0.05, *heated, *cooled])
    rows = run.to_frame()
    assert set(rows["protocol"]) == {"whole-heat"}
    found = ifp.diagnose(run)
    assert rows["status"].tolist() == [status for each in found.latents_melting for status in each.statuses]
    melted = [beta for each in found.latents_melting for beta in each.melting]
    np.testing.assert_allclose(rows["melting_beta"], melted)
    knees = np.repeat([each.knee for each in found.latents_melting], 2)
    points = np.where(np.isnan(knees), melted, knees)
    np.testing.assert_allclose(rows["ifp_beta"], np.where(rows["status"] == "ok", points, np.nan))
    assert len(found.factors_melting) == 2


def heating():
    return Heating(setup=Setup(2, 100, 32), learn=0.1, low=1.0, high=100.0, learn_steps=10, heat_steps=50)


def test_it_turns_above_the_last_pressure_at_which_a_latent_was_not_silent():
    objective = heating()
    objective.observe(10, torch.tensor([0.0, 0.0]))  # the last step of learning: nothing is judged there
    objective.observe(20, torch.tensor([0.0, 0.5]))
    assert objective.last_active == pytest.approx(geometric(9, 50, 1.0, 100.0))
    objective.observe(21, torch.tensor([0.0, 0.001]))  # not 1.1 times as high yet
    assert objective.at(21).stage == 1
    objective.observe(25, torch.tensor([0.0, 0.001]))
    top = geometric(14, 50, 1.0, 100.0)
    assert [(each.stage, each.pressure) for each in map(objective.at, (24, 25))] == [(1, top), (2, top)]
    assert objective.at(99).pressure == pytest.approx(1.0)
    again = heating()
    again.restore(objective.state())
    assert [again.at(step) for step in range(100)] == [objective.at(step) for step in range(100)]


def test_where_nothing_was_learnt_it_is_heated_to_the_top():
    objective = heating()
    for step in range(15, 60, 5):
        objective.observe(step, torch.zeros(2))
    assert [objective.at(step).stage for step in (9, 10, 59, 60)] == [0, 1, 1, 2]
    assert objective.at(59).pressure == pytest.approx(100.0)


def test_a_run_of_before_opens_as_one_that_only_cooled(bars, tmp_path):
    run = ifp.anneal(bars, mode="full", out=tmp_path / "run", **TINY)
    made = load_json(run.path / "config.json")
    before = {name: value for name, value in made["settings"].items() if name not in ("protocol", "heat_steps")}
    (run.path / "config.json").write_text(json.dumps(made | {"settings": before}))
    config = annealed_whole(run.path).config
    assert (config.protocol, config.heats, config.steps) == ("whole-cool", False, 30)
    assert ifp.anneal(bars, mode="full", out=run.path, resume=True, steps=20, protocol="whole-cool").path == run.path
    with pytest.raises(RunError, match="protocol is None there and 'whole-heat' here"):
        ifp.anneal(bars, mode="full", out=run.path, resume=True, protocol="whole-heat")
    with pytest.raises(RunError, match="cool_steps is 20 there and 30 here"):
        ifp.anneal(bars, mode="full", out=run.path, resume=True, steps=30)


def test_steps_are_those_of_the_sweep_that_is_read():
    heated = WholeConfig(dataset="d", pressures=(1.0, 2.0), **phases({"steps": 8000}))
    assert heated == WholeConfig(dataset="d", pressures=(1.0, 2.0), hold_steps=6000, heat_steps=8000, cool_steps=2000)
    assert WholeConfig(dataset="d", pressures=(1.0, 2.0)).steps == 12_000
    assert phases({}) == {}
    assert phases({"steps": 9, "protocol": "whole-cool", "hold_steps": 4})["cool_steps"] == 9
    with pytest.raises(IFPError, match="need no heat_steps with protocol whole-cool"):
        phases({"heat_steps": 9, "protocol": "whole-cool"})


def test_records_hold_then_cool_in_equal_ratios(bars, tmp_path):
    run = ifp.anneal(bars, mode="full", out=tmp_path / "run", **TINY)
    curves = load_npz(run.path / "curves.npz")
    assert curves["step"].tolist() == [5, 10, 15, 20, 25, 30]
    assert curves["direction"].tolist() == ["hold"] * 2 + ["cool"] * 4
    expected = [20.0, 20.0, *(geometric(step - 11, 20, 20.0, 0.5) for step in (15, 20, 25, 30))]
    np.testing.assert_allclose(curves["beta"][0], expected)
    assert curves["kl"].shape == (1, 6, 3)
    assert curves["mi"].shape == curves["mi_null"].shape == (6, 3, 2)
    images = bars.images(np.arange(32))
    p = np.clip(images.mean(axis=0), 1e-6, 1 - 1e-6)
    entropy = -(images * np.log(p) + (1 - images) * np.log(1 - p)).sum(axis=(1, 2, 3))
    assert 0.8 * entropy.mean() < curves["silent_reconstruction"][0] < 1.2 * entropy.mean()  # on the probe set


def test_without_labels_nothing_is_attributed(bars, tmp_path):
    class Unlabelled(type(bars)):
        factors = None

        def factors_at(self, index):
            return None

    run = ifp.anneal(Unlabelled(), mode="full", out=tmp_path / "run", **HEATED)
    labelled = ifp.anneal(bars, mode="full", out=tmp_path / "labelled", **HEATED)
    found = ifp.diagnose(run)
    points = [[each.point for each in ifp.diagnose(one).latents_melting] for one in (run, labelled)]
    np.testing.assert_array_equal(*points)  # labels are only read
    assert (found.factors, found.factors_melting, found.modes, found.early) == ((), (), (), ())
    assert all(each.frozen.factor is None for each in found.latents)
    assert load_npz(run.path / "curves.npz")["mi"].shape == (10, 3, 0)


def test_such_a_run_is_none_of_the_annealing_test(bars, tmp_path):
    run = ifp.anneal(bars, mode="full", out=tmp_path / "runs" / "one", **TINY)
    assert annealed_whole(run.path).run.path == run.path
    with pytest.raises(RunError, match="need a finished annealing run"):
        annealed_test(run.path)
    with pytest.raises(RunError, match="no finished run of kind anneal under"):
        newest_run(tmp_path / "runs", Kind.ANNEALING_TEST)


def test_pressure_holds_at_the_top_and_ends_at_the_bottom():
    cooling = Cooling(setup=Setup(3, 30, 32), high=20.0, low=0.5, hold_steps=10, cool_steps=20)
    assert [cooling.at(step).pressure for step in (0, 9, 10)] == [20.0] * 3
    assert cooling.at(29).pressure == pytest.approx(0.5)
    assert [cooling.at(step).stage for step in (9, 10)] == [0, 1]
    assert cooling.groups == ((0, 1, 2),)


def test_the_swept_range_reaches_over_the_highest_prediction():
    assert swept_range({"a": 100.0, "b": 8.0}) == (1.6, 160.0)
    assert swept_range({}) == (4.0, 400.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pressures": (2.0, 1.0)}, "pressures LO:HI with 0 < LO < HI, got 2:1"),
        ({"latents": 0}, "latents of at least 1, got 0"),
        ({"protocol": "whole-melt"}, "a protocol of --mode full out of whole-heat, whole-cool"),
        ({"protocol": "whole-heat", "heat_steps": 5}, "more steps of heating than the 5 from record to record, got 5"),
        ({"cool_steps": 5}, "more steps of cooling than the 5 from record to record, got 5"),
        ({"thresholds": ()}, "thresholds above 0"),
        ({"predicted": {"a": -1.0}}, "predicted freezing points above 0"),
        ({"precision": "float16"}, "precision out of auto, float32, bfloat16"),
    ],
)
def test_settings_out_of_range_are_refused(changed, message):
    with pytest.raises(IFPError, match=message):
        WholeConfig(dataset="bars", **{**TINY, **changed})


def test_cooling_that_diverges_says_where_its_last_state_is_and_names_no_option_of_training(bars_file, tmp_path):
    settings = {
        "latents": 2,
        "hold_steps": 5,
        "protocol": "whole-cool",
        "steps": 120,
        "threads": 1,
        "learning_rate": 1e30,
    }
    with pytest.raises(DivergenceError, match=r"training diverged at step \d+ .*; no state was saved yet$"):
        ifp.anneal(bars_file, mode="full", out=tmp_path / "run", **settings)
