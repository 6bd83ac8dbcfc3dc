"""Scores of a trained run and of files of codes: what is encoded, what is written, what is refused."""

import hashlib
import importlib.metadata
import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
import sklearn
import torch
from safetensors.torch import load_file, save
from typer.testing import CliRunner

import ifp
from analysis.kl_decomposition import decompose_kl
from analysis.plain_json import json_bytes
from analysis.scores.all_scores import SCORES, VARIANTS, of_samples_alone
from analysis.scores.protocol import STUDY, SampleSizes, sampled_rows
from analysis.scores.scores import BESIDE, Scores
from analysis.stage_plan import FORMAT, Stage, StagePlan
from annealing.errors import IFPError
from ifp.cli import app
from ifp.datasets import DataWarning
from ifp.datasets.dataset import to_float
from ifp.evaluation.codes import codes_of_file, codes_of_run
from ifp.evaluation.scoring import score_codes, score_run
from ifp.files.npz import npz_bytes
from ifp.files.plain import load_json
from ifp.machine.threads import use_threads
from ifp.run_directory.run import open_run
from ifp.run_directory.verify import verify

pytestmark = pytest.mark.usefixtures("_one_thread")

CHEAP = ("mig", "modularity")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a few steps on a small lattice of dSprites."""
    ds = ifp.load_dataset("dsprites-tiny")
    stage = Stage(1.0, ("all",), (0, 1, 2), 1.0, {}, None)
    plan = StagePlan(FORMAT, ds.name, ds.fingerprint, ds.image_shape, "bernoulli", 3, 0.1, (stage,), None, [])
    out = tmp_path_factory.mktemp("runs") / "run"
    return ifp.train(ds, plan=plan, out=out, threads=1, steps=3, batch_size=8, probe=32, network="conv-8")


@pytest.fixture(scope="module")
def codes(run):
    return codes_of_run(run)


def test_every_image_is_encoded_in_the_data_set_s_order(run, codes):
    ds = ifp.load_dataset("dsprites-tiny")
    index = np.array([0, 1, 777, 2048, len(ds) - 1])
    with torch.no_grad():
        images = torch.from_numpy(to_float(ds.images(index))).permute(0, 3, 1, 2)
        mean, logvar = ifp.load_model(run).encode(images)
    np.testing.assert_allclose(codes.codes[index], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(codes.logvar[index], logvar, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(codes.factors, ds.factors_at(np.arange(len(ds))))
    assert codes.protocol == "gdl"


def test_scores_of_a_run_are_those_of_its_codes_and_kept_with_what_they_were_measured_with(run, codes):
    found = score_run(run, only=CHEAP, save=True)
    expected = ifp.score(codes.codes, codes.factors, only=CHEAP)
    assert {name: found[name] for name in CHEAP} == expected
    more = score_run(run.path, only=("irs",), save=True)
    kept = json.loads((run.path / "scores.json").read_text())
    assert (kept.pop("scored"), kept.pop("checkpoint")) == (["mig", "modularity", "irs"], checkpoint_of(run))
    beside = {kind: {**found[kind], **more[kind]} for kind in BESIDE}
    assert {kind: set(entries) for kind, entries in beside.items()} == {
        "intervals": set(CHEAP), "exact": {*CHEAP, "irs"}, "seen": {*CHEAP, "irs"}, "spreads": set(),
    }  # fmt: skip
    assert kept == {**found, **more, **beside}
    assert (kept["protocol"], kept["samples"], kept["seed"]) == ("gdl", {"train": 10000, "test": 5000, "group": 64}, 0)
    score_run(run, only=("mig",), seed=1, save=True)  # other samples: what was measured before is no longer beside it
    assert set(CHEAP) - set(json.loads((run.path / "scores.json").read_text())) == {"modularity"}


def checkpoint_of(run):
    return hashlib.sha256((run.path / "checkpoint.safetensors").read_bytes()).hexdigest()


def test_a_run_is_scored_by_as_many_threads_as_it_was_trained_by(run, monkeypatch):
    def scored(*codes, **settings):
        raise RuntimeError(f"{torch.get_num_threads()} threads")

    monkeypatch.setattr("ifp.evaluation.scoring.score_codes", scored)
    with use_threads(3):
        with pytest.raises(RuntimeError, match="1 threads"):
            score_run(run.path, only=["mig"], seed=5)
        assert torch.get_num_threads() == 3


def shaken(path, seed):
    """A checkpoint with other weights and no latent closed: all tell of the images."""
    noise = torch.Generator().manual_seed(seed)
    tensors = load_file(path)
    weights = {name: each + 0.1 * torch.randn(each.shape, generator=noise) for name, each in tensors.items()}
    return save({**weights, "closed": torch.zeros_like(tensors["closed"])})


@pytest.fixture
def copied(run, tmp_path):
    found = open_run(shutil.copytree(run.path, tmp_path / "run"))
    found.write("checkpoint.safetensors", shaken(found.path / "checkpoint.safetensors", 0))
    return found


def encoding(monkeypatch):
    """Images that are encoded from here on, call by call."""
    calls, whole = [], ifp.evaluation.encoding.encoded

    def counted(model, dataset, index=None):
        calls.append(len(dataset) if index is None else len(index))
        return whole(model, dataset, index)

    monkeypatch.setattr("ifp.evaluation.encoding.encoded", counted)
    return calls


def test_what_was_measured_is_not_measured_again_and_codes_are_kept(copied, monkeypatch):
    codes = codes_of_run(copied)
    assert np.ptp(codes.codes, axis=0).min() > 0
    calls = encoding(monkeypatch)
    first = score_run(copied, only=("factor_vae", "mig"), save=True)
    assert calls == [len(codes.codes)]
    kept = np.load(copied.path / "posteriors.npz", allow_pickle=False)
    np.testing.assert_array_equal(kept["codes"], codes.codes)
    np.testing.assert_array_equal(kept["logvar"], codes.logvar)
    more = score_run(copied, only=("beta_vae",), save=True)
    again = ifp.encode(copied)
    assert calls == [len(codes.codes)]
    np.testing.assert_array_equal(again["codes"], codes.codes)
    np.testing.assert_array_equal(again["factors"], codes.factors)
    monkeypatch.setattr("ifp.evaluation.scoring.score_codes", lambda *given, **named: pytest.fail("measured again"))
    assert score_run(copied, only=("factor_vae", "mig"), save=True) == first
    assert score_run(copied, only=("beta_vae",)) == more
    assert verify(copied).faults == ()


def test_codes_of_another_checkpoint_and_damaged_ones_are_not_taken(copied, monkeypatch):
    codes = codes_of_run(copied)
    assert np.ptp(codes.codes, axis=0).min() > 0
    score_run(copied, only=("factor_vae",), save=True)
    calls = encoding(monkeypatch)
    path = copied.path / "posteriors.npz"
    held = dict(np.load(path, allow_pickle=False))
    others = [
        {**held, "checkpoint": np.array(["0" * 64])},
        {**held, "codes": held["codes"][1:], "logvar": held["logvar"][1:]},
        {**held, "codes": held["codes"][:, :2], "logvar": held["logvar"][:, :2]},
        {**held, "logvar": np.full_like(held["logvar"], np.nan)},
        {"codes": held["codes"]},
    ]
    for content in (*map(npz_bytes, others), path.read_bytes()[:1000]):
        path.write_bytes(content)
        np.testing.assert_array_equal(ifp.encode(copied)["codes"], codes.codes)
    assert calls == [len(codes.codes)] * 6
    checkpoint = copied.path / "checkpoint.safetensors"
    checkpoint.write_bytes(shaken(checkpoint, 1))
    assert not np.array_equal(ifp.encode(copied)["codes"], codes.codes)
    score_run(copied, only=("factor_vae",))
    assert len(calls) == 8


def test_what_a_stranger_s_file_says_was_measured_is_measured_unless_it_may_have_been(copied, monkeypatch):
    score_run(copied, only=("mig", "modularity"), save=True)
    kept = json.loads((copied.path / "scores.json").read_text())
    calls = encoding(monkeypatch)
    for changed, fresh in (
        ({"scored": [["mig"], 3, "mig", "modularity"]}, 0),
        ({"scored": "mig"}, 1),
        ({"mig": "huge"}, 1),
        ({"mig": None}, 1),
        ({"protocol": ["gdl"]}, 1),
        ({"checkpoint": "0" * 64}, 1),
        ({"numpy": "1.0"}, 1),
    ):
        (copied.path / "scores.json").write_bytes(json_bytes({**kept, **changed}))
        calls.clear()
        found = score_run(copied, only=("mig", "modularity"))
        assert (len(calls), found["mig"], found["modularity"]) == (fresh, kept["mig"], kept["modularity"]), changed


def test_scores_are_measured_anew_where_that_is_asked_for(copied, monkeypatch):
    first = score_run(copied, only=("mig",), save=True)
    calls = encoding(monkeypatch)
    assert score_run(copied, only=("mig",), anew=True) == first
    assert len(calls) == 1


def measured(monkeypatch):
    """Names of the scores that are measured from here on, call by call."""
    calls, whole = [], ifp.evaluation.scoring.score_codes

    def counted(data, **settings):
        calls.append(tuple(settings["only"]))
        return whole(data, **settings)

    monkeypatch.setattr("ifp.evaluation.scoring.score_codes", counted)
    return calls


def test_scores_kept_before_there_were_exact_ones_are_measured_once_more_and_then_kept(copied, monkeypatch):
    first = score_run(copied, only=CHEAP, save=True)
    path = copied.path / "scores.json"
    earlier = {name: value for name, value in json.loads(path.read_text()).items() if name not in BESIDE}
    path.write_bytes(json_bytes(earlier))
    calls = measured(monkeypatch)
    found = score_run(copied, only=CHEAP, save=True)
    assert found == first
    assert set(found["exact"]) == set(found["intervals"]) == set(CHEAP)
    assert score_run(copied, only=CHEAP, save=True) == score_run(copied, only=CHEAP) == first
    assert calls == [CHEAP]
    assert json.loads(path.read_text())["exact"] == first["exact"]


def test_without_ceilings_none_is_measured_and_what_was_kept_of_them_stays(copied, monkeypatch):
    with_mig = score_run(copied, only=("mig",), save=True)
    calls = measured(monkeypatch)
    without = score_run(copied, only=CHEAP, save=True, ceilings=False)
    assert calls == [("modularity",)]
    assert without["exact"] == with_mig["exact"]
    kept = json.loads((copied.path / "scores.json").read_text())
    assert (kept["exact"], set(kept["intervals"])) == (with_mig["exact"], set(CHEAP))
    found = score_run(copied, only=CHEAP, save=True)
    assert calls == [("modularity",), ("modularity",)]
    assert (found["exact"]["mig"], set(found["exact"])) == (with_mig["exact"]["mig"], set(CHEAP))


def test_a_spread_has_five_values_of_scores_without_an_interval_alone(copied, monkeypatch):
    codes, names = codes_of_run(copied), ("mig", "irs")
    found = score_run(copied, only=names, save=True, spread=True)
    assert set(found["spreads"]) == {"irs"}
    own = [ifp.score(codes.codes, codes.factors, only=["irs"], seed=seed)["irs"] for seed in range(5)]
    assert found["spreads"]["irs"] == own
    assert found["irs"] == own[0]
    calls = measured(monkeypatch)
    assert score_run(copied, only=names, spread=True) == score_run(copied, only=names) == found
    assert calls == []


@pytest.mark.parametrize("kind", ["intervals", "exact"])
def test_what_a_stranger_s_file_has_beside_scores_is_taken_only_if_it_may_be_so(kind, copied):
    score_run(copied, only=CHEAP, save=True)
    kept = json.loads((copied.path / "scores.json").read_text())
    hostile = (
        None, 3, "mig", [["mig", 0.5]], {"mig": "1"}, {"mig": None}, {"mig": {"low": 0.1}}, {"mig": [[0.1], 0.2]},
        {"mig": True}, {"migg": 0.5}, {"mig": [0.1]}, {"mig": []}, {"mig": [0.1, 0.2, 0.3]},
    )  # fmt: skip
    for entries in hostile:
        (copied.path / "scores.json").write_bytes(json_bytes({**kept, kind: entries}))
        found = score_run(copied, only=CHEAP, ceilings=False)  # what is not taken is not measured again
        assert found[kind] == {}, entries
        assert found["mig"] == kept["mig"]
        shown = ifp.score(copied, only=CHEAP, ceilings=False)
        assert repr(shown).splitlines()[2].split()[:2] == ["mig", f"{kept['mig']:.4g}"]


def test_a_new_version_of_a_library_does_not_inherit_scores(copied, monkeypatch):
    score_run(copied, only=("mig", "modularity"), save=True)
    whole = importlib.metadata.version
    monkeypatch.setattr("importlib.metadata.version", lambda name: "99" if name == "numpy" else whole(name))
    score_run(copied, only=("mig",), save=True)
    assert json.loads((copied.path / "scores.json").read_text())["scored"] == ["mig"]


def test_no_score_is_refused(run):
    with pytest.raises(IFPError, match="need the name of a score or more, got none"):
        score_run(run, only=())
    with pytest.raises(IFPError, match="need the name of a score or more, got none"):
        ifp.score(np.eye(4), np.arange(4), only=[])


def test_the_name_of_a_score_alone_is_no_list_of_names():
    with pytest.raises(IFPError, match=r"need names of scores in a list, got the text 'mig': only=\['mig'\]"):
        ifp.score(np.eye(4), np.arange(4), only="mig")


SAMPLED = [name for name in (*SCORES, *VARIANTS) if of_samples_alone([name])]


def test_scores_of_samples_look_at_no_other_rows(copied):
    codes, sizes = codes_of_run(copied), SampleSizes(train=1000, test=500)
    rows = sampled_rows(codes.factors, 0, sizes)
    assert len(rows) < len(codes.codes)
    hidden = [np.full_like(array, 1e6) for array in (codes.codes, codes.logvar)]
    for array, own in zip(hidden, (codes.codes, codes.logvar), strict=True):
        array[rows] = own[rows]
    names = [name for name in SAMPLED if not name.startswith(("dci_", "dci-es_e"))]  # these take minutes
    assert set(SCORES) - set(SAMPLED) == {"factor_vae", "beta_vae"}
    given = {"only": names, "sizes": sizes, "ceilings": False}
    expected = ifp.score(codes.codes, codes.factors, logvar=codes.logvar, **given)
    assert ifp.score(hidden[0], codes.factors, logvar=hidden[1], **given) == expected


def test_only_what_is_sampled_is_encoded_where_no_more_is_looked_at(copied, monkeypatch):
    codes = codes_of_run(copied)
    assert np.ptp(codes.codes, axis=0).min() > 0
    calls = encoding(monkeypatch)
    found = score_run(copied, only=("mig", "sap"), seed=3, save=True)
    assert calls == [len(sampled_rows(codes.factors, 3, STUDY))]
    assert not (copied.path / "posteriors.npz").exists()
    expected = ifp.score(codes.codes, codes.factors, only=("mig", "sap"), seed=3)
    assert {name: found[name] for name in expected} == expected


def test_the_kl_is_taken_apart_where_no_score_is_named(write, monkeypatch):
    monkeypatch.setattr("ifp.evaluation.scoring.measured", lambda *arguments, **named: Scores(mig=0.5))
    rng = np.random.default_rng(1)
    path = write(codes=rng.standard_normal((60, 3)), logvar=rng.uniform(-3, 0, (60, 3)))
    found = score_codes(codes_of_file(path))
    data = codes_of_file(path)
    assert found["kl_decomposition"] == asdict(decompose_kl(data.codes, data.logvar, samples=512))
    assert "kl_decomposition" not in score_codes(codes_of_file(path), only=("mig",))
    shown = CliRunner().invoke(app, ["score", str(path)])
    assert "total correlation" in shown.stderr


def test_encode_writes_what_score_reads(run, codes, tmp_path):
    path = tmp_path / "codes.npz"
    ended = CliRunner().invoke(app, ["encode", str(run.path), "--out", str(path)])
    assert (ended.exit_code, ended.stdout.strip()) == (0, str(path))
    found = codes_of_file(path)
    np.testing.assert_array_equal(found.codes, codes.codes)
    np.testing.assert_array_equal(found.logvar, codes.logvar)
    np.testing.assert_array_equal(found.factors, codes.factors)
    assert np.load(path, allow_pickle=False)["factor_names"].tolist() == [
        "shape", "scale", "orientation", "posX", "posY",
    ]  # fmt: skip
    before = path.read_bytes()
    again = CliRunner().invoke(app, ["encode", str(run.path), "--out", str(path)])
    assert "need a new file for the codes" in str(again.exception)
    assert path.read_bytes() == before
    astray = CliRunner().invoke(app, ["encode", str(run.path), "--out", str(tmp_path / "codes.txt")])
    assert "need a file ending in .npz" in str(astray.exception)


@pytest.fixture
def write(tmp_path):
    def written(**changed):
        rng = np.random.default_rng(0)
        arrays = {"codes": rng.standard_normal((60, 3)), "factors": rng.integers(0, 3, (60, 2))}
        np.savez(tmp_path / "codes.npz", **arrays | changed)
        return tmp_path / "codes.npz"

    return written


def test_codes_in_a_file_are_scored_as_arrays(write):
    path = write()
    shown = CliRunner().invoke(app, ["score", str(path), "--only", "mig,modularity", "--json"])
    found, data = json.loads(shown.stdout), codes_of_file(path)
    assert {name: found[name] for name in CHEAP} == ifp.score(data.codes, data.factors, only=CHEAP)
    assert found["protocol"] == "rows"
    assert [each.name for each in path.parent.iterdir()] == ["codes.npz"]


def test_a_file_s_table_has_a_row_per_score(write):
    shown = CliRunner().invoke(app, ["score", str(write(logvar=np.zeros((60, 3)))), "--only", "mig,mig_chen"])
    rows = [line.split()[1] for line in shown.stderr.splitlines() if line.startswith("\N{BOX DRAWINGS LIGHT VERTICAL}")]
    assert rows == ["mig", "mig_chen"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"codes": np.full((60, 3), "a")}, "need codes of numbers in .*codes.npz, got <U1"),
        ({"logvar": np.zeros((60, 3), int)}, "need logvar of floats in .*codes.npz, got int64"),
        ({"codes": np.full((60, 3), np.nan)}, "need finite codes"),
        ({"codes": np.array([[object()]])}, "never unpickled"),
        ({"factors": np.zeros((59, 2), int)}, "need codes .rows, latents. and factors"),
        ({"factors": np.full((60, 2), np.inf)}, "need finite labels in factors"),
        ({"factors": np.full((60, 2), 1j)}, "need numbers or text in factors"),
        ({"factors": np.random.default_rng(1).random((60, 2))}, "need classes in factors .*: --bins N cuts"),
        ({"factors": np.zeros((60, 2), int)}, "need at least one factor that varies"),
        ({"logvar": np.zeros((60, 2))}, "need logvar of the shape of the codes"),
    ],
)
def test_files_that_hold_no_codes_are_refused(write, changed, message):
    with pytest.raises(IFPError, match=message):
        codes_of_file(write(**changed))


LEVELS = {
    "signs and gaps": np.array([-7, 0, 900]),
    "floats": np.array([0.1, 0.3, 0.7]),
    "text": np.array(["blue", "green", "red"]),
    "true and false": np.array([False, True, True]),
}


@pytest.mark.parametrize("kind", LEVELS)
def test_labels_of_any_kind_are_scored_as_their_classes(kind, write):
    path = write()
    with np.load(path) as held:
        codes, classes = held["codes"], held["factors"]
    labels = LEVELS[kind][classes]
    expected = ifp.score(codes, classes.clip(max=1) if kind == "true and false" else classes, only=CHEAP)
    assert ifp.score(codes, labels, only=CHEAP) == expected
    assert ifp.score(codes, labels.tolist(), only=CHEAP) == expected
    assert ifp.score(write(factors=np.asfortranarray(labels)), only=CHEAP) == expected


def test_rows_without_a_label_are_left_out_of_scores_and_counted(write, told):
    path = write()
    with np.load(path) as held:
        codes, classes = held["codes"], held["factors"]
    expected = ifp.score(codes[5:], classes[5:], only=CHEAP)
    marked = np.vstack([np.full((5, 2), -1), classes[5:]])
    left_out = "and 5 rows with no label of a factor that varies are left out"
    with pytest.warns(DataWarning, match=f"^labels are missing, .* 55 of factor0, 55 of factor1: .*{left_out}$"):
        assert ifp.score(codes, np.where(marked < 0, np.nan, marked), only=CHEAP) == expected
    with pytest.warns(DataWarning, match="^labels are missing, of 60 rows there are 55 of factor0"):
        found = ifp.score(codes, marked, logvar=np.zeros((60, 3)), missing=-1, only=CHEAP)
    assert found == expected
    code, error, out = told("score", write(factors=marked), "--missing", "-1", "--only", ",".join(CHEAP), "--json")
    assert code == 0
    assert left_out in error
    assert {name: json.loads(out)[name] for name in CHEAP} == expected


def test_a_continuous_factor_is_scored_in_its_bins(write):
    path = write(factors=np.random.default_rng(1).random((60, 2)))
    with np.load(path) as held:
        codes, factors = held["codes"], held["factors"]
    classes = np.stack([np.digitize(each, np.histogram(each, 4)[1][1:-1]) for each in factors.T], axis=1)
    assert ifp.score(path, bins=4, only=CHEAP) == ifp.score(codes, classes, only=CHEAP)


def test_bins_and_missing_are_of_codes_not_of_a_run(run):
    with pytest.raises(IFPError, match="need codes and factors for bins and missing, a run has the classes of its"):
        ifp.score(run, bins=4)


def test_a_file_that_is_not_there_or_lacks_an_array_is_named(tmp_path):
    with pytest.raises(IFPError, match=r"there is no file .*none\.npz"):
        codes_of_file(tmp_path / "none.npz")
    np.savez(tmp_path / "half.npz", codes=np.zeros((3, 2)))
    with pytest.raises(IFPError, match=r"need an array factors in .*half\.npz, got codes"):
        codes_of_file(tmp_path / "half.npz")


def test_what_is_wrong_with_the_asking_is_said_before_anything_is_encoded(run, monkeypatch):
    monkeypatch.setattr("ifp.evaluation.scoring.codes_of_run", lambda *given: pytest.fail("encoded"))
    for given, message in (({"only": ("migg",)}, "got migg"), ({"n_jobs": 0}, "need one job or more")):
        with pytest.raises(IFPError, match=message):
            score_run(run, **given)


def test_a_training_run_keeps_its_mig_beside_scores_of_the_same_protocol(run, tmp_path):
    copied = open_run(shutil.copytree(run.path, tmp_path / "run"))
    trained = {"protocol": "gdl", "mig": 0.25, "samples": asdict(STUDY), "seed": 0, "scikit-learn": sklearn.__version__}
    copied.write("scores.json", json_bytes(trained))
    score_run(copied, only=("irs",), save=True)
    assert load_json(copied.path / "scores.json")["mig"] == 0.25


def test_a_score_that_does_not_exist_is_refused_by_name(write):
    shown = CliRunner().invoke(app, ["score", str(write()), "--only", "migg"])
    assert "need scores among mig, " in str(shown.exception)
    assert "got migg" in str(shown.exception)
