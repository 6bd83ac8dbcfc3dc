"""Data at the ends of what there may be: images all black or white, of one pixel, factors of one value."""

import math

import numpy as np
import pandas as pd
import pytest

import ifp
from analysis.information import factor_entropy, information
from annealing.errors import IFPError
from ifp.closed_form.contexts import closed_forms
from ifp.closed_form.order import freezing_order, predicted_values
from ifp.closed_form.spectrum import spectral_findings
from ifp.closed_form.whole import whole_spectrum
from ifp.datasets import DataWarning, load_dataset
from ifp.files.npz import load_npz
from ifp.files.plain import load_json

pytestmark = pytest.mark.usefixtures("_one_thread", "_own_cache", "_few_results")

GRID = np.stack(np.meshgrid(np.arange(4), np.arange(3), indexing="ij"), axis=-1).reshape(-1, 2)
QUICK = {"pace": {"learn_steps": 5, "max_steps": 30}, "hidden": 8}
TRAINING = {
    "objective": "beta-vae", "latents": 2, "batch_size": 8, "eval_every": 10, "checkpoint_every": 20, "probe": 32,
    "threads": 1, "precision": "float32",
}  # fmt: skip


@pytest.fixture
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IFP_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def opened(tmp_path):
    """A data set of images and factors a, b, ..., from an npz."""

    def open_(images, factors):
        path = tmp_path / "own.npz"
        np.savez(path, images=images, factors=factors, factor_names=list("abc")[: factors.shape[1]])
        return load_dataset(str(path))

    return open_


def flat(value):
    """Images of 4x4 pixels that all have one value."""
    return np.full((len(GRID), 4, 4, 1), value, np.float32 if isinstance(value, float) else np.uint8)


SAME = pytest.mark.parametrize("value", [0, 255, 0.25, 0.3], ids=["black", "white", "quarter", "grey"])


# Images that are all the same


@SAME
def test_images_all_the_same_have_freezing_points_of_0_everywhere(value, opened):
    ds = opened(flat(value), GRID)
    records = list(closed_forms(ds, contexts=5))
    assert len(records) == 10
    for record in records:
        assert (record.spectral_beta, record.beta_rd, record.transition) == (0, 0, "none")
        assert math.isnan(record.slope)
    assert whole_spectrum(ds) == [0] * 12
    # float32 sums of grey pixels over a class are exact to 1e-5, which is squared
    assert max(each.value for each in freezing_order(ds)) <= (1e-8 if value == 0.3 else 0)


@SAME
def test_images_all_the_same_cannot_be_annealed_or_planned_and_that_is_said(value, opened, tmp_path):
    ds = opened(flat(value), GRID)
    with (
        pytest.warns(DataWarning, match="a does not vary in 2 of the 2 contexts: not measured there"),
        pytest.raises(IFPError, match="need contexts in which a factor varies while the others stay, got none among 2"),
    ):
        ifp.anneal(ds.reference, contexts=2, planning_contexts=2, sweep=QUICK, out=tmp_path / "run")
    with pytest.raises(IFPError, match="need a factor that freezes above the final pressure 1, got none"):
        ifp.plan_stages(spectral_findings(ds, list(closed_forms(ds, contexts=5))))


@pytest.mark.parametrize("network", ["dense", "conv-8"])
@pytest.mark.parametrize("value", [0, 255], ids=["black", "white"])
def test_training_on_images_all_the_same_is_finite_and_its_codes_know_nothing(value, network, opened, tmp_path):
    run = ifp.train(opened(flat(value), GRID), out=tmp_path / "run", steps=20, network=network, **TRAINING)
    trace = load_npz(run.path / "trace.npz")
    assert trace["reconstruction"][-1] < trace["reconstruction"][0] <= 16 * math.log(2) * 1.2
    assert np.isfinite(trace["kl"]).all()
    np.testing.assert_allclose(trace["mi"], 0, atol=1e-9)


def test_a_factor_that_no_image_varies_with_is_left_out_of_the_test_and_of_the_plan(opened, tmp_path):
    images = flat(0) + (GRID[:, 0, None, None, None] * np.eye(4)[None, :, :, None] * 85).astype(np.uint8)
    ds = opened(images, GRID)
    with pytest.warns(DataWarning, match="b does not vary in 2 of the 2 contexts"):
        run = ifp.anneal(ds.reference, contexts=2, planning_contexts=4, sweep=QUICK, out=tmp_path / "run")
    assert set(pd.read_csv(run.path / "freezing.csv")["factor"]) == {"a"}
    # 4 pixels share the values 0, 1/3, 2/3, 1: variance 5/36 over 1/4 each
    records = list(closed_forms(ds, contexts=4))
    assert {each.factor: each.spectral_beta for each in records} == {"a": pytest.approx(4 * 5 / 9), "b": 0}
    order = predicted_values(list(freezing_order(ds)))
    assert order["a"] == pytest.approx(4 * 5 / 9, rel=1e-6)
    for conditional in (None, order):
        plan = ifp.plan_stages(spectral_findings(ds, records, conditional=conditional))
        assert [stage.factors for stage in plan.stages] == [("a",)]
        assert "b never freezes: left out" in plan.warnings


# One pixel


