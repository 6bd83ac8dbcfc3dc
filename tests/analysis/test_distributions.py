"""Summaries, overlaps and paired comparisons against numpy, scipy and values worked out by hand."""

import itertools

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu, norm, wilcoxon

from analysis.distributions import Summary, compare_paired, compare_unpaired, holm, overlap, summarise
from annealing.errors import IFPError


def normal_quantiles(n):
    """A sample as even as a normal one can be."""
    return norm.ppf((np.arange(n) + 0.5) / n)


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_a_summary_holds_the_quantiles_of_numpy(n):
    beta = np.random.default_rng(n).lognormal(3, 1, n)
    found = summarise(beta)
    assert found.n == n
    np.testing.assert_allclose(
        [found.q05, found.q25, found.median, found.q75, found.q95],
        np.percentile(beta, [5, 25, 50, 75, 95]),
        rtol=1e-12,
    )


def test_a_summary_counts_no_missing_value():
    beta = np.random.default_rng(3).lognormal(3, 1, 20)
    assert summarise(np.insert(beta, [0, 4, 20], np.nan)) == summarise(beta)


@pytest.mark.parametrize("beta", [[], [np.nan, np.nan]])
def test_a_summary_of_nothing_has_no_quantile(beta):
    assert summarise(beta) == Summary(0, 0, 0, *[None] * 7)


@pytest.mark.parametrize("n", [15, 40, 400])
def test_the_interval_of_a_median_is_that_of_its_order_statistics(n):
    beta = np.sort(np.random.default_rng(n).lognormal(3, 1, n))
    found = summarise(beta)
    ends = np.array([binom.ppf(share, n, 0.5) for share in (0.025, 0.975)]).astype(int)
    # the bootstrap of a median picks order statistics too: the same ones, or their neighbours
    reach = 1 + n // 100
    assert beta[ends[0] - reach - 1] <= found.low <= beta[ends[0] + reach]
    assert beta[ends[1] - reach - 1] <= found.high <= beta[min(ends[1] + reach, n - 1)]


def test_censored_cases_have_their_place_in_every_quantile():
    beta = np.arange(1.0, 8.0)
    found = summarise(beta, below=2, above=1)
    placed = [-1e9, -1e9, *beta, 1e9]
    assert (found.n, found.below, found.above) == (7, 2, 1)
    np.testing.assert_allclose([found.median, found.q25, found.q75], np.quantile(placed, [0.5, 0.25, 0.75]))
    assert found.q05 is None
    assert found.q95 is None


def test_a_median_among_the_censored_is_not_known():
    found = summarise([5.0], below=3)
    assert (found.n, found.median, found.q95) == (1, None, None)
    assert summarise([], above=2) == Summary(0, 0, 2, *[None] * 7)


def test_one_case_has_a_median_and_no_interval():
    found = summarise([7.0])
    assert (found.median, found.low, found.high) == (7.0, None, None)


def test_equal_samples_overlap_wholly_in_any_order():
    beta = np.random.default_rng(1).lognormal(4, 0.3, 200)
    np.testing.assert_allclose(overlap(beta, beta[::-1]), 1, atol=1e-3)


def test_a_spread_that_is_only_rounding_is_none():
    point = 176 * (1 + 2.0**-52 * np.arange(4))
    assert np.ptp(np.log(point)) > 0
    assert overlap(point, point) == overlap(point, np.full(3, 176.0)) == 1
    assert overlap(point, 176 * np.array([0.9, 1.0, 1.1])) == 0


def test_samples_far_apart_do_not_overlap():
    beta = np.random.default_rng(2).lognormal(4, 0.3, 200)
    np.testing.assert_allclose(overlap(beta, 1000 * beta), 0, atol=1e-6)


