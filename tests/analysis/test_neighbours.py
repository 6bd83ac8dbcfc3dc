"""Information from nearest neighbours against scikit-learn's, an integral, and what may change nothing."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma
from scipy.stats import norm
from sklearn.feature_selection import mutual_info_classif

from analysis.scores.neighbours import neighbour_table, neighbour_terms


def sizes_of_classes(rng, classes, *, least):
    """Labels of classes of very different sizes, in any order of rows."""
    sizes = np.maximum(least, rng.geometric(0.05, classes))
    return rng.permutation(np.repeat(rng.permutation(20)[:classes], sizes))


def estimate(code, labels, neighbours):
    return max(float(np.nanmean(neighbour_terms(code, labels, neighbours))), 0.0)


DRAWS = {
    "normal": lambda rng, labels: rng.normal(size=len(labels)) + labels,
    "heavy tails": lambda rng, labels: rng.standard_cauchy(len(labels)) * (1 + labels),
    "very heavy tails": lambda rng, labels: rng.standard_t(0.3, len(labels)) + labels,
    "two far heaps": lambda rng, labels: rng.normal(size=len(labels)) * 1e-6 + labels % 2,
    "exponential": lambda rng, labels: rng.exponential(size=len(labels)) ** 3 * (labels + 1),
    "whole numbers": lambda rng, labels: rng.permutation(3 * len(labels))[: len(labels)] * 1.0,
}


@pytest.mark.parametrize("kind", ["normal", "heavy tails"])
@pytest.mark.parametrize("neighbours", [1, 2, 3, 5, 10, 12])
def test_the_mean_of_the_terms_is_what_scikit_learn_estimates(kind, neighbours):
    for seed in range(10):
        rng = np.random.default_rng([seed, neighbours])
        labels = sizes_of_classes(
            rng, rng.integers(2, 9), least=2 * neighbours + 2
        )  # it rounds smaller ones' distances
        labels = np.append(labels, 30)  # a class of one row
        code = DRAWS[kind](rng, labels)
        expected = mutual_info_classif(code[:, None], labels, n_neighbors=neighbours, random_state=0)[0]
        assert estimate(code / code.std(), labels, neighbours) == pytest.approx(expected, abs=1e-9), seed


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("neighbours", [1, 2, 3, 5, 10, 12])
def test_each_row_s_term_is_that_of_all_distances(kind, neighbours):
    for seed in range(4):
        rng = np.random.default_rng([seed, neighbours])
        labels = np.append(sizes_of_classes(rng, rng.integers(2, 9), least=2), [30, 31, 31])
        code = DRAWS[kind](rng, labels)
        found = neighbour_terms(code, labels, neighbours)
        np.testing.assert_allclose(found, brute_force_terms(code, labels, neighbours), atol=1e-12)


def brute_force_terms(code, labels, neighbours):
    """Terms from the distances of each row to all others."""
    sizes = np.array([np.count_nonzero(labels == label) for label in labels])
    found = np.full(len(code), np.nan)
    paired = np.flatnonzero(sizes > 1)
    for i in paired:
        distance = np.abs(code[paired] - code[i])
        k = min(neighbours, sizes[i] - 1)
        radius = np.sort(distance[labels[paired] == labels[i]])[k]  # itself is the first
        nearer = np.count_nonzero(distance < radius)
        found[i] = digamma(len(paired)) + digamma(k) - digamma(sizes[i]) - digamma(nearer)
    return found


@pytest.mark.parametrize("offset", [1e3, 1e6, -1e6])
def test_codes_far_from_0_count_the_same_neighbours_though_sums_are_rounded(offset):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 4, 200)
        code = (rng.normal(size=200) + labels) + offset
        assert len(np.unique(code)) == len(code)
        np.testing.assert_allclose(neighbour_terms(code, labels, 3), brute_force_terms(code, labels, 3), atol=1e-12)


def test_the_only_row_of_its_class_is_left_out_as_if_it_were_not_there():
    rng = np.random.default_rng(1)
    labels, code = np.append(rng.integers(0, 3, 50), 9), rng.normal(size=51)
    found = neighbour_terms(code, labels)
    assert np.isnan(found[-1])
    np.testing.assert_array_equal(found[:-1], neighbour_terms(code[:-1], labels[:-1]))


@pytest.mark.parametrize("spread", [0.5, 2.0])
@pytest.mark.parametrize("distance", [0.5, 2.0, 6.0])
def test_the_mixture_of_two_gaussians_has_the_information_of_its_densities(distance, spread):
    def term(z):
        first, second = 0.3 * norm.pdf(z), 0.7 * norm.pdf(z, distance, spread)
        both = first + second
        return sum(each * np.log(each / (share * both)) for each, share in ((first, 0.3), (second, 0.7)) if each > 0)

    expected = quad(term, -40, 40, points=[0, distance], limit=500)[0]
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        labels = (rng.random(4000) < 0.7) * 1
        code = np.where(labels, distance + spread * rng.normal(size=4000), rng.normal(size=4000))
        found.append(neighbour_table(code[:, None], labels[:, None]))
    values = [table.nats[0, 0] for table in found]
    error = found[0].standard_error(lambda nats, entropies: float(nats[0, 0]))
    assert np.mean(values) == pytest.approx(expected, abs=4 * error / np.sqrt(5))
    assert max(values) - min(values) < 6 * error


def test_neither_the_unit_nor_the_place_nor_the_sign_of_codes_nor_the_order_of_rows_changes_the_table():
    rng = np.random.default_rng(2)
    factors = rng.integers(0, [2, 5], (400, 2))
    codes = factors @ rng.normal(size=(2, 3)) + rng.normal(size=(400, 3))
    expected = neighbour_table(codes, factors).nats
    assert expected.min() > 0
    order = rng.permutation(400)
    for same in (1e-9 * codes, 1e9 * codes, -codes, codes * [4.0, 0.25, 1e4] + [3.0, 0.0, -7.0]):
        np.testing.assert_allclose(neighbour_table(same, factors).nats, expected, atol=1e-9)
    np.testing.assert_allclose(neighbour_table(codes[order], factors[order]).nats, expected, atol=1e-9)


def test_equal_codes_are_set_apart_as_scikit_learn_does_and_always_alike():
    rng = np.random.default_rng(3)
    factors = rng.integers(0, 6, (1500, 1))
    codes = np.where(rng.random((1500, 1)) < 0.8, factors, rng.integers(0, 6, (1500, 1))) * 1.0
    found = neighbour_table(codes, factors)
    np.testing.assert_array_equal(neighbour_table(codes, factors).nats, found.nats)
    theirs = [mutual_info_classif(codes, factors[:, 0], n_neighbors=10, random_state=seed)[0] for seed in range(5)]
    assert found.nats[0, 0] == pytest.approx(np.mean(theirs), abs=6 * np.std(theirs, ddof=1))


def test_a_code_that_never_moves_tells_only_noise():
    factors = np.arange(500)[:, None] % 5
    found = neighbour_table(np.full((500, 1), 1e6), factors)
    assert found.nats[0, 0] < 0.05


def test_rows_without_a_label_take_no_part_in_that_factor_alone():
    rng = np.random.default_rng(4)
    factors = rng.integers(0, 3, (300, 2))
    codes = factors + rng.normal(size=(300, 2))
    hidden = np.where(np.stack([np.arange(300) < 100, np.zeros(300, bool)], axis=1), -1, factors)
    found, whole = (neighbour_table(codes, each) for each in (hidden, factors))
    np.testing.assert_array_equal(found.nats[:, 1], whole.nats[:, 1])
    kept = codes / codes.std(axis=0)
    expected = [estimate(code[100:], factors[100:, 0], 10) for code in kept.T]
    np.testing.assert_allclose(found.nats[:, 0], expected, atol=1e-9)


def test_of_classes_of_one_row_each_nothing_is_known():
    factors = np.stack([np.arange(30), np.arange(30) % 3], axis=1)
    found = neighbour_table(np.random.default_rng(5).normal(size=(30, 2)) + factors, factors)
    np.testing.assert_array_equal(found.nats[:, 0], 0)
    assert found.nats[1, 1] > 0
