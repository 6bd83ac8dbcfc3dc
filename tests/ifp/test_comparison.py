"""Objectives compared: rows written at once, a study that goes on from them, runs at hand."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import ifp
from analysis.plain_json import json_bytes
from annealing.errors import IFPError, PlanError, RunError
from ifp.api.report import report as write_report
from ifp.cli import app
from ifp.comparison.config import QUICK
from ifp.comparison.piece import comparison_row
from ifp.comparison.study import compare_study, open_study, rows_of, study_rows
from ifp.files.npz import load_npz
from ifp.files.plain import load_json
from ifp.run_directory.opening import Place
from ifp.run_directory.run import open_run
from ifp.training.trained import trained_run

pytestmark = pytest.mark.usefixtures("_one_thread")

FEW = {"steps": 6, "batch_size": 4, "eval_every": 3, "threads": 1, "network": "conv-8"}


@pytest.fixture(scope="module", autouse=True)
def one_picture_of_each_latent():
    """Drawing nine, in each run's traversal, takes longer than these runs train."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ifp.training.results.VALUES", (1.0,))
        yield


@pytest.fixture(scope="module")
def given(bars_file):
    return {
        "dataset": str(bars_file),
        "objectives": ("beta-vae", "deft"),
        "seeds": 2,
        "scores": ("mig", "sap"),
        "settings": FEW,
    }


@pytest.fixture(scope="module")
def plan(bars_file, make_plan):
    return make_plan(ifp.load_dataset(str(bars_file)))


def work(opened):
    return [progress.doing for progress in compare_study(opened)]


@pytest.fixture(scope="module")
def study(given, plan, tmp_path_factory):
    opened = open_study(None, plan, given, Place(out=tmp_path_factory.mktemp("study") / "study"))
    work(opened)
    return opened.run


def contents(run):
    found = {}
    for each in sorted(run.path.rglob("*.*")):
        if each.is_file() and each.name not in ("timing.csv", "config.json", "checksums.json"):
            found[str(each.relative_to(run.path))] = each.read_bytes()
    return found


