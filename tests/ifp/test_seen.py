"""What can be seen of sprites: centroid and mass against SciPy's, where they mean something, beside a run's scores."""

import json

import numpy as np
import pytest
from scipy import ndimage, stats

import ifp
from analysis.scores.all_scores import SCORES
from analysis.scores.codes import LabelledCodes
from analysis.scores.scores import Scores
from annealing.errors import IFPError
from ifp.datasets import load_dataset
from ifp.datasets.dataset import to_float
from ifp.evaluation.scoring import score_run
from ifp.evaluation.seen import as_gaussian, has_empty_background, seen_codes, seen_scores
from tests.ifp.conftest import TWO_LATENTS

pytestmark = pytest.mark.usefixtures("_one_thread")

CHEAP = ("mig", "modularity")


@pytest.fixture(scope="module")
def noise():
    """Coloured images of bytes, wider than high."""
    return np.random.default_rng(0).integers(256, size=(5, 7, 11, 3), dtype=np.uint8)


def test_centroid_and_mass_are_scipy_s(noise):
    rows, columns = np.array([ndimage.center_of_mass(each.sum(axis=-1, dtype=float)) for each in noise]).T
    found = seen_codes(noise)
    np.testing.assert_allclose(found[:, 0], columns, rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], rows, rtol=1e-6)
    np.testing.assert_allclose(found[:, 2], np.log(noise.sum(axis=(1, 2, 3)) / 255), rtol=1e-6)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, seen_codes(to_float(noise)))  # bytes and floats of one image


def test_an_image_without_mass_lies_in_the_middle_and_has_less_than_any_other():
    images = np.zeros((2, 5, 8, 1), np.uint8)
    images[1, 0, 0] = 1
    assert seen_codes(images)[0].tolist() == [3.5, 2.0, -np.log(255)]
    assert seen_codes(images)[1] == pytest.approx([0, 0, -np.log(255)])  # one grey level of one pixel


def test_images_of_another_shape_are_refused():
    with pytest.raises(IFPError, match=r"need images \(N, H, W, C\), got \(4, 8, 8\): reshape them"):
        seen_codes(np.zeros((4, 8, 8)))


def test_codes_are_spread_by_their_ranks():
    codes = np.random.default_rng(1).integers(9, size=(40, 2)).astype(float)  # many are equal
    ranks = stats.rankdata(codes, axis=0)
    np.testing.assert_allclose(as_gaussian(codes), stats.norm.ppf((ranks - 0.5) / 40))
    beyond = np.array([[-5.0, 3.0], [50.0, 3.0]])
    found = as_gaussian(beyond, among=codes)
    np.testing.assert_allclose(found[:, 0], stats.norm.ppf([0.5 / 40, 39.5 / 40]))
    among = (codes[:, 1] < 3).sum() + (codes[:, 1] == 3).sum() / 2
    np.testing.assert_allclose(found[:, 1], stats.norm.ppf(among / 40))


@pytest.mark.filterwarnings("ignore:no --background")
@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("dsprites-tiny", True),
        ("color-dsprites-32", True),
        ("dsprites-noshape", True),
        ("noisy-dsprites-32", False),
        ("scream-dsprites", False),
    ],
)
def test_only_sprites_before_nothing_can_be_seen_by_their_mass(name, empty):
    images = load_dataset(name).images(np.arange(0, 4096, 256))
    assert has_empty_background(images) == empty


def test_a_data_set_s_seen_scores_are_those_of_its_centroids_and_areas():
    ds = load_dataset("dsprites-tiny")
    factors = ds.factors_at(np.arange(len(ds)))
    pixels = ds.images(np.arange(len(ds)))[..., 0].astype(float)
    area = pixels.sum(axis=(1, 2))
    columns, rows = (pixels.sum(axis=axis) @ np.arange(64) / area for axis in (1, 2))
    drawn = np.random.default_rng([0, 0]).integers(len(ds), size=10_000)  # the first sample
    codes = np.zeros((len(ds), 3))
    for k, values in enumerate((columns, rows, area)):
        codes[drawn, k] = stats.norm.ppf((stats.rankdata(values[drawn]) - 0.5) / len(drawn))
    found = seen_scores(ds, LabelledCodes(np.zeros((len(ds), 1)), factors), only=CHEAP)
    assert found == pytest.approx(dict(ifp.score(codes, factors, only=CHEAP, ceilings=False)), abs=1e-6)


def test_scores_that_look_at_every_image_or_take_minutes_have_none(bars, monkeypatch):
    data = LabelledCodes(np.zeros((len(bars), 1)), bars.factors_at(np.arange(len(bars))))
    monkeypatch.setattr("ifp.evaluation.seen.scores_of", lambda *codes, only, **settings: dict.fromkeys(only, 0.5))
    exact_dci = {name for name in SCORES if name.startswith("dci_")}
    found = seen_scores(bars, data, only=(*SCORES, "mig_chen", "dci-forest_disentanglement"))
    assert set(SCORES) - set(found) == {"factor_vae", "beta_vae", *exact_dci}
    assert set(found) - set(SCORES) == {"dci-forest_disentanglement"}
    assert len(exact_dci) == 3
    assert seen_scores(bars, data, only=exact_dci) == {}


def trained(path, folder):
    return ifp.train(path, objective="beta-vae", out=folder / "run", **TWO_LATENTS, probe=16, network="conv-8")


def test_a_run_s_scores_have_what_can_be_seen_beside_them_and_keep_it(bars, bars_file, tmp_path, monkeypatch):
    run = trained(bars_file, tmp_path)
    found = score_run(run, only=CHEAP, save=True)
    factors = bars.factors_at(np.arange(len(bars)))
    expected = seen_scores(bars, LabelledCodes(np.zeros((len(bars), 1)), factors), only=CHEAP)
    assert found["seen"] == expected
    assert json.loads((run.path / "scores.json").read_text())["seen"] == expected
    monkeypatch.delattr("ifp.evaluation.scoring.score_codes")  # nothing is measured again
    assert score_run(run, only=("mig",))["seen"] == {"mig": expected["mig"]}
    scores = ifp.score(run, only=CHEAP)
    assert dict(scores.seen) == expected
    assert scores.to_frame()["seen"].tolist() == [expected[name] for name in scores]


def test_nothing_is_said_to_be_seen_before_a_bright_wall(bars, tmp_path, monkeypatch):
    index = np.arange(len(bars))
    images, path = 1 - bars.images(index), tmp_path / "walls.npz"
    np.savez(path, images=images, factors=bars.factors_at(index), factor_names=bars.factors.names)
    run = trained(path, tmp_path)
    assert "seen" not in score_run(run, only=CHEAP, save=True)
    assert "seen" not in json.loads((run.path / "scores.json").read_text())
    monkeypatch.delattr("ifp.evaluation.scoring.score_codes")  # what cannot be had is not looked for again
    assert dict(ifp.score(run, only=CHEAP).seen) == {}


def test_scores_of_codes_alone_have_no_column_for_what_is_seen():
    assert "seen" not in Scores(mig=0.5).to_frame()
