"""Stage plans read from files and stdin, matched with their data, and errors of the command line in one line."""

import io
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

import ifp
from analysis.plain_json import json_bytes
from analysis.stage_plan import StagePlan
from annealing.errors import PlanError
from ifp.datasets import load_dataset
from ifp.run_directory.opening import Place
from ifp.training.plan import read_plan, require_fitting
from ifp.training.run import open_training_run

DSPRITES = SimpleNamespace(name="dsprites", reference="dsprites", fingerprint="0" * 16, image_shape=(64, 64, 1))


@pytest.fixture
def plan(make_plan):
    return make_plan(DSPRITES)


def changed(plan, **values):
    """The plan's JSON with keys set; ``pressures`` and ``latent_groups`` go into its stages."""
    content = json.loads(json_bytes(plan))
    stages = {"pressures": "pressure", "latent_groups": "latents", "named": "factors", "nats": "predicted_nats"}
    for key, inner in stages.items():
        for stage, value in zip(content["stages"], values.pop(key, ()), strict=False):
            stage[inner] = value
    return json.dumps(content | values)


BROKEN = {
    "nothing": (lambda plan: "", "no plan on stdin (did plan-stages fail?)"),
    "half a plan": (lambda plan: json_bytes(plan).decode()[:200], "need a stage plan in JSON"),
    "an unknown key": (lambda plan: changed(plan, colour="red"), "got 'colour'"),
    "a pressure that rises": (
        lambda plan: changed(plan, pressures=(3, 9)),
        "need pressures that fall from stage to stage, got 3 in stage 1 and 9 after it",
    ),
    "a latent in two stages": (
        lambda plan: changed(plan, latent_groups=([0, 1], [1])),
        "need each latent in one stage only, got latent 1 twice",
    ),
}


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=BROKEN)
def test_training_on_a_broken_plan_ends_in_one_line_before_anything_is_made(text, reason, plan, run_ifp, tmp_path):
    arguments = ("train", "--plan", "-", "--dataset", "dsprites", "--steps", 2, "--out", "tmp/x")
    ended = run_ifp(tmp_path, *arguments, stdin=text(plan))
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("ifp: ")
    assert reason in line
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_data_set_is_answered_with_the_nearest_name(run_ifp, tmp_path):
    ended = run_ifp(tmp_path, "anneal", "--dataset", "dsprite", "--out", "x")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("ifp: need a data set out of ")
    assert line.endswith("got 'dsprite' (did you mean dsprites?)")
    assert list(tmp_path.iterdir()) == []


def test_planning_without_a_run_leaves_stdout_to_the_next_command_empty(run_ifp, tmp_path):
    ended = run_ifp(tmp_path, "plan-stages")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "ifp: need a run: there is no finished run of kind anneal under runs/: make one with "
        "`ifp anneal --dataset NAME`, or name another place with --runs DIR\n"
    )


# Reading


