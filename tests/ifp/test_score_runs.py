"""Scores of several runs: each run's own, what they spread over seeds, and UDR without labels."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

import ifp
import ifp.evaluation.udr
from analysis.scores.udr import udr
from annealing.errors import IFPError
from ifp.run_directory.run import open_run
from tests.ifp.conftest import TWO_LATENTS

pytestmark = pytest.mark.usefixtures("_one_thread")

NAMES = ("mig", "sap")


def moved(trained, path, seed):
    """A copy of a run whose latents tell of the images: other weights, and posteriors that are narrow."""
    run = open_run(shutil.copytree(trained, path))
    tensors, noise = load_file(run.path / "checkpoint.safetensors"), torch.Generator().manual_seed(seed)
    shaken = {name: each + 0.3 * torch.randn(each.shape, generator=noise) for name, each in tensors.items()}
    run.write("checkpoint.safetensors", save({**shaken, "closed": torch.zeros_like(tensors["closed"])}))
    return run


@pytest.fixture(scope="module")
def made(finished_runs, bars, tmp_path_factory):
    """A folder of runs on the bars by two objectives, two of one of them, and two on the bars without labels."""
    folder = tmp_path_factory.mktemp("made")
    sources = {"first": "train", "second": "train", "other": "compare/beta-vae-0"}
    for seed, (name, source) in enumerate(sources.items()):
        moved(finished_runs / source, folder / name, seed)
    plain = ifp.train(bars.images(range(len(bars))), objective="beta-vae", out=folder / "trained", **TWO_LATENTS)
    for seed, name in enumerate(("plain", "plainer")):
        moved(plain.path, folder / name, seed)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made, tmp_path / "runs")
    return tmp_path / "runs"


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def no_encoding(monkeypatch):
    monkeypatch.setattr("ifp.evaluation.encoding.encoded", lambda *given: pytest.fail("encoded"))


# Scores


def test_runs_are_scored_each_as_alone_and_keep_their_scores(folder, tmp_path):
    alone = shutil.copytree(folder, tmp_path / "alone")
    names = ("first", "second", "other")
    found = ifp.score_runs([folder / name for name in names], only=NAMES, save=True, seed=2)
    for name in names:
        expected = ifp.score(alone / name, only=NAMES, save=True, seed=2)
        assert found.scores[str(folder / name)] == expected
        assert found.scores[str(folder / name)].record == expected.record
        assert (folder / name / "scores.json").read_bytes() == (alone / name / "scores.json").read_bytes()
    assert len({tuple(each.values()) for each in found.scores.values()}) == 3


def test_nothing_is_measured_twice(folder, monkeypatch):
    runs = [folder / "first", folder / "second"]
    before = ifp.score_runs(runs, only=NAMES, save=True)
    no_encoding(monkeypatch)
    again = ifp.score_runs(runs, only=NAMES)
    assert again.scores == before.scores
    assert again.record["over_runs"] == before.record["over_runs"]
    assert ifp.score(runs[0], only=NAMES) == before.scores[str(runs[0])]


def test_the_spread_over_seeds_stands_apart_from_the_interval_of_a_run(folder):
    found = ifp.score_runs([folder / name for name in ("first", "second", "other")], only=NAMES)
    assert [(each.method, each.seed) for each in found.runs] == [("annealed-beta", 0)] * 2 + [("beta-vae", 0)]
    first, second, other = found.scores.values()
    table = found.over_runs().set_index(["method", "score"])
    assert list(table.index) == [(method, name) for method in ("annealed-beta", "beta-vae") for name in NAMES]
    for name in NAMES:
        row = table.loc["annealed-beta", name]
        both = [first[name], second[name]]
        assert (row["runs"], row["min"], row["max"]) == (2, min(both), max(both))
        assert row["median"] == pytest.approx(np.mean(both))
        assert table.loc["beta-vae", name]["min"] == table.loc["beta-vae", name]["max"] == other[name]
    widths = [high - low for low, high in (first.intervals["mig"], second.intervals["mig"])]
    assert table.loc["annealed-beta", "mig"]["sample_half_width"] == pytest.approx(sum(widths) / 4)
    assert np.isnan(table.loc["annealed-beta", "sap"]["sample_half_width"])
    frame = found.to_frame()
    assert frame["run"].tolist() == list(found.scores)
    assert frame["mig"].tolist() == [each["mig"] for each in found.scores.values()]
    assert repr(found).startswith("Scores of 3 runs on bars\n")
    assert [panel.get_xlabel() for panel in found.plot().axes if panel.get_visible()] == list(NAMES)


def test_a_study_stands_for_its_runs(finished_runs, told, tmp_path):
    study = shutil.copytree(finished_runs / "compare", tmp_path / "study")
    runs = [study / "beta-vae-0", study / "annealed-beta-0"]
    code, error, out = told("score", study, "--only", "mig", "--json")
    assert code == 0, error
    assert out == told("score", *runs, "--only", "mig", "--json")[2]
    assert ifp.verify(study).faults == ()


REFUSED = {
    "other data": (("first", "plain"), {}, "need runs on the same data to compare, got different data"),
    "one twice": (("first", "second", "first"), {}, "need each run once, got .*first twice"),
    "none": ((), {}, "need runs on the same data to compare, got none"),
    "an unknown score": (("first", "second"), {"only": ["migg"]}, "got migg"),
    "no labels": (("plain", "plainer"), {}, "need a run on data with labelled factors .*`ifp score --udr RUN RUN`"),
    "UDR of one": (("first",), {"udr": True}, "need two runs or more for UDR, .*got 1"),
    "UDR of other data": (("first", "plain"), {"udr": True}, "need runs on the same data"),
    "UDR and scores": (("first", "second"), {"udr": True, "only": ["mig"]}, "need either scores or UDR, got both"),
    "an unknown similarity": (
        ("first", "second"),
        {"udr": True, "similarity": "laso"},
        "got 'laso' .did you mean lasso",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_told_before_anything_is_encoded(case, made, monkeypatch):
    names, given, message = REFUSED[case]
    no_encoding(monkeypatch)
    before = files(made)
    with pytest.raises(IFPError, match=message):
        ifp.score_runs([made / name for name in names], save=True, **given)
    assert files(made) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("first", "codes.npz"), "need training runs to score together, got 1 files of codes: score these one by one"),
        (("--udr",), "need training runs to score together, got none"),
        (("first", "--similarity", "lasso"), "need --udr for a similarity"),
        (("first", "second", "--bins", "3"), "need codes and factors for bins and missing"),
        (("plain",), "has none: `ifp score --udr RUN RUN` ranks runs without labels, `ifp encode` writes codes"),
    ],
)
def test_the_command_refuses_what_does_not_go_together(words, message, made, told, monkeypatch):
    no_encoding(monkeypatch)
    code, error, out = told("score", *(made / word if word.isalpha() else word for word in words))
    assert (code, error.count("\n"), out) == (1, 1, "")
    assert message in error


# UDR


def posteriors(run):
    """Codes of every image, and the mean nats of each latent by the formula of two Gaussians."""
    found = ifp.encode(run)
    codes, logvar = (found[name].astype(np.float64) for name in ("codes", "logvar"))
    return found["codes"], (0.5 * (codes**2 + np.exp(logvar) - logvar - 1)).mean(axis=0)


@pytest.mark.parametrize("similarity", ["spearman", "lasso"])
@pytest.mark.parametrize("names", [("first", "second", "other"), ("plain", "plainer")], ids=["labelled", "unlabelled"])
def test_udr_is_that_of_the_runs_codes_and_is_kept_nowhere(names, similarity, made):
    runs = [made / name for name in names]
    before = files(made)
    found = ifp.score_runs(runs, udr=True, similarity=similarity, save=True)
    assert files(made) == before
    codes, nats = zip(*map(posteriors, runs), strict=True)
    frame = found.to_frame()
    np.testing.assert_allclose(frame["udr"], udr(codes, kl=nats, similarity=similarity), rtol=1e-6)
    assert frame["udr"].max() > 0.1
    assert frame["active_latents"].tolist() == [(each > 0.01).sum() for each in nats]
    about = {"similarity": similarity, "images": 32, "seed": 0}
    assert {name: found.record[name] for name in about} == about


def test_udr_draws_images_by_the_seed_whether_or_not_posteriors_are_kept(folder, monkeypatch):
    monkeypatch.setattr(ifp.evaluation.udr, "IMAGES", 20)
    runs, asked, whole = [folder / "first", folder / "second"], [], ifp.evaluation.encoding.encoded

    def counted(model, dataset, index=None):
        asked.append(tuple(index))
        return whole(model, dataset, index)

    monkeypatch.setattr("ifp.evaluation.encoding.encoded", counted)
    found = [ifp.score_runs(runs, udr=True, seed=seed).record for seed in (0, 0, 1)]
    assert [len(set(each)) for each in asked] == [20] * 6
    assert len({frozenset(each) for each in asked}) == 2  # of each seed
    assert found[0] == found[1] != found[2]
    monkeypatch.undo()
    ifp.score(runs[0], only=["factor_vae"], save=True)
    assert (runs[0] / "posteriors.npz").is_file()
    monkeypatch.setattr(ifp.evaluation.udr, "IMAGES", 20)
    assert ifp.score_runs(runs, udr=True).record == found[0]


def test_udr_tells_of_runs_of_several_settings_and_of_silent_ones(made, finished_runs):
    assert ifp.score_runs([made / "first", made / "second"], udr=True).record["notes"] == []
    mixed = ifp.score_runs([made / "first", made / "other"], udr=True)
    assert mixed.record["notes"] == ["UDR is meant for seeds of one setting, these runs have 2"]
    silent = finished_runs / "train"
    found = ifp.score_runs([made / "first", silent], udr=True)
    assert found.to_frame()["active_latents"].tolist() == [2, 0]
    assert found.record["notes"] == [f"no latent of {silent} carries information: it agrees with none"]
    assert found.scores[str(silent)] == {"udr": 0.0}


# The command


def test_the_command_prints_what_python_gives(folder, told):
    runs = [folder / "first", folder / "second"]
    for words, given in ((("--only", "mig,sap"), {"only": NAMES}), (("--udr", "--similarity", "lasso"), None)):
        code, error, out = told("score", *runs, *words, "--json")
        assert code == 0, error
        found = ifp.score_runs(runs, **given or {"udr": True, "similarity": "lasso"})
        expected = json.loads(json.dumps(found.record))
        assert json.loads(out) == expected


def test_the_command_s_tables_keep_runs_and_seeds_apart(folder, told, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, error, out = told("score", folder / "first", folder / "second", "--only", "mig")
    assert (code, out) == (0, "")
    rows = [[part.strip() for part in line.split("│")[1:-1]] for line in error.splitlines() if line.startswith("│")]
    assert [row[:3] for row in rows] == [
        [str(folder / "first"), "annealed-beta", "0"],
        [str(folder / "second"), "annealed-beta", "0"],
        ["annealed-beta", "mig", "2"],
    ]
    assert "over runs: median, lowest and highest" in error
    error = told("score", folder / "first", folder / "second", "--udr")[1]
    assert "UDR by spearman on 32 images of bars; kept in no run" in error
    assert "writing" not in error


def test_the_command_asks_for_sample_seeds_with_spread(folder, told):
    code, error, out = told("score", folder / "first", "--only", "mig,sap", "--spread", "--json")
    assert code == 0, error
    found = json.loads(out)
    assert found["spreads"]["sap"] == [ifp.score(folder / "first", only=["sap"], seed=seed)["sap"] for seed in range(5)]
    assert "mig" not in found["spreads"]
