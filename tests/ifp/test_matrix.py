"""The matrix and the notes of a run's and a file's codes: what is told, kept, and taken from what is kept."""

import json
import shutil

import numpy as np
import pytest

import ifp
from analysis.plain_json import json_bytes
from analysis.scores.codes import LabelledCodes
from analysis.scores.matrix import InformationMatrix, information_matrix
from analysis.scores.protocol import SampleSizes
from annealing.errors import IFPError
from ifp.evaluation.codes import codes_of_run
from ifp.evaluation.scoring import score_run
from ifp.run_directory.run import open_run

pytestmark = pytest.mark.usefixtures("_one_thread")

SMALL = SampleSizes(train=2000, test=1000)


@pytest.fixture(scope="module")
def trained(bars_file, tmp_path_factory):
    settings = {"objective": "beta-vae", "latents": 2, "batch_size": 8, "threads": 1, "network": "conv-8", "steps": 3}
    return ifp.train(bars_file, out=tmp_path_factory.mktemp("runs") / "run", **settings)


@pytest.fixture
def run(trained, tmp_path):
    return open_run(shutil.copytree(trained.path, tmp_path / "run"))


@pytest.fixture(scope="module")
def arrays():
    factors = np.random.default_rng(0).integers(0, [3, 5], (8000, 2))
    codes = np.hstack([factors[:, ::-1], np.random.default_rng(1).standard_normal((8000, 1))])
    return {"codes": codes, "factors": factors}


@pytest.fixture
def write(tmp_path, arrays):
    def written(**more):
        np.savez(tmp_path / "codes.npz", **arrays | more)
        return tmp_path / "codes.npz"

    return written


def measured(monkeypatch):
    """What is encoded from here on, a line each."""
    calls, whole = [], ifp.evaluation.scoring.codes_of_run
    monkeypatch.setattr("ifp.evaluation.scoring.codes_of_run", lambda *given: calls.append(given) or whole(*given))
    return calls


def plain(record):
    """As JSON has it."""
    return json.loads(json_bytes(record))


def test_scores_of_arrays_have_the_matrix_beside_them(arrays):
    scores = ifp.score(**arrays, only=["mig"], sizes=SMALL)
    assert scores.matrix == information_matrix(LabelledCodes(**arrays), sizes=SMALL)
    assert scores.matrix.owners == (1, 0)
    assert float(np.mean(scores.matrix.gaps)) == scores["mig"]
    assert plain(scores.record)["matrix"] == scores.record["matrix"]


def test_a_record_without_a_matrix_has_none():
    assert type(ifp.score(np.eye(2), np.array([0, 1]), only=["irs"]))(irs=1.0).matrix is None


def test_notes_are_those_of_the_scores_that_were_asked_for(arrays):
    said = "z2 moves and tells of no factor beyond chance"
    assert [line[: len(said)] for line in ifp.score(**arrays, only=["modularity"]).record["notes"]] == [said]
    asked = ifp.score(**arrays, only=["mig"]).record
    assert "notes" not in asked
    assert [each["text"][: len(said)] for each in asked["misleading"]] == [said]


def test_what_log_variances_say_of_a_latent_is_not_said_twice(arrays):
    logvar = np.tile([-3.0, -3.0, 0.0], (8000, 1))
    quiet = arrays["codes"] * [1.0, 1.0, 1e-4]
    notes = ifp.score(quiet, arrays["factors"], logvar=logvar, only=["modularity", "infom"]).record["notes"]
    assert notes == ["1 of 3 latents carry no information (KL below 0.01): z2"]


def test_names_of_a_file_are_those_it_has(write):
    assert ifp.score(write(), only=["mig"]).matrix.factors == ("factor0", "factor1")
    assert ifp.score(write(factor_names=["shape", "hue"]), only=["mig"]).matrix.factors == ("shape", "hue")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["shape"], r"need factor_names of shape \(2,\) as text"),
        ([1, 2], r"need factor_names of shape \(2,\) as text"),
        (["shape", "shape"], "need different, printable factor_names"),
        (["shape", "\x1b[2J"], "need different, printable factor_names"),
    ],
)
def test_names_that_are_none_are_refused_before_anything_is_scored(write, names, message, monkeypatch):
    monkeypatch.setattr("ifp.api.score.score_codes", lambda *given, **named: pytest.fail("scored"))
    with pytest.raises(IFPError, match=message):
        ifp.score(write(factor_names=names))


def test_the_command_prints_a_row_per_latent_and_a_row_per_factor(write, told):
    path = write(factor_names=["shape", "hue"])
    code, error, out = told("score", path, "--only", "mig", "--matrix")
    assert (code, out) == (0, "")
    rows = [line.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split() for line in error.splitlines()]
    found = ifp.score(path, only=["mig"]).matrix
    by_first = {row[0]: row for row in rows if row}
    assert by_first["z0"][1:4] == [*(f"{nats:.4g}" for nats in found.nats[0]), "hue"]
    assert by_first["z2"][3] == "-"
    assert by_first["shape"][1:3] == [f"{found.entropies[0]:.4g}", "z1"]
    assert by_first["hue"][2] == "z0"
    assert "z0" not in told("score", path, "--only", "mig")[1]
    assert json.loads(told("score", path, "--only", "mig", "--json")[2])["matrix"] == plain(found.to_record())


def test_a_run_keeps_its_matrix_with_the_names_of_its_data_set(run, bars, monkeypatch):
    codes = codes_of_run(run)
    calls = measured(monkeypatch)
    first = ifp.score(run, only=["mig"], save=True)
    assert first.matrix == information_matrix(codes, names=bars.factors.names)
    again = ifp.score(run, only=["mig"], matrix=True)
    assert len(calls) == 1
    assert again.matrix == first.matrix
    assert again.record["notes"] == first.record["notes"]


def test_scores_of_before_are_measured_once_more_for_the_matrix_alone(run, monkeypatch):
    kept = score_run(run, only=("mig",), save=True)
    path = run.path / "scores.json"
    old = {name: each for name, each in json.loads(path.read_text()).items() if name not in ("matrix", "misleading")}
    path.write_bytes(json_bytes(old))
    calls = measured(monkeypatch)
    assert "matrix" not in score_run(run, only=("mig",), save=True)
    assert calls == []
    assert plain(score_run(run, only=("mig",), save=True, matrix=True)) == plain(kept)
    assert len(calls) == 1
    assert plain(score_run(run, only=("mig",), matrix=True)) == plain(kept)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"matrix": {"nats": 3}},
        {"matrix": "huge"},
        {"latents": 1},
        {"misleading": [{"scores": ["mig"]}]},
        {"misleading": "\x1b[2J"},
        {"misleading": None},
    ],
    ids=json.dumps,
)
def test_a_stranger_s_matrix_is_taken_only_if_it_may_be_one(run, changed, monkeypatch):
    kept = score_run(run, only=("mig",), save=True)
    path = run.path / "scores.json"
    if "latents" in changed:
        short = {name: kept["matrix"][name][:1] for name in ("nats", "chance")}
        changed = {"matrix": {**kept["matrix"], **short}}
        InformationMatrix.of_record(changed["matrix"])  # one, but of another model
    path.write_bytes(json_bytes({**json.loads(path.read_text()), **changed}))
    calls = measured(monkeypatch)
    assert "matrix" not in score_run(run, only=("mig",))
    assert calls == []
    assert plain(score_run(run, only=("mig",), matrix=True)) == plain(kept)
