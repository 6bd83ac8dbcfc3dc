"""Predicted diffusion against chances counted by hand over contexts."""

import numpy as np
import pandas as pd
import pytest

from analysis.diffusion_risk import held_at_by_curve, predict_risks


def tables(**columns):
    points = pd.DataFrame({name: pair[0] for name, pair in columns.items()})
    slopes = pd.DataFrame({name: pair[1] for name, pair in columns.items()})
    return points, slopes


def chances(pairs):
    return {(each.factor, each.other): each.chance for each in pairs}


def test_chances_are_counted_over_contexts_with_each_ones_own_slope():
    points, slopes = tables(a=([100.0, 100.0, 50.0], [1.0, 2.0, 1.0]), b=([40.0, 61.0, 10.0], [1.0, 1.0, 1.0]))
    pairs, factors = predict_risks(points, slopes, {})
    # a holds 1 nat at 100 / e = 36.8, 100 / sqrt(e) = 60.7 and 50 / e = 18.4; b freezes at 40, 61 and 10
    assert chances(pairs) == {("a", "b"): 2 / 3, ("b", "a"): 1.0}
    assert [each.basis for each in factors] == ["slopes", "slopes"]
    np.testing.assert_allclose(factors[0].held_at, np.exp(-1))


def test_a_curve_goes_before_slopes_and_a_missing_slope_is_the_median_of_the_others():
    points, slopes = tables(a=([100.0, 100.0, 100.0], [np.nan, 1.0, 1.0]), b=([40.0, 40.0, 30.0], [1.0, 1.0, 1.0]))
    assert chances(predict_risks(points, slopes, {})[0])["a", "b"] == 2 / 3
    pairs, factors = predict_risks(points, slopes, {"a": 0.5, "b": None})
    assert chances(pairs)["a", "b"] == 0.0
    assert (factors[0].held_at, factors[0].basis) == (0.5, "curves")


def test_factors_far_apart_are_safe_and_late_ones_never():
    points, slopes = tables(a=([500.0] * 4, [2.0] * 4), b=([50.0] * 4, [2.0] * 4), c=([5.0] * 4, [2.0] * 4))
    pairs, factors = predict_risks(points, slopes, {})
    assert chances(pairs)["a", "b"] == chances(pairs)["a", "c"] == chances(pairs)["b", "c"] == 0.0
    assert [each.chance for each in factors] == [0.0, 1.0, 1.0]
    assert [each.others for each in factors] == [0.0, 1.0, 2.0]


def test_contexts_that_lack_a_factor_are_left_out_pair_by_pair():
    points, slopes = tables(
        a=([100.0, 0.0, 100.0], [1.0] * 3), b=([90.0, 90.0, np.nan], [1.0] * 3), c=([np.nan] * 3, [np.nan] * 3)
    )
    pairs, factors = predict_risks(points, slopes, {})
    assert chances(pairs)["a", "b"] == 1.0
    assert chances(pairs)["a", "c"] is None
    assert chances(pairs)["c", "a"] is None
    assert (factors[2].held_at, factors[2].basis, factors[2].chance) == (None, "nothing", None)


@pytest.mark.parametrize(
    ("nats", "expected"),
    [((3.0, 2.0, 1.0, 0.0), 0.8), ((0.9, 0.5, 0.2, 0.0), 0.2), ((2.0, 0.0, 0.0, 0.0), np.sqrt(0.2 * 0.4))],
)
def test_a_curve_is_read_at_1_nat_between_its_points_in_ln_beta(nats, expected):
    np.testing.assert_allclose(held_at_by_curve((0.2, 0.4, 0.8, 1.0), nats), expected)


def test_without_a_curve_nothing_is_read():
    assert held_at_by_curve((), ()) is None
