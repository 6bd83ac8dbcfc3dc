"""Contexts and action sequences on dSprites, and the order in which its factors freeze."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from annealing.errors import IFPError
from annealing.landau import transition
from annealing.likelihood import Bernoulli, Gaussian
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import freezing_point
from ifp.contexts import action_sequence, draw_contexts, require_factors, spectrum
from ifp.datasets import load_dataset

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
        images=lambda index: (bars.images(index) * 255).astype(np.uint8),
    )
    found, expected = (action_sequence(each, "brightness", 9) for each in (as_bytes, bars))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1 / 255, rtol=0)
    assert found.amax(dim=(1, 2, 3)).diff().min() > 0.2


def test_one_seed_draws_one_set_of_contexts_and_another_seed_another(dsprites):
    assert draw_contexts(dsprites, 100, 4).tolist() == draw_contexts(dsprites, 100, 4).tolist()
    assert set(draw_contexts(dsprites, 100, 4).tolist()) != set(draw_contexts(dsprites, 100, 5).tolist())


@pytest.mark.parametrize("n", [1, 8, 999])
def test_the_first_contexts_of_a_longer_draw_are_the_shorter_draw(n, dsprites):
    assert draw_contexts(dsprites, 1000, 2)[:n].tolist() == draw_contexts(dsprites, n, 2).tolist()


def test_contexts_do_not_repeat_while_there_are_enough_images(bars, dsprites):
    assert len(set(draw_contexts(dsprites, 5000, 0).tolist())) == 5000
    drawn = draw_contexts(bars, 70, 0)  # of 32 images
    assert sorted(drawn[:32].tolist()) == sorted(drawn[32:64].tolist()) == list(range(32))


def test_all_factors_share_their_contexts(dsprites):
    records = list(spectrum(dsprites, factors=("orientation", "shape"), contexts=6, seed=1))
    assert [(each.factor, each.context) for each in records] == [
        (factor, context) for factor in ("orientation", "shape") for context in range(6)
    ]
    indices = draw_contexts(dsprites, 6, 1).tolist()
    assert [each.index for each in records] == indices * 2
    assert list(spectrum(dsprites, factors=("shape",), contexts=2, seed=1)) == records[6:8]


@pytest.mark.parametrize(("name", "likelihood"), [("bernoulli", Bernoulli()), ("gaussian", Gaussian())])
def test_a_spectral_value_is_the_freezing_point_of_the_action_sequence(name, likelihood, dsprites):
    for record in spectrum(dsprites, contexts=2, seed=7, likelihood=name):
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
    for record in spectrum(dsprites, contexts=200, seed=0):
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
        list(spectrum(dsprites, **{"contexts": 2, **asked}))


def test_a_data_set_without_labels_has_no_action_sequences():
    with pytest.raises(IFPError, match=r"need a data set with labelled factors .*, plain has none"):
        require_factors(SimpleNamespace(name="plain", factors=None))