def test_a_study_has_a_run_and_a_row_for_every_objective_and_seed(study):
    rows = study_rows(study)
    assert [(row["method"], row["seed"], row["run"]) for row in rows] == [
        ("beta-vae", 0, "beta-vae-0"), ("beta-vae", 1, "beta-vae-1"), ("deft", 0, "deft-0"), ("deft", 1, "deft-1"),
    ]  # fmt: skip
    for row in rows:
        run = open_run(study.path / str(row["run"]))
        assert run.finished
        assert run.config["settings"]["seed"] == row["seed"]
        trace = load_npz(run.path / "trace.npz")
        assert row["reconstruction"] == trace["reconstruction"][-1]
        assert row["kl"] == pytest.approx(trace["kl"][-1].sum())
        scores = load_json(run.path / "scores.json")
        assert (row["mig"], row["sap"]) == (scores["mig"], scores["sap"])
        assert row["diffusion"] == ifp.diagnose(run).index
        assert row["definitions"] == "ifp-diffusion/2, ifp-scores/1"
    table = list(csv.DictReader((study.path / "comparison.csv").open()))
    assert [row["run"] for row in table] == [row["run"] for row in rows]
    assert [float(row["mig"]) for row in table] == [row["mig"] for row in rows]
    assert (study.path / "comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("stopped_in", ["beta-vae-0, stage", "deft-0, stage", "beta-vae-1, scores"])
def test_a_study_that_is_stopped_goes_on_from_its_rows(stopped_in, study, given, plan, tmp_path):
    opened = open_study(None, plan, given, Place(out=tmp_path / "study"))
    for progress in compare_study(opened):
        if progress.doing.startswith(stopped_in):
            break
    kept = {each: each.stat().st_mtime_ns for each in (opened.run.path / "rows").glob("*.json")}
    assert not opened.run.finished
    again = open_study(None, None, {}, Place(out=tmp_path / "study", resume=True))
    work(again)
    assert contents(again.run) == contents(study)
    assert all(each.stat().st_mtime_ns == when for each, when in kept.items())


def test_rows_of_an_earlier_version_are_scored_anew_without_training(study, given, plan, tmp_path, monkeypatch):
    opened = open_study(None, plan, given, Place(out=tmp_path / "study"))
    for progress in compare_study(opened):
        if progress.doing.startswith("deft-1, stage"):
            break
    row = opened.run.path / "rows" / "beta-vae-1.json"
    old = {name: value for name, value in load_json(row).items() if name != "definitions"} | {"diffusion": 1.3}
    row.write_text(json.dumps(old))
    with pytest.raises(IFPError, match=r"beta-vae-1 by earlier ones.*: resume the comparison"):
        study_rows(opened.run)
    began = (opened.run.path / "beta-vae-1" / "checkpoint.safetensors").stat().st_mtime_ns
    again = open_study(None, None, {}, Place(out=tmp_path / "study", resume=True))
    work(again)
    assert contents(again.run) == contents(study)
    assert (again.run.path / "beta-vae-1" / "checkpoint.safetensors").stat().st_mtime_ns == began


def test_a_study_does_not_go_on_with_other_settings(study, bars_file, make_plan):
    with pytest.raises(RunError, match="steps is 6 there and 7 here"):
        open_study(None, None, {"settings": {"steps": 7}}, Place(out=study.path, resume=True))
    with pytest.raises(RunError, match="need the run's own plan to resume"):
        open_study(None, make_plan(ifp.load_dataset(str(bars_file)), gamma=0.5), {}, Place(out=study.path, resume=True))


def test_runs_at_hand_give_the_rows_of_the_study(study):
    rows = study_rows(study)
    runs = [study.path / str(row["run"]) for row in rows]
    assert rows_of(runs, ("mig", "sap")) == rows
    assert rows_of([study.path], ("mig", "sap")) == rows


def test_runs_of_one_objective_are_told_apart_by_the_settings_that_differ(bars_file, tmp_path):
    ds = ifp.load_dataset(str(bars_file))
    for beta in (1.0, 8.0):
        settings = {**FEW, "parameters": {"beta": beta}}
        ifp.train(ds, out=tmp_path / f"run-{beta:g}", objective="beta-vae", **settings)
    rows = rows_of([tmp_path / "run-1", tmp_path / "run-8"], ("mig",))
    assert [row["method"] for row in rows] == ["beta-vae beta=1.0", "beta-vae beta=8.0"]


def test_a_run_that_diverges_has_a_row_that_says_so_and_the_others_go_on(given, bars_file, tmp_path, monkeypatch):
    from ifp.objectives.beta_vae import BetaVAE

    usual = BetaVAE.terms
    monkeypatch.setattr(
        BetaVAE,
        "terms",
        lambda self, codes, control: {k: v * float("nan") for k, v in usual(self, codes, control).items()},
    )
    settings = {**given, "objectives": ("beta-vae", "dip-vae-i"), "seeds": 1}
    opened = open_study(None, None, settings, Place(out=tmp_path / "study"))
    work(opened)
    failed, fine = study_rows(opened.run)
    assert failed["status"] == "diverged at step 1"
    assert failed["definitions"] == fine["definitions"]
    assert fine["status"] == "ok"
    assert opened.run.finished


def test_unlabelled_data_are_compared_by_what_they_have(bars, tmp_path):
    path = tmp_path / "bare.npz"
    np.savez(path, images=bars.images(np.arange(32)))
    run = ifp.train(ifp.load_dataset(str(path)), out=tmp_path / "run", objective="beta-vae", **FEW)
    row = comparison_row(trained_run(run), QUICK)
    assert set(row) == {"method", "seed", "run", "steps", "status", "definitions", "reconstruction", "kl"}


def test_the_report_of_a_study_shows_every_run(study, tmp_path):
    text = write_report(study, tmp_path / "report.html").read_text()
    for name in ("beta-vae-0", "beta-vae-1", "deft-0", "deft-1"):
        assert name in text
    assert "data:image/png" in text


def test_the_command_trains_compares_and_prints_the_table(given, bars_file, plan, tmp_path):
    (tmp_path / "plan.json").write_bytes(json_bytes(plan))
    words = [
        "compare", "--dataset", str(bars_file), "--objectives", "deft,beta-vae", "--seeds", "1", "--scores", "mig",
        "--set", "beta-vae.beta=2", "--steps", "6", "--batch-size", "4", "--network", "conv-8", "--threads", "1",
        "--plan", str(tmp_path / "plan.json"), "--out", str(tmp_path / "study"),
    ]  # fmt: skip
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.stderr
    assert "median over seeds (lowest..highest)" in shown.stderr
    run = open_run(tmp_path / "study" / "beta-vae-0")
    assert run.config["settings"]["parameters"] == {"beta": 2.0}
    again = CliRunner().invoke(app, ["compare", str(tmp_path / "study"), "--scores", "mig", "--json"])
    assert [row["method"] for row in json.loads(again.stdout)] == ["deft", "beta-vae"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "need objectives to compare"),
        (
            ("--objectives", "deft,deft", "--dataset", "dsprites"),
            "need objectives to compare, each once, got deft, deft",
        ),
        (("--objectives", "deft", "--dataset", "dsprites"), "need a stage plan for deft"),
        (("--objectives", "vae", "--dataset", "dsprites"), "need an objective out of"),
        (("--objectives", "beta-vae"), "need runs to compare, or a data set to train on"),
        (("--objectives", "beta-vae", "--dataset", "dsprites", "--scores", "fid"), "need scores among"),
        (("--objectives", "beta-vae", "--dataset", "dsprites", "--set", "beta=4"), "need --set OBJECTIVE.NAME=VALUE"),
        (("--objectives", "beta-vae", "--dataset", "dsprites", "--set", "deft.x=4"), "of the objectives compared, got"),
        (("somewhere", "--seeds", "3"), "need either runs to compare or settings of a study"),
        (("somewhere",), "need a run directory"),
    ],
)
def test_what_cannot_be_compared_makes_no_study(words, reason, tmp_path):
    shown = CliRunner().invoke(app, ["compare", *words, "--runs", str(tmp_path / "runs")])
    assert isinstance(shown.exception, IFPError)
    assert reason in str(shown.exception)
    assert not (tmp_path / "runs").exists()


def test_a_plan_for_other_data_is_refused_for_a_study(given, bars, make_plan, tmp_path):
    with pytest.raises(PlanError, match="need the data fingerprint that the plan is for"):
        open_study(None, make_plan(bars), given, Place(out=tmp_path / "study"))
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    "more",
    [
        {"plan": "plan.json"},
        {"out": "elsewhere"},
        {"resume": True},
        {"overwrite": True},
        {"dataset": np.zeros((4, 8, 8))},
    ],
)
def test_nothing_of_a_study_goes_with_runs_at_hand(more):
    (name,) = more
    with pytest.raises(IFPError, match=f"need either runs to compare or settings of a study, got both: {name}"):
        ifp.compare(["somewhere"], **more)
