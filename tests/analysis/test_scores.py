"""Scores against their formulas, written out in loops, and against small cases worked by hand."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, spearmanr

from analysis.scores import beta_vae, codes, dci, explicitness, factor_vae, irs, mig, modularity, sap, udr
from analysis.scores.shared_values import draw_pairs
from annealing.errors import IFPError


def lattice(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def mixed(sizes, latents, seed):
    """Codes that mix all factors of a lattice."""
    factors = lattice(*sizes)
    return codes.LabelledCodes(factors @ np.random.default_rng(seed).normal(size=(len(sizes), latents)), factors)


def concentration(rows):
    """Mean over rows, weighted by their sums, of 1 less the entropy of each to the base of its length."""
    total = 0.0
    for row in rows:
        shares = row[row > 0] / row.sum() if row.sum() else np.full(len(row), 1 / len(row))
        total += row.sum() / rows.sum() * (1 + (shares * np.log(shares)).sum() / np.log(len(row)))
    return total


@pytest.mark.parametrize("shape", [(2, 2), (10, 5), (3, 7), (6, 2)])
def test_disentanglement_and_completeness_are_entropies_of_rows_and_columns(shape):
    importance = np.random.default_rng(shape).exponential(size=shape)
    importance[0] = 0.0  # a dead latent
    np.testing.assert_allclose(dci.disentanglement(importance), concentration(importance), atol=1e-6)
    np.testing.assert_allclose(dci.completeness(importance), concentration(importance.T), atol=1e-6)


@pytest.mark.parametrize(
    ("importance", "disentangled", "complete"),
    [
        ([[3, 0], [0, 1]], 1.0, 1.0),
        ([[1, 0], [1, 0], [0, 1], [0, 1]], 1.0, 0.5),  # two latents of four for each factor: ln 2 of ln 4
        ([[1, 1]], 0.0, 1.0),
        ([[1, 1], [1, 1]], 0.0, 0.0),
        ([[0, 0], [0, 0]], 0.0, 0.0),
    ],
)
def test_importances_of_known_scores(importance, disentangled, complete):
    importance = np.array(importance, float)
    np.testing.assert_allclose(dci.disentanglement(importance), disentangled, atol=1e-6)
    np.testing.assert_allclose(dci.completeness(importance), complete, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 2), (10, 5), (3, 7)])
def test_modularity_compares_the_squared_information_with_the_best(shape):
    nats = np.random.default_rng(shape).exponential(size=shape)
    nats[0] = 0.0
    expected = []
    for row in nats:
        best = max(row)
        others = sum(each**2 for each in row) - best**2
        expected.append(1 - others / (best**2 * (len(row) - 1)) if best else 0.0)
    np.testing.assert_allclose(modularity.modularity_of_information(nats), np.mean(expected), atol=1e-6)


def test_modularity_counts_information_in_20_bins_of_the_sample():
    data, sizes = mixed((3, 4), 3, seed=1), codes.SampleSizes(train=500)
    sample = data.train(5, sizes)
    nats = np.zeros((3, 2))
    for j in range(3):
        for k in range(2):
            joint = np.histogram2d(sample.codes[:, j], sample.factors[:, k], bins=[20, data.sizes[k]])[0] / 500
            for row, column in zip(*np.nonzero(joint), strict=True):
                p = joint[row, column]
                nats[j, k] += p * np.log(p / joint[row].sum() / joint[:, column].sum())
    squared = nats**2
    expected = np.mean(1 - squared.min(axis=1) / squared.max(axis=1))  # with two factors, the other is the smaller
    np.testing.assert_allclose(modularity.modularity(data, seed=5, sizes=sizes).value, expected, atol=1e-6)


def test_sap_is_the_mean_gap_between_the_two_best_latents():
    accuracy = np.array([[0.9, 0.2, 0.4], [0.5, 0.7, 0.4], [0.8, 0.1, 0.1]])
    np.testing.assert_allclose(sap.gap_of_the_two_best(accuracy), (0.1 + 0.5 + 0.0) / 3, atol=1e-6)


def test_accuracies_are_of_one_latent_and_one_factor_each():
    data = codes.LabelledCodes(lattice(2, 2)[:, [1, 0, 0]] * [1.0, 5.0, 0.0] + 3.0, lattice(2, 2))
    sizes = codes.SampleSizes(train=2000, test=2000)
    found = sap.accuracies(data.train(0, sizes), data.test(0, sizes))
    np.testing.assert_allclose(found, [[0.5, 1.0], [1.0, 0.5], [0.5, 0.5]], atol=0.05)
    assert found[0, 1] == found[1, 0] == 1


def test_irs_of_two_latents_worked_by_hand():
    factors = lattice(2, 2)
    found = np.stack([[0, 1, 2, 3], 2 * factors[:, 1]], axis=1) * 1.0
    # The first latent reaches 1.5 from its mean and 0.5 with the first factor held: 2/3. The second reaches 1 and
    # stays with its factor: 1. Weighted by what they reach: (1.5 * 2/3 + 1 * 1) / 2.5.
    np.testing.assert_allclose(irs.interventional_robustness(found, factors), 0.8, atol=1e-6)


@pytest.mark.parametrize("quantile", [0.5, 0.99, 1.0])
def test_irs_is_what_a_loop_over_latents_factors_and_values_finds(quantile):
    rng = np.random.default_rng(3)
    factors = rng.integers(0, [3, 5], (400, 2))
    found = factors @ rng.normal(size=(2, 4)) + 0.3 * rng.normal(size=(400, 4))
    scores, weights = [], []
    for code in found.T:
        reach = max(abs(code - code.mean()))
        robust = []
        for labels in factors.T:
            groups = [code[labels == value] for value in set(labels.tolist())]
            within = [np.percentile(abs(group - group.mean()), 100 * quantile) for group in groups]
            robust.append(1 - np.mean(within) / reach)
        scores.append(max(robust) * reach)
        weights.append(reach)
    expected = sum(scores) / sum(weights)
    np.testing.assert_allclose(irs.interventional_robustness(found, factors, quantile=quantile), expected, atol=1e-6)


def test_irs_sees_factors_of_many_values_in_20_bins():
    labels = np.arange(40)[:, None]
    # neighbours share a bin: each is half a step from their mean, of 19.5 steps to the ends
    np.testing.assert_allclose(irs.interventional_robustness(labels * 1.0, labels), 1 - 0.5 / 19.5, atol=1e-6)


def test_a_vote_goes_to_the_latent_of_least_relative_variance():
    rng = np.random.default_rng(0)
    code, rows = rng.normal(size=(50, 4)) * [1.0, 10.0, 0.1, 1.0], rng.integers(50, size=(200, 6))
    variance = code.var(axis=0, ddof=1)
    expected = []
    for group in rows:
        within = [sum((code[group, j] - code[group, j].mean()) ** 2) / 5 / variance[j] for j in range(4)]
        expected.append(within.index(min(within)))
    np.testing.assert_array_equal(factor_vae.least_moving(code, rows, variance), expected)


def test_the_majority_of_the_training_votes_is_tested_on_the_others():
    counted = factor_vae.votes(np.array([0, 0, 1, 1, 1, 0]), np.array([0, 0, 1, 1, 0, 1]), 2, 3)
    np.testing.assert_array_equal(counted, [[2, 1, 0], [1, 2, 0]])
    test = np.array([[3, 2, 1], [1, 4, 0]])
    np.testing.assert_allclose(factor_vae.majority_accuracy(counted, test), (3 + 4 + 1) / 11, atol=1e-6)


def test_beta_vae_sees_mean_distances_of_pairs():
    data = mixed((3, 4, 5), 2, seed=2)
    found, factor = beta_vae.points(data, 20, 8, np.random.default_rng(7))
    same, first, second = draw_pairs(data, 20, 8, np.random.default_rng(7))
    expected = np.zeros((20, 2))
    for group in range(20):
        for a, b in zip(first[group], second[group], strict=True):
            expected[group] += abs(data.codes[a] - data.codes[b]) / 8
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(factor, same)


def test_factor_vae_agrees_with_draws_of_factor_vectors_one_by_one():
    data, rng, shape = mixed((3, 4, 5), 3, seed=4), np.random.default_rng(8), np.array([3, 4, 5])
    variance = data.codes.var(axis=0)
    counted = np.zeros((2, 3, 3), int)
    for half in range(2):
        for _ in range(3000):
            k, vectors = rng.integers(3), rng.integers(0, shape, (64, 3))
            vectors[:, k] = vectors[0, k]
            code = data.codes[np.ravel_multi_index(tuple(vectors.T), shape)]
            counted[half, k, np.argmin(code.var(axis=0) / variance)] += 1
    expected = sum(counted[1, np.argmax(counted[0, :, j]), j] for j in range(3)) / 3000
    assert 0.4 < expected < 0.95
    found = factor_vae.factor_vae(data, sizes=codes.SampleSizes(train=3000, test=3000))
    np.testing.assert_allclose(found, expected, atol=0.04)  # four standard deviations of two shares of 3000


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(1)
    probabilities, labels = rng.integers(0, 6, (60, 3)) / 5, rng.integers(0, 3, 60)
    areas = []
    for one in range(3):
        inside, outside = probabilities[labels == one, one], probabilities[labels != one, one]
        areas.append(np.mean([[(a > b) + 0.5 * (a == b) for b in outside] for a in inside]))
    found = explicitness.mean_area(probabilities, np.arange(3), labels)
    np.testing.assert_allclose(found, np.mean(areas), atol=1e-6)
    with_absent = explicitness.mean_area(np.hstack([probabilities, rng.random((60, 1))]), np.arange(4), labels)
    assert with_absent == found


@pytest.mark.parametrize("a", [0.3, 1.0, 3.0])
def test_the_gap_of_posteriors_is_the_information_of_the_mixture(a):
    def density_term(z):
        plus, both = norm.pdf(z, a), (norm.pdf(z, a) + norm.pdf(z, -a)) / 2
        return plus * np.log(plus / both)

    factors = lattice(2, 3)
    mean = np.stack([a * (2 * factors[:, 0] - 1), np.zeros(6)], axis=1)
    expected = quad(density_term, -8 - a, 8 + a)[0] / np.log(2) / 2  # nothing of the second factor
    np.testing.assert_allclose(mig.mig_chen(mean, np.zeros((6, 2)), factors), expected, atol=1e-3)


def test_neither_bins_nor_silent_latents_mislead_the_gap_of_posteriors():
    factors = lattice(40, 2)
    silent = 1e-4 * factors  # as means in bins, these would hold every factor a second time
    mean = np.hstack([factors, silent]) * 1.0
    logvar = np.repeat([[-8.0, -8.0, 0.0, 0.0]], 80, axis=0)
    np.testing.assert_allclose(mig.mig_chen(mean, logvar, factors), 1, atol=1e-3)
    np.testing.assert_allclose(mig.mutual_information_gap(mean, factors), 0, atol=1e-9)


def test_models_agree_as_far_as_each_latent_has_one_counterpart():
    similarity = np.array([[0.9, 0.2, 0.0], [0.1, 0.6, 0.0]])
    columns = (0.9**2 / 1.0 + 0.6**2 / 0.8 + 0.0) / 3
    rows = (0.9**2 / 1.1 + 0.6**2 / 0.7) / 2
    np.testing.assert_allclose(udr.agreement(similarity), (columns + rows) / 2, atol=1e-6)


def test_a_model_s_rank_is_the_median_agreement_of_rank_correlations():
    rng = np.random.default_rng(2)
    models = [rng.normal(size=(30, 3)).round(1) @ rng.normal(size=(3, latents)) for latents in (2, 4, 3, 3)]
    expected = []
    for i, one in enumerate(models):
        pairs = []
        for j, other in enumerate(models):
            if i != j:
                found = np.array([[abs(spearmanr(a, b).statistic) for b in other.T] for a in one.T])
                columns, rows = found.max(axis=0) ** 2 / found.sum(axis=0), found.max(axis=1) ** 2 / found.sum(axis=1)
                pairs.append((columns.mean() + rows.mean()) / 2)
        expected.append(np.median(pairs))
    np.testing.assert_allclose(udr.udr(models), expected, atol=1e-6)


def test_lasso_weights_of_orthogonal_codes_are_correlations_less_the_penalty():
    first = (2.0 * lattice(2, 2, 2) - 1) * [1.0, 5.0, 0.2]
    second = np.sign(first) @ np.array([[0.8, 0.05], [0.0, -0.6], [0.6, 0.0]])
    correlation = np.abs([[np.corrcoef(a, b)[0, 1] for b in second.T] for a in first.T])
    np.testing.assert_allclose(udr.lasso_weights(first, second), np.maximum(correlation - 0.1, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("measure", "wrong", "said"),
    [
        (dci.disentanglement, np.ones((3, 1)), "two or more factors"),
        (dci.completeness, -np.ones((3, 2)), "none below 0"),
        (modularity.modularity_of_information, np.ones((3, 1)), "two or more factors"),
        (modularity.modularity_of_information, np.full((3, 2), np.nan), "none below 0 or NaN"),
        (sap.gap_of_the_two_best, np.ones((1, 3)), "two or more latents"),
        (udr.agreement, np.full((2, 2), -0.5), "none below 0"),
    ],
)
def test_matrices_that_cannot_be_scored_are_refused(measure, wrong, said):
    with pytest.raises(IFPError, match=said):
        measure(wrong)
