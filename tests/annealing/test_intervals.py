"""Intervals of a median against their exact coverage, a simulation, and scipy's."""

import numpy as np
import pytest
from scipy import stats

from annealing.errors import IFPError
from annealing.intervals import median_interval


@pytest.mark.parametrize("n", range(1, 6))
def test_below_six_values_there_is_none(n):
    assert np.isnan(median_interval(np.arange(n))).all()  # from lowest to highest covers 1 - 2 ** (1 - n) < 95%


@pytest.mark.parametrize("n", [6, 7, 8, 9, 12, 20, 40, 101])
@pytest.mark.parametrize("draw", [np.random.Generator.normal, np.random.Generator.exponential])
def test_the_median_lies_within_in_95_percent_of_samples_or_more(n, draw):
    rng = np.random.default_rng(n)
    samples = draw(rng, size=(4000, n))
    median = {np.random.Generator.normal: 0.0, np.random.Generator.exponential: np.log(2)}[draw]
    covered = np.mean([low <= median <= high for low, high in map(median_interval, samples)])
    assert covered > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 4000)
    assert covered < 0.995  # eight values, lowest to highest: 99.2%; seven of them: 93%


@pytest.mark.parametrize("n", [6, 11, 25, 60])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_the_ends_are_those_of_scipy_s_quantile_test(n, level):
    values = np.random.default_rng(n).lognormal(3, 1, n)
    low, high = median_interval(values, level)
    one_sided = (1 + level) / 2
    np.testing.assert_allclose(
        [low, high],
        [
            stats.quantile_test(values, p=0.5, alternative="greater").confidence_interval(one_sided).low,
            stats.quantile_test(values, p=0.5, alternative="less").confidence_interval(one_sided).high,
        ],
    )


def test_values_known_only_to_lie_beyond_the_others_keep_their_place():
    low, high = median_interval([-np.inf, *range(8), np.nan])
    assert (low, high) == (0, 6)  # the second of nine from either end
    assert median_interval([*range(5), np.inf])[1] == np.inf


def test_the_order_of_the_values_does_not_matter():
    values = np.random.default_rng(0).normal(size=15)
    assert median_interval(values) == median_interval(values[::-1])


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(IFPError, match=f"level between 0 and 1, got {level}"):
        median_interval(np.ones(9), level)
