"""A training run of a study: the same row again, gone on with, and beside the scores taken by hand."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import ifp
from analysis.diffusion import FORMAT as DIFFUSION
from analysis.scores.scores import FORMAT as SCORES
from analysis.stage_plan import StagePlan
from annealing.errors import DivergenceError
from ifp.evaluation.encoding import encoded
from ifp.run_directory.opening import Place
from ifp.training.run import open_training_run, train_run
from studies import plans, training
from studies.methods import METHODS, trainings
from studies.plans import PLANS
from studies.rows import measure_all, row_file
from studies.size import SMALL
from studies.training import BINS, LEARNING_RATE, Training

TINY = replace(SMALL, name="tested", steps={16: 24}, batch_size=16)
DATA = "sprites.npz"
CASE = Training(dataset=DATA, method="beta-vae", seed=3, objective="beta-vae", parameters=(("beta", 1.0),))

SAME = {
    "objective": "beta-vae", "parameters": {"beta": 1.0}, "seed": 3, "steps": 24, "batch_size": 16,
    "learning_rate": LEARNING_RATE, "warmup": 0, "eval_every": 24, "threads": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def sprites():
    """dSprites made small: two scales and two orientations, every 4x4 pixels as one."""
    ds = ifp.load_dataset("dsprites-tiny")
    sizes = [min(size, most) for size, most in zip(ds.factors.sizes, (3, 2, 2, 8, 8), strict=True)]
    classes = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), axis=-1).reshape(-1, len(sizes))
    images = ds.images(ds.lookup(classes))
    small = images.reshape(len(images), 16, 4, 16, 4).mean(axis=(2, 4)) / images.max()
    return {"images": small.astype(np.float32), "factors": classes, "factor_names": ds.factors.names}


@pytest.fixture(autouse=True)
def elsewhere(sprites, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(DATA, **sprites)
    monkeypatch.setattr("ifp.training.results.VALUES", (1.0,))  # pictures of a latent: drawing nine takes long
    monkeypatch.setattr(training, "RECORDS", 1)
    monkeypatch.setattr(training, "QUICK", ("mig",))  # the others have tests of their own


def row(case=CASE):
    assert list(measure_all([case], TINY)) == [case.path]
    return json.loads(row_file(case, TINY).read_text())


def test_a_row_has_the_scores_of_its_codes_and_is_the_same_where_its_run_was_stopped(monkeypatch):
    with monkeypatch.context() as kept:
        kept.setattr(Training, "clean", lambda *_: None)
        first = row()
    ds = ifp.load_dataset(DATA)
    run = ifp.open_run(CASE._out(TINY))
    codes = ifp.encode(run)
    assert first["mig"] == ifp.score(codes["codes"], codes["factors"], only=["mig"])["mig"]
    some = np.array([7, 3, 700])
    (few,) = encoded(ifp.load_model(run), ds, some)
    apart = np.abs(few.mean.numpy() - codes["codes"][some])
    assert (apart < 0.2 * codes["codes"].std(axis=0)).all()  # layers compute in bfloat16
    assert list(first["mig_by_bins"]) == list(map(str, BINS))
    assert first["mig_by_bins"]["20"] == first["mig"]
    curve = first["curve"]
    assert curve["step"] == [0, 24]
    assert curve["held"][-1] == pytest.approx(sum(each["nats"] for each in first["factors"].values()), abs=1e-4)
    assert CASE.trace_file(TINY).read_bytes() == (run.path / "trace.npz").read_bytes()
    row_file(CASE, TINY).unlink()
    out = CASE._out(TINY)
    shutil.rmtree(out)
    for step in train_run(open_training_run(DATA, None, SAME, Place(out=out))):
        if step.done > 12:
            break
    assert out.is_dir()
    assert {**row(), "seconds": 0} == {**first, "seconds": 0}
    assert not out.exists()


def test_a_row_of_an_earlier_definition_is_computed_again_from_its_trace():
    first = row()
    assert first["definitions"] == {"diffusion": DIFFUSION, "scores": SCORES}
    old = {**first, "definitions": {"diffusion": "ifp-diffusion/1", "scores": SCORES}, "diffusion": 1.4}
    assert CASE.recomputed(old, TINY) == first
    scored = {**old, "definitions": {"diffusion": "ifp-diffusion/1", "scores": "ifp-scores/0"}}
    assert CASE.recomputed(scored, TINY)["definitions"]["scores"] == "ifp-scores/0"  # these were not taken again


def test_a_correlated_row_is_scored_on_independent_factors(monkeypatch):
    monkeypatch.setattr(Training, "clean", lambda *_: None)
    case = replace(CASE, correlate="posX:posY:0.1")
    assert case.path == f"{DATA}-posX-posY-0.1/beta-vae-3"
    found = row(case)
    run = ifp.open_run(case._out(TINY))
    plain = ifp.load_dataset(DATA)
    every = training._codes(run, plain)
    np.testing.assert_array_equal(every.factors, plain.factors_at(np.arange(len(plain))))
    assert found["mig"] == ifp.score(every.codes, every.factors, only=["mig"])["mig"]
    assert found["mig"] != ifp.score(run, only=["mig"])["mig"]  # of the images as they occur


def test_every_method_has_a_plan_that_there_is_and_seeds_come_first():
    assert {method.get("plan", "") for method in METHODS.values()} <= {"", *PLANS}
    listed = [(each.method, each.seed) for each in trainings("dsprites-32", ("deft", "beta-vae"), SMALL)]
    assert listed[:4] == [("deft", 0), ("beta-vae", 0), ("deft", 1), ("beta-vae", 1)]


def test_a_plan_is_made_once(monkeypatch):
    ds = ifp.load_dataset("dsprites-tiny")
    made = plans.plan_of("spectrum", ds)
    assert isinstance(made, StagePlan)
    monkeypatch.setitem(PLANS, "spectrum", None)
    assert plans.plan_of("spectrum", ds) == made
    with pytest.raises(ifp.PlanError, match=r"need one of dsprites, .* for published pressures, got dsprites-tiny"):
        plans.plan_of("published", ds)


def test_a_run_that_diverges_has_a_row_that_says_so(monkeypatch):
    def diverging(*_, **__):
        raise DivergenceError("gone", 12)

    monkeypatch.setattr(ifp, "train", diverging)
    assert CASE.measure(TINY, "cpu") == {
        "dataset": DATA, "method": "beta-vae", "seed": 3, "status": "diverged at step 12",
        "definitions": {"diffusion": DIFFUSION, "scores": SCORES},
    }  # fmt: skip