@pytest.fixture
def one_pixel(opened):
    """A pixel at four levels of brightness, 0, 1/3, 2/3, 1; and a factor that it does not show."""
    return opened((85 * GRID[:, 0]).astype(np.uint8).reshape(-1, 1, 1, 1), GRID)


def test_one_pixel_freezes_at_its_variance_over_that_of_a_coin(one_pixel):
    by_factor = {each.factor: each for each in closed_forms(one_pixel, contexts=3)}
    assert by_factor["a"].spectral_beta == pytest.approx(5 / 36 / (1 / 4), rel=1e-6)
    assert by_factor["a"].beta_rd <= 1 + 1e-9  # a coin's own, which no grey pixel exceeds
    assert by_factor["b"].spectral_beta == 0
    assert whole_spectrum(one_pixel) == [pytest.approx(5 / 9, rel=1e-6)]


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_one_pixel_is_annealed_between_silence_and_its_own_cost(network, one_pixel, tmp_path):
    settings = {"factors": ("a",), "contexts": 1, "planning_contexts": 1, "pressures": (0.01, 2.0)}
    run = ifp.anneal(one_pixel.reference, sweep={**QUICK, "network": network}, out=tmp_path / "run", **settings)
    curves = load_npz(run.path / "curves.npz")
    nats = curves["reconstruction"][np.isfinite(curves["reconstruction"])]
    x = np.array([1 / 3, 2 / 3])
    least = -(x * np.log(x) + (1 - x) * np.log(1 - x)).sum() / 4  # of the images drawn as they are
    assert nats.min() >= least - 1e-6
    assert np.isfinite(nats).all()
    if network == "dense":  # which starts as the silent decoder does
        assert nats[0] == pytest.approx(math.log(2), abs=0.1)


@pytest.mark.parametrize("network", ["dense", "conv", "conv-32", "conv-locatello"])
def test_under_a_pressure_of_1e6_one_fair_pixel_costs_ln_2(network, opened, tmp_path):
    throws = np.arange(400)[:, None]
    coin = opened((255 * (throws % 2)).astype(np.uint8).reshape(-1, 1, 1, 1), throws)
    settings = {**TRAINING, "batch_size": 64, "learning_rate": 1e-4, "warmup": 0, "probe": 400}
    run = ifp.train(coin, out=tmp_path / "run", steps=60, network=network, parameters={"beta": 1e6}, **settings)
    trace = load_npz(run.path / "trace.npz")
    assert trace["reconstruction"][-1] == pytest.approx(math.log(2), abs=0.01)
    assert 0 <= trace["kl"][-1].sum() < 1e-4


# A factor of one value


@pytest.fixture
def bars_of_one_colour(opened):
    """A bar at four places and in three widths, and a colour of which there is one."""
    images = np.zeros((len(GRID), 4, 4), np.uint8)
    for image, (place, width) in zip(images, GRID, strict=True):
        image[place, : 2 + width] = 255
    return opened(images, np.concatenate([GRID, np.zeros((len(GRID), 1), np.int64)], axis=1))


def test_a_factor_of_one_value_has_no_entropy_and_no_information():
    factors = np.zeros((30, 1), np.int64)
    mean = np.random.default_rng(0).standard_normal((30, 2))
    assert factor_entropy(factors).tolist() == [0]
    np.testing.assert_allclose(information(mean, np.full_like(mean, -2), factors), 0, atol=1e-12)


def test_a_factor_of_one_value_is_left_out_of_spectrum_and_plan_with_a_warning(bars_of_one_colour):
    ds = bars_of_one_colour
    with pytest.warns(DataWarning, match="c has fewer than two values in 6 of 6 contexts: left out there"):
        records = list(closed_forms(ds, contexts=6))
    assert {each.factor for each in records} == {"a", "b"}
    order = list(freezing_order(ds))
    assert {each.value for each in order if each.factor == "c"} == {0}
    plan = ifp.plan_stages(spectral_findings(ds, records, conditional=predicted_values(order)), final_pressure=0.1)
    assert sorted(factor for stage in plan.stages for factor in stage.factors) == ["a", "b"]


def test_scores_are_those_without_the_factor_of_one_value():
    factors = np.tile(GRID, (20, 1))
    codes = factors + 0.1 * np.random.default_rng(0).standard_normal(factors.shape)
    with_one = np.concatenate([factors, np.zeros((len(factors), 1), np.int64)], axis=1)
    names = ("mig", "sap", "factor_vae", "beta_vae", "modularity", "explicitness", "irs")
    assert ifp.score(codes, with_one, only=names) == ifp.score(codes, factors, only=names)
    with pytest.raises(IFPError, match="need at least one factor that varies for a score, got none"):
        ifp.score(codes, with_one[:, 2:])


def test_training_on_factors_of_one_value_ends_with_its_results_and_no_score(opened, tmp_path):
    ds = opened(flat(0) + (85 * GRID[:, :1, None, None]).astype(np.uint8), np.zeros((len(GRID), 1), np.int64))
    run = ifp.train(ds, out=tmp_path / "run", steps=4, network="dense", **TRAINING)
    assert (run.path / "checkpoint.safetensors").is_file()
    assert "mig" not in load_json(run.path / "scores.json")
    np.testing.assert_allclose(load_npz(run.path / "trace.npz")["mi"], 0, atol=1e-12)
