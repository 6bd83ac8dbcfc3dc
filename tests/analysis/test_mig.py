"""The mutual information gap against histograms of numpy and codes whose gap is known."""

import numpy as np
import pytest

from analysis.scores.binned import discretise
from analysis.scores.mig import mutual_information_gap
from annealing.errors import IFPError


def all_combinations(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def histogram_nats(code, labels, bins):
    """Plug-in information from the joint histogram of a code in bins and a factor."""
    values = np.unique(labels)
    edges = np.append(values - 0.5, values[-1] + 0.5)
    joint = np.histogram2d(code, labels, bins=[bins, edges])[0] / len(code)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    return (joint[joint > 0] * np.log(joint[joint > 0] / independent[joint > 0])).sum()


def histogram_gap(codes, factors, bins=20):
    gaps = []
    for labels in factors.T:
        shares = np.unique(labels, return_counts=True)[1] / len(labels)
        second, first = np.sort([histogram_nats(code, labels, bins) for code in codes.T])[-2:]
        gaps.append((first - second) / -(shares * np.log(shares)).sum())
    return np.mean(gaps)


@pytest.mark.parametrize("sizes", [(2, 3), (7, 5, 4), (20, 19), (11, 16)])
def test_a_code_that_is_the_factors_scores_1(sizes):
    factors = all_combinations(*sizes)
    np.testing.assert_allclose(mutual_information_gap(factors * 0.37 - 2.0, factors), 1, rtol=1e-9)


def test_a_constant_code_scores_0():
    factors = all_combinations(3, 4)
    np.testing.assert_allclose(mutual_information_gap(np.full((12, 3), 0.7), factors), 0, atol=1e-12)


def test_a_code_held_twice_scores_0():
    factors = all_combinations(3, 4)
    np.testing.assert_allclose(mutual_information_gap(np.tile(factors, 2) * 1.0, factors), 0, atol=1e-12)


def test_the_gap_is_to_the_second_latent_whatever_the_third_holds():
    factors = all_combinations(4, 4)
    coarse = factors // 2  # one of the two bits of each factor
    gap = mutual_information_gap(np.hstack([factors, coarse, 0 * factors]) * 1.0, factors)
    np.testing.assert_allclose(gap, 0.5, rtol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("noise", [0.1, 0.5, 2.0])
def test_noisy_mixed_codes_score_what_numpy_s_histograms_say(seed, noise):
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [3, 8, 32], (2000, 3))
    codes = factors @ rng.normal(size=(3, 5)) + noise * rng.normal(size=(2000, 5))
    np.testing.assert_allclose(mutual_information_gap(codes, factors), histogram_gap(codes, factors), rtol=1e-9)


@pytest.mark.parametrize("bins", [1, 7, 10, 40])
def test_other_numbers_of_bins_score_what_numpy_s_histograms_say(bins):
    rng = np.random.default_rng(5)
    factors = rng.integers(0, [3, 8, 32], (2000, 3))
    codes = factors @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(size=(2000, 5))
    found = mutual_information_gap(codes, factors, bins)
    np.testing.assert_allclose(found, histogram_gap(codes, factors, bins), rtol=1e-9, atol=1e-12)
    assert found != mutual_information_gap(codes, factors)


def test_no_bin_is_refused():
    with pytest.raises(IFPError, match="need one bin or more, got 0"):
        mutual_information_gap(np.eye(3), np.eye(3, dtype=int), bins=0)


def test_the_order_unit_and_sign_of_the_latents_change_nothing():
    rng = np.random.default_rng(4)
    factors = rng.integers(0, [3, 8], (500, 2))
    codes = factors @ rng.normal(size=(2, 4)) + 0.3 * rng.normal(size=(500, 4))
    expected = mutual_information_gap(codes, factors)
    assert 0.01 < expected < 0.9
    for same in (codes[:, [2, 0, 3, 1]], codes * [4.0, 0.25, 16.0, 2.0]):
        np.testing.assert_allclose(mutual_information_gap(same, factors), expected, rtol=1e-9)
    np.testing.assert_allclose(mutual_information_gap(-codes, factors), expected, rtol=1e-6)


def test_a_factor_of_40_values_reaches_only_what_20_bins_can_tell():
    factors = np.arange(40)[:, None]
    codes = np.hstack([factors, 0 * factors]) * 1.0
    np.testing.assert_allclose(mutual_information_gap(codes, factors), np.log(20) / np.log(40), rtol=1e-9)


def test_a_factor_that_does_not_vary_is_left_out():
    factors = all_combinations(3, 4)
    with_constant = np.insert(factors, 1, 5, axis=1)
    np.testing.assert_allclose(mutual_information_gap(factors * 1.0, with_constant), 1, rtol=1e-9)


def test_of_a_single_latent_all_information_is_gap():
    factors = all_combinations(4, 4)
    np.testing.assert_allclose(mutual_information_gap(factors[:, :1] * 1.0, factors), 0.5, rtol=1e-9)


def test_codes_fall_into_equal_bins_between_their_own_ends():
    code = np.random.default_rng(7).normal(size=(300, 2)) * [1.0, 30.0]
    for found, values in zip(discretise(code).T, code.T, strict=True):
        np.testing.assert_array_equal(np.bincount(found, minlength=21)[1:], np.histogram(values, bins=20)[0])


@pytest.mark.parametrize(
    ("codes", "factors"), [((6,), (6, 1)), ((6, 2), (6,)), ((6, 2), (5, 1)), ((0, 2), (0, 1)), ((6, 0), (6, 1))]
)
def test_shapes_that_do_not_fit_are_refused(codes, factors):
    with pytest.raises(IFPError, match=r"need codes \(samples, latents\)"):
        mutual_information_gap(np.zeros(codes), np.zeros(factors, int))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_codes_that_are_not_finite_are_refused(value):
    codes = np.zeros((6, 2))
    codes[3, 1] = value
    with pytest.raises(IFPError, match="need finite codes"):
        mutual_information_gap(codes, np.arange(6)[:, None])


def test_some_factor_must_vary():
    with pytest.raises(IFPError, match="need at least one factor that varies"):
        mutual_information_gap(np.zeros((6, 2)), np.ones((6, 3), int))