def test_a_plan_is_read_as_it_was_written_from_a_file_and_from_stdin(plan, tmp_path, monkeypatch):
    (tmp_path / "plan.json").write_bytes(json_bytes(plan))
    assert read_plan(str(tmp_path / "plan.json")) == plan
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(json_bytes(plan))))
    assert read_plan("-") == plan


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "need a plan file, got: .*No such file"),
        (b"", "need a stage plan, got nothing"),
        (b" \n\t ", "need a stage plan, got nothing"),
        (b"\xff\xfe{}", "need a plan in UTF-8"),
        (b"[" * 100_000, "need a stage plan in JSON"),
        (b"null", "need an object for plan, got None"),
        (b"[]", r"need an object for plan, got \[\]"),
        (b"{}", "need a plan of format ifp-stage-plan/1 or ifp-stage-plan/2, got None"),
        (b" " * (16 * 1024 * 1024 + 1), "need a plan of at most 16777216 bytes"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_file_that_is_no_plan_is_refused(content, reason, tmp_path):
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlanError, match=reason):
        read_plan(str(path))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"format": "ifp-stage-plan/3"}, "ifp-stage-plan/1 or ifp-stage-plan/2, got 'ifp-stage-plan/3'"),
        ({"latents": "3"}, "need a whole number for plan.latents, got '3'"),
        ({"latents": True}, "need a whole number for plan.latents, got True"),
        ({"latents": 4}, r"need the stages to open latents 0..3, got \[0, 1, 2\]"),
        ({"latents": 10**30}, "latents"),
        ({"latent_groups": ([0], [1], [3])}, r"latents 0..2, got \[0, 1, 3\]"),
        ({"latent_groups": ([0], [], [1, 2])}, "need in every stage a latent or more"),
        ({"image_shape": [64, 64]}, "need an array of 3 for plan.image_shape"),
        ({"image_shape": [64, 0, 1]}, r"need an image shape of 1 pixel or more in a plan, got \[?\(?64, 0, 1"),
        ({"nats": ({"factor 0": -0.5},)}, "need predicted nats of 0 or more, got -0.5 of 'factor 0'"),
        ({"named": (["posX", "posX"],)}, "need each factor of a stage once, got 'posX' 2 times"),
        ({"gamma": 1.5}, "need gamma in 0..1, got 1.5"),
        ({"gamma": float("nan")}, "need a finite number for plan.gamma, got nan"),
        ({"gamma": 10**400}, "plan.gamma"),
        ({"pressures": (9, 3, 0)}, "need pressures above 0, got 0"),
        ({"pressures": (float("inf"),)}, "need a finite number for plan.stages.0..pressure, got inf"),
        ({"pressures": (9, 9, 1)}, "need pressures that fall .*, got 9 in stage 1 and 9 after it"),
        ({"stages": []}, "need a plan of one or more stages, got none"),
        ({"stages": {}}, "need an array for plan.stages"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_plan_that_contradicts_itself_is_refused(values, reason, plan):
    with pytest.raises(PlanError, match=reason):
        StagePlan.from_json(changed(plan, **values))


@pytest.mark.parametrize("key", ["fingerprint", "gamma", "stages", "warnings"])
def test_a_plan_without_one_of_its_keys_is_refused(key, plan):
    content = json.loads(json_bytes(plan))
    del content[key]
    with pytest.raises(PlanError, match=f"need the key '{key}' in plan, it is missing"):
        StagePlan.from_json(json.dumps(content))


# Fitting


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"dataset": "shapes3d"}, "need the data set that the plan is for, shapes3d, got dsprites"),
        ({"fingerprint": "1" * 16}, f"need the data fingerprint that the plan is for, {'1' * 16}, got {'0' * 16}"),
        ({"image_shape": (64, 64, 3)}, r"need the image shape that the plan is for, \(64, 64, 3\), got \(64, 64, 1\)"),
        ({"likelihood": "gaussian"}, "need the likelihood that the plan is for, gaussian, got bernoulli"),
    ],
    ids=str,
)
def test_a_plan_for_something_else_is_refused_and_both_are_named(wanted, reason, plan):
    require_fitting(plan, DSPRITES, "bernoulli")
    with pytest.raises(PlanError, match=rf"{reason}: plan for it with .* \(--force"):
        require_fitting(replace(plan, **wanted), DSPRITES, "bernoulli")


@pytest.mark.parametrize(
    ("factors", "reason"),
    [
        (("position", "brightness", "colour"), "need factors out of position, brightness in a plan .*, got 'colour'"),
        (("position", "brightness", "position"), "need each factor in one stage of a plan, got position in 2"),
    ],
)
def test_a_plan_by_factors_that_the_data_lack_or_twice_is_refused(factors, reason, bars, make_plan, tmp_path):
    plan = make_plan(bars)
    named = [replace(stage, factors=(name,)) for stage, name in zip(plan.stages, factors, strict=True)]
    with pytest.raises(PlanError, match=reason):
        ifp.train(bars, plan=replace(plan, stages=tuple(named)), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_plan_for_other_data_makes_a_run_only_by_force(plan, tmp_path, monkeypatch):
    monkeypatch.delenv("IFP_DATA_DIR", raising=False)
    given, fingerprint = {"dataset": "dsprites", "steps": 3}, load_dataset("dsprites").fingerprint
    with pytest.raises(PlanError, match=re.escape(f"{plan.fingerprint}, got {fingerprint}")):
        open_training_run(None, plan, given, Place(out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    opened = open_training_run(None, plan, given, Place(out=tmp_path / "run"), force=True)
    assert (opened.plan, opened.config.steps) == (plan, 3)
    run = opened.run
    assert read_plan(str(run.path / "plan.json")) == plan
    assert run.config["data"]["fingerprint"] == fingerprint
