"""`ifp diagnose A B` and `ifp plot-distributions A B`: which contexts pair, what differs, what is refused."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import ifp
from analysis.run_shifts import RunShifts
from annealing.sweep_config import SweepConfig
from ifp.annealing_test.columns import FREEZING
from ifp.annealing_test.config import AnnealConfig
from ifp.closed_form.contexts import closed_forms, draw_contexts
from ifp.datasets.dataset import DataOptions, describe
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import create_run, open_run
from tests.ifp.test_reading import state

pytestmark = pytest.mark.usefixtures("_one_thread")


@pytest.fixture(scope="module")
def data(bars, tmp_path_factory):
    """Data sets in files: the bars, then each pixel as two by two: all, in another order, a part, and renamed."""
    folder, index = tmp_path_factory.mktemp("data"), np.arange(len(bars))
    images, factors, names = 0.05 + 0.9 * bars.images(index), bars.factors_at(index), list(bars.factors.names)
    large = images.repeat(2, axis=1).repeat(2, axis=2)
    held = {
        "small": (images, factors, names),
        "large": (large, factors, names),
        "turned": (large[::-1], factors[::-1, ::-1], names[::-1]),
        "part": (large[factors[:, 0] < 7], factors[factors[:, 0] < 7], names),
        "renamed": (large, factors, ["position", "hue"]),
    }
    for name, (pictures, labels, known) in held.items():
        np.savez(folder / f"{name}.npz", images=pictures, factors=labels, factor_names=known)
    return folder


@pytest.fixture
def make_run(data, tmp_path):
    """A finished annealing test whose measured points are its closed forms times a lag, with nothing trained."""

    def make(name, dataset="small", lag=0.9, indexed=True, **settings):
        opened = ifp.load_dataset(str(data / f"{dataset}.npz"))
        factors = opened.factors.names
        given = {"factors": factors, "contexts": 8, "planning_contexts": 8, "protocol": "equilibrium", **settings}
        config = AnnealConfig(dataset=opened.reference, data_options=DataOptions(), **given)
        count, seed, likelihood = config.contexts, config.seed, config.likelihood
        spectral = pd.DataFrame(
            list(closed_forms(opened, factors=factors, contexts=count, seed=seed, likelihood=likelihood))
        )
        freezing = spectral[["dataset", "factor", "context", "spectral_beta", "beta_rd", "transition"]].assign(
            latent=0, threshold_nats=0.1, status="ok", seed=seed, ifp_beta=lag * spectral["spectral_beta"]
        )
        for column in ("freezing_beta", "melting_beta", "ifp_low", "ifp_high"):
            freezing[column] = freezing["ifp_beta"]
        run = create_run(tmp_path / name, Kind.ANNEALING_TEST, config, describe(opened))
        kept = spectral if indexed else spectral.drop(columns="index")
        run.write("spectral.csv", kept.to_csv(index=False).encode())
        columns = [column for column in FREEZING if column in freezing]
        run.finish(freezing[columns].to_csv(index=False).encode())
        return open_run(run.path)

    return make


def medians(shifts):
    return {each.factor: each.shift.ratio for each in shifts.factors}


def test_pictures_of_four_times_the_pixels_freeze_at_four_times_the_pressure(make_run):
    found = ifp.diagnose([make_run("a"), make_run("b", "large", lag=0.8).path])
    assert isinstance(found, RunShifts)
    assert found.pairing == "pairs: cases of the same factor in contexts of the same values"
    assert [str(each) for each in found.differences] == ["data set small / large", "image size 16x16x1 / 32x32x1"]
    for each in found.factors:
        assert each.shift.n == 8
        assert each.closed_form.ratio == pytest.approx(4.0, rel=1e-6)
        assert each.shift.ratio == pytest.approx(4.0 * 0.8 / 0.9, rel=1e-6)


def test_contexts_of_two_data_sets_pair_by_values_whatever_the_order_of_images_and_factors(make_run):
    runs = [
        make_run("a", contexts=32, planning_contexts=32),
        make_run("b", "turned", contexts=32, planning_contexts=32),
    ]
    found = ifp.diagnose(runs)
    assert {each.factor: each.shift.n for each in found.factors} == {"position": 32, "brightness": 32}
    for each in found.factors:  # of every single pair, not only in the middle
        np.testing.assert_allclose(np.array(each.second_beta) / each.first_beta, 4.0, rtol=1e-5)


def test_contexts_of_the_same_data_pair_by_image_whatever_the_seed(make_run, data):
    few = {"contexts": 24, "planning_contexts": 24}
    runs = [make_run("a", **few), make_run("b", seed=1, lag=0.45, **few)]
    bars = ifp.load_dataset(str(data / "small.npz"))
    both = set(draw_contexts(bars, 24, 0).tolist()) & set(draw_contexts(bars, 24, 1).tolist())
    found = ifp.diagnose(runs)
    assert found.pairing == "pairs: cases of the same factor in the same image"
    assert [each.shift.n for each in found.factors] == [len(both)] * 2
    assert 12 <= len(both) < 24
    assert medians(found) == pytest.approx({"position": 0.5, "brightness": 0.5})
    assert [str(each) for each in found.differences] == ["seed 0 / 1"]


def test_runs_of_an_early_version_pair_by_number_under_one_seed_and_else_not(make_run):
    first = make_run("a", indexed=False)
    found = ifp.diagnose([first, make_run("b", lag=0.45)])
    assert found.pairing.endswith("in the context of the same number")
    assert medians(found) == pytest.approx({"position": 0.5, "brightness": 0.5})
    other = ifp.diagnose([first, make_run("c", seed=1)])
    assert "does not say which images the contexts are" in other.pairing
    assert not any(each.shift.paired for each in other.factors)


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ("part", "the data have not the same factors: brightness 4, position 8 and brightness 4, position 7"),
        ("renamed", "the data have not the same factors: brightness 4, position 8 and hue 4, position 8"),
    ],
)
def test_data_of_other_factors_are_two_samples_and_why_is_said(dataset, told, make_run):
    found = ifp.diagnose([make_run("a"), make_run("b", dataset)])
    assert found.pairing == f"no pairs, the runs are compared as two samples: {told}"
    position = found.factors[0]
    assert (position.shift.paired, position.shift.n, position.shift.m) == (False, 8, 8)
    assert (found.only_first, found.only_second) == ((), ()) if dataset == "part" else (("brightness",), ("hue",))


def test_data_that_are_not_at_hand_are_two_samples(make_run, data, tmp_path):
    runs = [make_run("a"), make_run("b", "large")]
    config = json.loads((runs[1].path / "config.json").read_text())
    config["settings"]["dataset"] = str(tmp_path / "gone.npz")
    (runs[1].path / "config.json").write_text(json.dumps(config))
    found = ifp.diagnose([run.path for run in runs])
    assert found.pairing.startswith("no pairs, the runs are compared as two samples: the data are not at hand (need ")


def test_what_differs_is_every_setting_in_words_and_nothing_else(make_run):
    first = make_run("a", protocol="heat-cool")
    other = make_run("b", protocol="heat-cool", likelihood="gaussian", repeats=2, sweep=SweepConfig(network="conv"))
    said = str(ifp.diagnose([first, other]))
    assert said == (
        "a (first) and b (second); differ in: likelihood bernoulli / gaussian; network dense / conv; repeats 1 / 2; "
        "learning_rate 0.005 / 0.001"
    )
    assert str(ifp.diagnose([first, first])).endswith("; differ in: no setting")


# Commands


def test_the_command_prints_what_differs_then_the_table_and_writes_the_figure_alone(make_run, told, tmp_path):
    runs = [make_run("a"), make_run("b", "large")]
    before = state(tmp_path)
    code, error, out = told("diagnose", runs[0].path, runs[1].path, "--plot", tmp_path / "shifts.svg")
    assert (code, out) == (0, "")
    lines = error.splitlines()
    assert "a (first) and b (second); differ in: data set small / large; image size 16x16x1 / 32x32x1" in lines
    row = next(line for line in lines if line.startswith("│ position"))
    assert [cell.strip() for cell in row.strip("│").split("│")][:6] == [
        "position", "8", *(f"{each.median:.4g}" for each in (ifp.diagnose(runs).factors[0].first,
        ifp.diagnose(runs).factors[0].second)), "4", "4 .. 4",
    ]  # fmt: skip
    assert "note: pairs: cases of the same factor in contexts of the same values" in lines
    assert lines[-1] == f"written: {tmp_path / 'shifts.svg'}"
    assert set(state(tmp_path)) - set(before) == {"shifts.svg"}
    assert {name: held for name, held in state(tmp_path).items() if name in before} == before


def test_the_json_of_two_runs_is_their_shifts_and_nothing_is_written(make_run, told, tmp_path):
    runs = [make_run("a"), make_run("b", "large", lag=0.8)]
    before = state(tmp_path)
    code, _, out = told("diagnose", runs[0].path, runs[1].path, "--json")
    assert code == 0
    held = json.loads(out)
    assert held["factors"][0]["shift"]["shift"] == pytest.approx(np.log(3.2 / 0.9))
    assert held["differences"][0] == {"name": "data set", "first": "small", "second": "large"}
    assert state(tmp_path) == before


@pytest.mark.parametrize("kind", ["box", "violin"])
def test_distributions_of_two_runs_are_one_figure(kind, make_run, told, tmp_path):
    first, second = make_run("a"), make_run("b", "large")
    before = state(tmp_path)
    words = ("plot-distributions", first.path, second.path, "--kind", kind, "--out", tmp_path / "two.svg")
    code, _, out = told(*words)
    assert (code, out.strip()) == (0, str(tmp_path / "two.svg"))
    assert set(state(tmp_path)) - set(before) == {"two.svg"}
    axes = ifp.open_run(first.path).plot("distributions", kind=kind, against=second.path).axes[0]
    assert [text.get_text().split(",")[0] for text in axes.texts[:2]] == ["4 [4", "4 [4"]


def test_what_cannot_be_set_side_by_side_is_refused_with_a_way_on(make_run, data, told, tmp_path):
    first, second = make_run("a"), make_run("b")
    described = describe(ifp.load_dataset(str(data / "small.npz")))
    train, full = (
        create_run(tmp_path / kind, kind, {}, described).path for kind in (Kind.TRAINING, Kind.WHOLE_ANNEALING)
    )
    for words, wanted in (
        (("diagnose", first.path, train), "need two annealing runs, or any number of runs of training, got 2 runs: "),
        (("diagnose", first.path, full), "need two annealing runs, or any number of runs of training, got 2 runs: "),
        (("diagnose", first.path, second.path, first.path), "need two annealing runs, .* got 3 runs: anneal, anneal"),
        (("plot-distributions", first.path, second.path), "need --out FILE for the figure of two runs"),
        (("plot-distributions", first.path, second.path, first.path), "need one or two runs, got 3: draw them two"),
        (("plot-distributions", first.path, train, "--out", "a.svg"), "need a finished annealing run"),
    ):
        code, error, _ = told(*words)
        assert code == 1
        assert re.search(wanted, error), error
    with pytest.raises(
        ifp.IFPError, match=r"need save=False for two annealing runs: .* ifp.diagnose\(run, save=True\)"
    ):
        ifp.diagnose([first, second], save=True)