@pytest.mark.parametrize("d", [0.25, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("spread", [0.05, 1.0])
def test_two_normal_samples_on_ln_beta_overlap_as_their_distance_says(d, spread):
    z = normal_quantiles(6000)
    found = overlap(np.exp(spread * z), np.exp(spread * (z + d)))
    np.testing.assert_allclose(found, 2 * norm.cdf(-d / 2), atol=0.01)


def test_overlap_is_symmetric_and_blind_to_the_unit_of_pressure_and_to_missing_values():
    rng = np.random.default_rng(4)
    a, b = rng.lognormal(4, 0.3, 80), rng.lognormal(4.2, 0.2, 60)
    expected = overlap(a, b)
    assert 0.2 < expected < 0.9
    np.testing.assert_allclose(overlap(b, a), expected, rtol=1e-9)
    np.testing.assert_allclose(overlap(50 * a, 50 * b), expected, rtol=1e-6)
    assert overlap(np.append(a, np.nan), b) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"), [([5, 5], [5, 5, 5], 1.0), ([5, 5], [6, 6], 0.0), ([5, 5], [4, 5, 6], 0.0)]
)
def test_a_sample_without_spread_is_a_point(a, b, expected):
    assert overlap(a, b) == expected


@pytest.mark.parametrize("sample", [[], [3.0], [3.0, np.nan], [3.0, 0.0], [3.0, -1.0, 2.0]])
def test_overlap_needs_two_pressures_above_0(sample):
    for pair in ((sample, [1.0, 2.0]), ([1.0, 2.0], sample)):
        with pytest.raises(IFPError, match="need two or more pressures above 0"):
            overlap(*pair)


@pytest.mark.parametrize("n", [5, 12, 40, 300])
def test_pairs_are_tested_as_scipy_tests_the_differences_of_their_logarithms(n):
    rng = np.random.default_rng(n)
    a, b = rng.lognormal(3, 0.5, n), rng.lognormal(2.8, 0.5, n)
    found = compare_paired(a, b)
    assert found.n == n
    np.testing.assert_allclose(found.p_value, wilcoxon(np.log(a / b)).pvalue, rtol=1e-9)
    np.testing.assert_allclose(found.superiority, np.mean(a > b), rtol=1e-12)
    np.testing.assert_allclose(found.ratio, np.exp(np.median(np.log(a / b))), rtol=1e-9)


def test_six_pairs_that_all_point_one_way_have_the_exact_p_of_two_in_sixty_four():
    b = np.array([3.0, 5.0, 8.0, 2.0, 9.0, 1.0])
    found = compare_paired(b * [1.1, 1.2, 1.3, 1.4, 1.5, 1.6], b)
    np.testing.assert_allclose([found.p_value, found.superiority, found.ratio], [2 / 64, 1, np.sqrt(1.3 * 1.4)])


def test_the_effect_is_the_difference_of_favourable_and_unfavourable_ranks():
    rng = np.random.default_rng(9)
    a, b = rng.lognormal(3, 0.5, 30), rng.lognormal(2.8, 0.5, 30)
    found = compare_paired(a, b)
    unfavourable = wilcoxon(np.log(a / b), alternative="greater").statistic  # scipy: sum of the positive ranks
    np.testing.assert_allclose(found.effect, 2 * unfavourable / (30 * 31 / 2) - 1, rtol=1e-12)
    assert compare_paired(2 * b, b).effect == 1
    assert compare_paired(b, b).effect == 0


@pytest.mark.parametrize(("n", "m"), [(4, 6), (20, 33)])
def test_samples_of_other_contexts_are_compared_as_scipy_compares_them(n, m):
    rng = np.random.default_rng(n)
    a, b = rng.lognormal(3, 0.5, n), rng.lognormal(2.8, 0.5, m)
    found = compare_unpaired(a, b)
    expected = mannwhitneyu(a, b)
    np.testing.assert_allclose(found.p_value, expected.pvalue, rtol=1e-9)
    np.testing.assert_allclose(found.superiority, expected.statistic / (n * m), rtol=1e-12)
    np.testing.assert_allclose(found.effect, 2 * expected.statistic / (n * m) - 1, rtol=1e-12)
    np.testing.assert_allclose(found.ratio, np.exp(np.median(np.log(a)) - np.median(np.log(b))), rtol=1e-12)
    assert (found.paired, found.n, found.m) == (False, n, m)


def test_unpaired_samples_need_a_value_each():
    with pytest.raises(IFPError, match="need a freezing point or more of either factor, got 1 and 0"):
        compare_unpaired([1.0, np.nan], [np.nan])


def test_ties_count_half_and_split_their_rank():
    found = compare_paired([2.0, 3.0, 5.0, 4.0, 1.0], [1.0, 3.0, 5.0, 1.0, 3.0])
    np.testing.assert_allclose([found.superiority, found.ratio], [(2 + 1) / 5, 1])
    # ranks of |ln ratio|: 1.5 and 1.5 for the ties, 3 for 2/1, 4 for 1/3, 5 for 4/1
    rank_sums = [sum(signs) + 1.5 for signs in itertools.product([0, 3], [0, 4], [0, 5])]
    as_far = np.abs(np.array(rank_sums) - 7.5) >= abs(3 + 5 + 1.5 - 7.5)
    np.testing.assert_allclose(found.p_value, as_far.mean())


def test_a_pair_equal_but_for_rounding_is_a_tie():
    b = np.array([0.3, 7.0, 11.0, 150.0])
    found = compare_paired(b * (1 + np.array([1, -2, 3, 1]) * 1e-15), b)
    assert (found.superiority, found.ratio, found.p_value) == (0.5, 1.0, 1.0)


def test_pairs_with_a_missing_value_are_left_out():
    a, b = np.array([1.0, 2.0, np.nan, 4.0, 5.0]), np.array([3.0, np.nan, 1.0, 2.0, 1.0])
    assert compare_paired(a, b) == compare_paired([1.0, 4.0, 5.0], [3.0, 2.0, 1.0])


def test_the_comparison_turned_round_is_its_mirror_image():
    rng = np.random.default_rng(6)
    a, b = rng.lognormal(3, 0.5, 25), rng.lognormal(2.8, 0.5, 25)
    found, mirrored = compare_paired(a, b), compare_paired(b, a)
    np.testing.assert_allclose(
        [mirrored.superiority, mirrored.ratio, mirrored.p_value],
        [1 - found.superiority, 1 / found.ratio, found.p_value],
    )


@pytest.mark.parametrize(("a", "b"), [([1.0, 2.0], [1.0]), ([[1.0, 2.0]], [[1.0, 2.0]])])
def test_pairs_need_two_rows_of_one_length(a, b):
    with pytest.raises(IFPError, match="need two rows of one length"):
        compare_paired(a, b)


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0, np.nan], [np.nan, 2.0])])
def test_pairs_need_one_context_with_both_points(a, b):
    with pytest.raises(IFPError, match="got none"):
        compare_paired(a, b)


def closed_testing(p_values):
    """Holm's method from its definition: every hypothesis that holds a given one is rejected by Bonferroni."""
    numbers = range(len(p_values))
    subsets = [each for size in numbers for each in itertools.combinations(numbers, size + 1)]
    return [max(min(1, len(s) * min(p_values[j] for j in s)) for s in subsets if i in s) for i in numbers]


def test_holm_on_an_example_worked_out_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02], rtol=1e-12)


@pytest.mark.parametrize("m", [1, 2, 3, 5, 8])
def test_holm_is_the_closed_test_of_bonferroni(m):
    p_values = np.random.default_rng(m).uniform(0, 0.4, m) ** 2
    np.testing.assert_allclose(holm(p_values.tolist()), closed_testing(p_values), rtol=1e-12)


@pytest.mark.parametrize("p_values", [[0.2, 0.2, 0.2], [0.9, 0.8], [0.01, 0.01, 1.0]])
def test_holm_treats_equal_p_values_alike_and_stays_at_1(p_values):
    np.testing.assert_allclose(holm(p_values), closed_testing(p_values), rtol=1e-12)


def test_holm_of_no_p_value_is_none():
    assert holm([]) == []
