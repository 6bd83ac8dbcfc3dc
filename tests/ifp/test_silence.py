"""Silence is said: which latents carry no information, at which pressure, and where the first freezes."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import ifp
from ifp.cli import app
from ifp.objectives import objective_named
from ifp.training.silence import FirstFreezing, Silence, found_silence, trained_silence
from ifp.training.trained import trained_run

pytestmark = pytest.mark.usefixtures("_one_thread")

SHORT = {"objective": "beta-vae", "latents": 2, "eval_every": 10, "batch_size": 16, "threads": 1, "network": "conv-8"}
LOUD = {"parameters": {"beta": 1e4}, "learning_rate": 1e-2, "steps": 60}


def leading(images, likelihood):
    """The largest eigenvalue of the covariance over the decoder's variance, from all pixels by numpy."""
    flat = images.reshape(len(images), -1).astype(float)
    mean = flat.mean(axis=0)
    variance = mean * (1 - mean) if likelihood == "bernoulli" else np.ones_like(mean)
    courses = (flat - mean)[:, variance > 0] / np.sqrt(variance[variance > 0])
    return np.linalg.svd(courses, compute_uv=False)[0] ** 2 / len(flat)


@pytest.fixture(scope="module", params=["bernoulli", "gaussian"])
def silent(request, bars_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / request.param
    return ifp.train(bars_file, out=out, likelihood=request.param, **LOUD, **SHORT)


def test_a_run_above_its_first_freezing_point_says_where_it_lies(silent, bars):
    likelihood = silent.config["settings"]["likelihood"]
    found = silent.silence()
    assert (found.latents, found.silent, found.pressure, found.first.images) == (2, (0, 1), 1e4, 32)
    assert found.first.pressure == pytest.approx(leading(bars.images(np.arange(32)), likelihood), rel=1e-4)
    assert (silent.to_frame().iloc[-1][["kl_0", "kl_1"]] < 0.01).all()
    line = (
        f"no latent carries information at beta 1e+04 nats (KL below 0.01): the first freezes at "
        f"{found.first.pressure:.4g} by the closed form of 32 images; lower beta"
    )
    assert str(found) == line
    assert json.loads((silent.path / "scores.json").read_text())["notes"] == [line]
    assert ifp.diagnose(silent).notes == (line,)
    assert str(ifp.encode(silent).silence) == line
    scores = ifp.score(silent, only=["mig"])
    assert (list(scores), scores.record["notes"]) == (["mig"], [line])


@pytest.mark.parametrize("words", [("score", "--only", "mig"), ("diagnose",), ("encode", "--out", "codes.npz")])
def test_commands_say_it_in_one_line_on_stderr(words, silent, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, [words[0], str(silent.path), *words[1:]])
    assert shown.exit_code == 0, shown.stderr
    assert shown.stderr.splitlines().count(f"note: {silent.silence()}") == 1
    assert "carries information" not in shown.stdout


def test_train_says_it_too(bars_file, tmp_path):
    words = (
        "--objective",
        "beta-vae",
        "--set",
        "beta=10000",
        "--latents",
        "2",
        "--network",
        "conv-8",
        "--threads",
        "1",
    )
    given = ("--steps", "60", "--learning-rate", "0.01", "--eval-every", "30", "--out", str(tmp_path / "run"))
    shown = CliRunner().invoke(app, ["train", "--dataset", str(bars_file), *words, *given])
    assert shown.stderr.count("note: no latent carries information at beta 1e+04 nats") == 1


def test_nothing_is_said_or_computed_where_latents_carry_information():
    def first():
        raise AssertionError("asked")

    assert found_silence(np.array([0.01, 2.0]), 3.0, first) is None
    some = found_silence(np.array([0.5, 0.009, 0.0]), 3.0, first)
    assert some == Silence(3, (1, 2), 3.0)
    assert str(some) == "2 of 3 latents carry no information at beta 3 nats (KL below 0.01): z1, z2"


def test_a_pressure_below_the_first_freezing_point_is_not_to_be_lowered():
    found = str(Silence(2, (0, 1), 1.0, FirstFreezing(180.34, 24)))
    near = str(Silence(2, (0, 1), 170.0, FirstFreezing(180.34, 24)))  # the point of some images is off by percents
    assert near.endswith("the first freezes at 180.3 by the closed form of 24 images; lower beta")
    assert found.endswith("though the first freezes at 180.3 by the closed form of 24 images: train longer, or with a "
                          "higher learning rate")  # fmt: skip


def test_without_the_data_the_pressure_alone_is_told(bars, tmp_path):
    run = ifp.train(bars, out=tmp_path / "run", **LOUD, **SHORT)  # data in memory, which no later call can open
    found = trained_silence(trained_run(run))
    assert (found.first, found.silent) == (None, (0, 1))
    assert str(found).endswith(
        ": lower beta if beta is above the first freezing point, which `ifp spectrum` prints, else train longer"
    )


@pytest.mark.parametrize(
    ("objective", "parameters", "way_on"),
    [
        ("annealed-vae", {"c_max": 0.0, "gamma": 1e4}, "raise c_max"),
        ("annealed-beta", {"start": 1e4, "end": 1e4}, "lower its end"),
        ("control-vae", {"beta_min": 1e4}, "raise its target, or lower its beta_min"),
        ("cascade-vae-c", {"low": 1e4, "high": 1e4}, "lower its low"),
    ],
)
def test_where_no_beta_is_set_what_is_set_in_its_place_is_told(objective, parameters, way_on, bars_file, tmp_path):
    given = {**SHORT, **LOUD, "objective": objective, "parameters": parameters}
    run = ifp.train(bars_file, out=tmp_path / "run", **given)
    line = str(run.silence())
    assert line.startswith("no latent carries information at beta 1e+04 nats")
    assert line.endswith(f"by the closed form of 32 images; {way_on}")
    assert json.loads((run.path / "scores.json").read_text())["notes"] == [line]


def test_a_weight_of_the_total_correlation_is_not_to_be_lowered():
    assert [objective_named(name).louder for name in ("beta-tcvae", "factor-vae", "dip-vae-i", "deft", "beta-vae")] == [
        *["take beta-vae with a lower beta"] * 3, "plan with a lower final pressure", "lower beta"
    ]  # fmt: skip


def test_codes_from_elsewhere_are_marked_by_their_log_variances():
    rng = np.random.default_rng(0)
    factors = np.tile(np.arange(4), 50)[:, None]
    codes, logvar = 0.01 * rng.standard_normal((200, 2)), np.zeros((200, 2))
    noted = ifp.score(codes, factors, logvar=logvar, only=["mig"])
    assert noted.record["notes"] == [
        "no latent carries information (KL below 0.01): nothing can be told from such codes"
    ]
    for other in (logvar.astype(">f8"), logvar.astype(np.longdouble), np.broadcast_to(0.0, logvar.shape)):
        read = ifp.score(codes.astype(other.dtype), factors, logvar=other, only=["mig"])  # as other machines write them
        assert read.record["notes"] == noted.record["notes"]
    assert "notes" not in ifp.score(codes, factors, only=["mig"]).record
    assert "notes" not in ifp.score(codes + 1, factors, logvar=logvar, only=["mig"]).record
