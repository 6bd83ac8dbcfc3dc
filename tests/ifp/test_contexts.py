"""Contexts and action sequences on dSprites, and the order in which its factors freeze."""

from dataclasses import astuple
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from annealing.errors import IFPError
from annealing.landau import transition
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import freezing_point
from ifp.closed_form.contexts import action_sequence, closed_forms, draw_contexts
from ifp.datasets import DataWarning, load_dataset
from ifp.datasets.dataset import require_labelled

FACTORS = ("shape", "scale", "orientation", "posX", "posY")
SIZES = (3, 6, 40, 32, 32)
STRIDES = (245_760, 40_960, 1024, 32, 1)  # of the official index


@pytest.fixture(scope="module")
def dsprites():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IFP_DATA_DIR", raising=False)
        return load_dataset("dsprites")


@pytest.mark.parametrize("column", range(5), ids=FACTORS)
def test_an_action_sequence_varies_its_factor_and_no_other(column, dsprites):
    for context in draw_contexts(dsprites, 5, seed=3):
        cell = dsprites.factors_at([context])[0]
        indices = context + (np.arange(SIZES[column]) - cell[column]) * STRIDES[column]
        expected = np.repeat(cell[None], SIZES[column], axis=0)
        expected[:, column] = np.arange(SIZES[column])
        np.testing.assert_array_equal(dsprites.factors_at(indices), expected)
        images = action_sequence(dsprites, FACTORS[column], context)
        assert images.dtype == torch.float32
        np.testing.assert_array_equal(images.numpy(), dsprites.images(indices))


def test_bytes_become_pixels_in_0_to_1(bars):
    as_bytes = SimpleNamespace(
        factors=bars.factors,
        factors_at=bars.factors_at,
        lookup=bars.lookup,
        holds=bars.holds,
        nuisances=(),
        images=lambda index: (bars.images(index) * 255).astype(np.uint8),
    )
    found, expected = (action_sequence(each, "brightness", 9) for each in (as_bytes, bars))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1 / 255, rtol=0)
    assert found.amax(dim=(1, 2, 3)).diff().min() > 0.2


def instances(tmp_path, factors, images=None, **more):
    """An npz of single-pixel-row images: image i is bright in its own pixel, unless given."""
    count = len(factors)
    pixels = np.eye(count, dtype=np.uint8)[:, None] * 255 if images is None else images
    np.savez(tmp_path / "own.npz", images=pixels, factors=np.array(factors), factor_names=np.array(["a", "b"]))
    return load_dataset(str(tmp_path / "own.npz"), **more)


@pytest.fixture
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IFP_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.usefixtures("_own_cache")
def test_of_several_images_in_a_cell_the_contexts_own_place_is_held(tmp_path):
    with pytest.warns(DataWarning, match="4 factor vectors of own.npz have several images"):
        own = instances(tmp_path, [(a, b) for a in (0, 1) for b in (0, 1) for _ in range(3)])
    assert own.nuisances == ("image",)
    for context, expected in ((1, [1, 7]), (5, [5, 11]), (9, [3, 9])):
        shown = action_sequence(own, "a", context).reshape(-1, 12).argmax(dim=1).tolist()
        assert shown == expected
    redrawn = {tuple(action_sequence(own, "a", 1, "redrawn").reshape(-1, 12).argmax(1).tolist())}
    assert all(a in (0, 1, 2) and b in (6, 7, 8) for a, b in redrawn)
    again = action_sequence(own, "a", 1, "redrawn").reshape(-1, 12).argmax(1).tolist()
    assert redrawn == {tuple(again)}


@pytest.mark.usefixtures("_own_cache")
def test_an_action_sequence_is_whatever_images_exist(tmp_path):
    own = instances(tmp_path, [(0, 0), (2, 0), (5, 0), (3, 1)])
    assert action_sequence(own, "a", 1).reshape(-1, 4).argmax(dim=1).tolist() == [0, 1, 2]
    assert len(action_sequence(own, "a", 3)) == len(action_sequence(own, "b", 0)) == 1


@pytest.mark.usefixtures("_own_cache")
def test_contexts_in_which_a_factor_has_one_value_are_counted_and_left_out(tmp_path):
    own = instances(tmp_path, [(0, 0), (2, 0), (5, 0), (3, 1)])
    with pytest.warns(DataWarning) as said:
        records = list(closed_forms(own, contexts=4))
    assert [str(each.message) for each in said] == [
        "a has fewer than two values in 1 of 4 contexts: left out there",
        "b has fewer than two values in 4 of 4 contexts: left out there",
    ]
    assert [(each.factor, each.index) for each in records] == [
        ("a", index) for index in draw_contexts(own, 4, 0).tolist() if index != 3
    ]


def colour_of(images):
    """RGB of the sprite in each image, (n, 3)."""
    return images.amax(dim=(1, 2))


def test_a_nuisance_is_held_within_a_context_or_redrawn_for_every_image():
    painted, sprites = load_dataset("color-dsprites"), load_dataset("dsprites")
    for context in (7, 700_000):
        held = action_sequence(painted, "scale", context)
        own = colour_of(torch.from_numpy(painted.images([context])))
        torch.testing.assert_close(colour_of(held), own.expand(6, 3), rtol=0, atol=0)
        torch.testing.assert_close(held, action_sequence(sprites, "scale", context) * own[:, None, None])
        redrawn = colour_of(action_sequence(painted, "scale", context, "redrawn"))
        assert len(set(map(tuple, redrawn.tolist()))) == 6
    with pytest.raises(IFPError, match="need a nuisance out of held, redrawn, got 'kept'"):
        action_sequence(painted, "scale", 7, "kept")


