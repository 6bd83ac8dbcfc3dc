"""Predicted mixing of a data set against scores and correlation ratios written out."""

import itertools

import numpy as np
import pytest

import ifp
from ifp.closed_form import mixing
from ifp.closed_form.mixing import data_mixing


@pytest.fixture(scope="module")
def patches():
    """Two factors that brighten one patch, one that brightens another: the first two share a direction."""
    factors = np.array(list(itertools.product(range(4), range(3), range(5))) * 3)
    images = np.full((len(factors), 8, 8), 0.2)
    images[:, :3] += 0.1 * factors[:, :1, None] + 0.05 * factors[:, 1:2, None]
    images[:, 5:] += 0.12 * factors[:, 2:3, None]
    return ifp.from_arrays(images, factors, ["bright", "brighter", "low"], name="patches")


def test_factors_of_one_direction_mix_by_its_correlation_ratio_and_others_do_not(patches):
    found = {(pair.factor, pair.other): pair.nats for pair in data_mixing(patches)}
    bright, brighter = 0.1 * np.arange(4), 0.05 * np.arange(3)
    shares = bright.var() / (bright.var() + brighter.var()), brighter.var() / (bright.var() + brighter.var())
    expected = [min(-0.5 * np.log(1 - share), np.log(size)) for share, size in zip(shares, (4, 3), strict=True)]
    np.testing.assert_allclose([found["bright", "brighter"], found["brighter", "bright"]], expected, rtol=0.1)
    for pair, nats in found.items():
        if "low" in pair:
            assert nats < 0.02


def test_a_factor_whose_mean_images_do_not_differ_tells_of_nothing():
    factors = np.array(list(itertools.product(range(2), range(2), range(4))) * 4)
    images = np.full((len(factors), 6, 6), 0.3)
    images[:, :2] += 0.4 * (factors[:, :1, None] ^ factors[:, 1:2, None])  # which of the two it is does not show
    images[:, 3:] += 0.1 * factors[:, 2:, None]
    found = data_mixing(ifp.from_arrays(images, factors, ["one", "other", "bright"], name="xor"))
    assert all(pair.nats == 0 for pair in found)


def test_images_drawn_from_many_say_nearly_the_same(patches, monkeypatch):
    whole = data_mixing(patches)
    monkeypatch.setattr(mixing, "_IMAGES", 150)
    drawn = data_mixing(patches)
    assert drawn == data_mixing(patches)
    np.testing.assert_allclose([p.nats for p in drawn], [p.nats for p in whole], atol=0.25)


def test_factors_are_chosen_by_name_and_one_has_nobody_to_mix_with(patches):
    assert {(p.factor, p.other) for p in data_mixing(patches, factors=("low", "bright"))} == {
        ("low", "bright"), ("bright", "low"),
    }  # fmt: skip
    assert data_mixing(patches, factors=("low",)) == ()
    with pytest.raises(ifp.IFPError, match="labelled"):
        data_mixing(ifp.from_arrays(patches.images(np.arange(9)), name="bare"))