def test_noise_that_is_held_moves_spectral_values_by_less_than_15_percent_and_redrawn_noise_freezes_itself():
    of = {"factors": ("scale", "posX"), "contexts": 60, "seed": 0}
    plain, noisy = ({(r.factor, r.context): r.spectral_beta for r in closed_forms(load_dataset(name), **of)}
                    for name in ("dsprites", "noisy-dsprites"))  # fmt: skip
    for factor in of["factors"]:
        there, here = (np.median([each[case] for case in plain if case[0] == factor]) for each in (noisy, plain))
        assert abs(there / here - 1) < 0.15
    redrawn = list(
        closed_forms(load_dataset("noisy-dsprites"), nuisance="redrawn", **{**of, "factors": ("scale",), "contexts": 6})
    )
    assert all(each.spectral_beta > 2 * plain[each.factor, each.context] for each in redrawn)


def test_one_seed_draws_one_set_of_contexts_and_another_seed_another(dsprites):
    assert draw_contexts(dsprites, 100, 4).tolist() == draw_contexts(dsprites, 100, 4).tolist()
    assert set(draw_contexts(dsprites, 100, 4).tolist()) != set(draw_contexts(dsprites, 100, 5).tolist())


@pytest.mark.parametrize("n", [1, 8, 999])
def test_the_first_contexts_of_a_longer_draw_are_the_shorter_draw(n, dsprites):
    assert draw_contexts(dsprites, 1000, 2)[:n].tolist() == draw_contexts(dsprites, n, 2).tolist()


def test_of_more_contexts_than_images_each_has_the_record_of_its_image(bars):
    drawn = draw_contexts(bars, 70, 0).tolist()
    records = list(closed_forms(bars, contexts=70))
    assert [(each.factor, each.context) for each in records] == [
        (name, n) for name in bars.factors.names for n in range(70)
    ]
    for record in records:
        assert record.index == drawn[record.context]
        alone = freezing_point(action_sequence(bars, record.factor, record.index), Bernoulli())
        assert record.spectral_beta == alone


def test_contexts_do_not_repeat_while_there_are_enough_images(bars, dsprites):
    assert len(set(draw_contexts(dsprites, 5000, 0).tolist())) == 5000
    drawn = draw_contexts(bars, 70, 0)  # of 32 images
    assert sorted(drawn[:32].tolist()) == sorted(drawn[32:64].tolist()) == list(range(32))


def test_all_factors_share_their_contexts(dsprites):
    records = list(closed_forms(dsprites, factors=("orientation", "shape"), contexts=6, seed=1))
    assert [(each.factor, each.context) for each in records] == [
        (factor, context) for factor in ("orientation", "shape") for context in range(6)
    ]
    indices = draw_contexts(dsprites, 6, 1).tolist()
    assert [each.index for each in records] == indices * 2
    alone = closed_forms(dsprites, factors=("shape",), contexts=2, seed=1)
    np.testing.assert_equal([astuple(each) for each in alone], [astuple(each) for each in records[6:8]])


@pytest.mark.parametrize(("name", "likelihood"), [("bernoulli", Bernoulli()), ("gaussian", Gaussian())])
def test_a_spectral_value_is_the_freezing_point_of_the_action_sequence(name, likelihood, dsprites):
    for record in closed_forms(dsprites, contexts=2, seed=7, likelihood=name):
        images = action_sequence(dsprites, record.factor, record.index)
        np.testing.assert_allclose(record.spectral_beta, freezing_point(images, likelihood), rtol=1e-12)
        assert 0 < record.second_ratio <= 1
        kind = transition(images, likelihood)
        assert record.transition == kind.order
        # how many threads the linear algebra here has may move the last digits
        np.testing.assert_allclose([record.second_ratio, record.slope], [kind.second_ratio, kind.slope], rtol=1e-9)
        # the bound is found together with others', whose widths are padded
        np.testing.assert_allclose(record.beta_rd, rate_distortion_bound([images], likelihood)[0], rtol=1e-4)
        assert record.beta_rd >= (1 - 1e-9) * record.spectral_beta


def test_positions_freeze_above_scale_above_shape_above_orientation(dsprites):
    values = {name: [] for name in FACTORS}
    for record in closed_forms(dsprites, contexts=200, seed=0):
        values[record.factor].append(record.spectral_beta)
    medians = {name: float(np.median(each)) for name, each in values.items()}
    assert {name: len(each) for name, each in values.items()} == dict.fromkeys(FACTORS, 200)
    assert medians["posX"] == pytest.approx(medians["posY"], rel=0.05)
    assert min(medians["posX"], medians["posY"]) > medians["scale"] > medians["shape"] > medians["orientation"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"factors": ("colour",)}, "need a factor out of shape, .*, got 'colour'"),
        ({"contexts": 0}, "need one context or more, got 0"),
        ({"likelihood": "poisson"}, "need a likelihood out of bernoulli, gaussian, got 'poisson'"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(asked, reason, dsprites):
    with pytest.raises(IFPError, match=reason):
        list(closed_forms(dsprites, **{"contexts": 2, **asked}))


def test_a_data_set_without_labels_has_no_action_sequences():
    with pytest.raises(IFPError, match=r"need a data set with labelled factors .*, plain has none"):
        require_labelled(SimpleNamespace(name="plain", factors=None))
