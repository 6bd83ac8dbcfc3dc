"""Scores where rows lack labels of some factors: each factor on the rows that have its label, by hand or by oracle."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from analysis.information import factor_entropy, information
from analysis.scores.all_scores import exact_scores, score
from analysis.scores.binned import plug_in_table
from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.explicitness import explicitness
from analysis.scores.factor_values import exact_codes
from analysis.scores.infomec import information_of_sample
from analysis.scores.irs import interventional_robustness
from analysis.scores.mig import mean_gap, mig_chen
from analysis.scores.protocol import SampleSizes
from analysis.scores.sap import sap
from analysis.scores.shared_values import draw_groups, draw_pairs
from annealing.errors import IFPError

SIZES = SampleSizes(train=600, test=300, group=16)


def partial(rows=1200, seed=0):
    """Codes that mix factors of 4 and 3 values; a third lack the label of the first, others that of the second."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [4, 3], (rows, 2))
    codes = factors @ rng.normal(size=(2, 3)) + 0.3 * rng.standard_normal((rows, 3))
    chance = rng.random(rows)
    factors[chance < 0.3, 0] = -1
    factors[chance > 0.9, 1] = -1
    return LabelledCodes(codes, factors)


DATA = partial()
TRAIN, TEST = DATA.train(0, SIZES), DATA.test(0, SIZES)


def alone(sample, k):
    """The rows of a sample that have the label of one factor, and that factor only."""
    there = sample.factors[:, k] >= 0
    return Sample(sample.rows[there], sample.codes[there], sample.factors[there, k : k + 1])


def of_one_factor(k):
    """As labelled codes of whose samples there are only the rows with a label of one factor."""
    return SimpleNamespace(
        sizes=DATA.sizes[k : k + 1], train=lambda *_: alone(TRAIN, k), test=lambda *_: alone(TEST, k)
    )


def found(name):
    return score(DATA.codes, DATA.factors, only=[name], sizes=SIZES)[name]


def test_mig_s_terms_are_those_of_histograms_of_the_rows_with_a_label():
    gaps = []
    for k, size in enumerate(DATA.sizes):
        there, labels = TRAIN.factors[:, k] >= 0, TRAIN.factors[:, k]
        nats = []
        for code in TRAIN.codes.T:
            edges = np.linspace(code.min(), code.max(), 21)
            joint = np.histogram2d(code[there], labels[there], bins=[edges, np.arange(size + 1) - 0.5])[0] / there.sum()
            apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
            nats.append((joint[joint > 0] * np.log(joint[joint > 0] / apart[joint > 0])).sum())
        shares = np.bincount(labels[there]) / there.sum()
        second, first = np.sort(nats)[-2:]
        gaps.append((first - second) / -(shares * np.log(shares)).sum())
    assert found("mig") == pytest.approx(np.mean(gaps), abs=1e-12)


@pytest.mark.parametrize(("name", "function"), [("sap", sap), ("explicitness", explicitness)])
def test_sap_and_explicitness_are_means_of_what_each_factor_s_own_rows_give(name, function):
    assert found(name) == pytest.approx(np.mean([function(of_one_factor(k)) for k in range(2)]), abs=1e-12)


def test_dci_fits_and_tests_each_factor_s_trees_on_its_own_rows():
    accuracy = []
    for k in range(2):
        seen, unseen = alone(TRAIN, k), alone(TEST, k)
        model = ExtraTreesClassifier(max_features=None, min_samples_leaf=0.005, random_state=0)
        model.fit(seen.codes, seen.factors[:, 0])
        accuracy.append(model.score(unseen.codes, unseen.factors[:, 0]))
    assert found("dci-forest_informativeness") == pytest.approx(np.mean(accuracy), abs=1e-12)


def test_irs_takes_of_each_factor_its_own_rows_and_weighs_latents_by_all():
    own = [alone(TRAIN, k) for k in range(2)]
    robust = [
        max(interventional_robustness(each.codes[:, j : j + 1], each.factors) for each in own)
        for j in range(TRAIN.codes.shape[1])
    ]
    largest = np.abs(TRAIN.codes - TRAIN.codes.mean(axis=0)).max(axis=0)
    assert found("irs") == pytest.approx(np.average(robust, weights=largest), abs=1e-12)


def test_a_latent_that_stands_still_among_a_factor_s_rows_is_not_robust_by_that():
    codes = np.array([[0.0], [0.0], [1.0], [2.0]])
    factors = np.array([[0, -1], [1, -1], [-1, 0], [-1, 0]])
    assert interventional_robustness(codes, factors[:, :1]) == 0


def test_mig_of_posteriors_takes_each_factor_s_own_rows():
    mean, factors = DATA.codes[:500], DATA.factors[:500]
    logvar = np.random.default_rng(3).uniform(-4, 0, mean.shape)
    nats, entropies = [], []
    for k in range(2):
        there = factors[:, k] >= 0
        own = factors[there, k : k + 1]
        nats.append([information(mean[there, j : j + 1], logvar[there, j : j + 1], own)[0, 0] for j in range(3)])
        entropies.append(factor_entropy(own)[0])
    expected = mean_gap(np.array(nats).T, np.array(entropies))
    assert mig_chen(mean, logvar, factors) == pytest.approx(expected, abs=1e-12)
    data = LabelledCodes(mean, factors, logvar)
    rows = data.counted(0, SIZES).rows
    scored = score(mean, factors, logvar=logvar, only=["mig_chen"], sizes=SIZES)["mig_chen"]
    assert scored == pytest.approx(mig_chen(mean[rows], logvar[rows], factors[rows]), abs=1e-12)


@pytest.mark.parametrize("discrete", [False, True])
def test_information_behind_infomec_is_that_of_each_factor_s_own_rows(discrete):
    codes = np.rint(TRAIN.codes) if discrete else TRAIN.codes
    both = information_of_sample(codes, TRAIN.factors, discrete=discrete)
    for k in range(2):
        there = TRAIN.factors[:, k] >= 0
        own = information_of_sample(codes[there], TRAIN.factors[there, k : k + 1], discrete=discrete)
        np.testing.assert_allclose(both.nats[:, k], own.nats[:, 0], atol=1e-9)


def test_the_error_with_missing_labels_is_that_of_resampled_rows():
    """Standard deviation of the mean gap over 200 bootstrap samples, known to 5%."""
    classes = np.stack([np.unique(np.rint(code), return_inverse=True)[1] for code in DATA.codes.T], axis=1)
    table = plug_in_table(classes, DATA.classes)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(200):
        rows = rng.integers(len(classes), size=len(classes))
        again = plug_in_table(classes[rows], DATA.classes[rows])
        drawn.append(mean_gap(again.nats, again.entropies))
    assert table.standard_error(mean_gap) == pytest.approx(np.std(drawn), rel=0.15)


def test_groups_and_pairs_hold_values_of_rows_with_a_label_as_often_as_they_are_there():
    factor, rows = draw_groups(DATA, 12_000, 3, np.random.default_rng(1))
    held = DATA.factors[rows, factor[:, None]]
    assert (held >= 0).all()
    assert (np.ptp(held, axis=1) == 0).all()
    np.testing.assert_allclose(np.bincount(factor) / len(factor), 1 / 2, atol=0.02)
    for k in range(2):
        labels = DATA.factors[:, k]
        expected = np.bincount(labels[labels >= 0]) / (labels >= 0).sum()
        np.testing.assert_allclose(np.bincount(held[factor == k, 0]) / (factor == k).sum(), expected, atol=0.03)
    factor, first, second = draw_pairs(DATA, 300, 16, np.random.default_rng(1))
    np.testing.assert_array_equal(DATA.factors[first, factor[:, None]], DATA.factors[second, factor[:, None]])
    assert (DATA.factors[first, factor[:, None]] >= 0).all()


def test_exact_codes_have_the_labels_that_are_there_and_as_frequent_ones_elsewhere():
    exact = exact_codes(DATA, "classes")
    there = DATA.classes >= 0
    np.testing.assert_array_equal(exact[there], DATA.classes[there])
    for k in range(2):
        expected = np.bincount(DATA.classes[there[:, k], k]) / there[:, k].sum()
        filled = exact[~there[:, k], k].astype(int)
        np.testing.assert_allclose(np.bincount(filled) / len(filled), expected, atol=0.12)
    np.testing.assert_array_equal(exact, exact_codes(DATA, "classes"))


def test_exact_codes_reach_the_top_where_labels_are_missing():
    only = ["factor_vae", "beta_vae", "irs", "infoe", "dci-forest_informativeness", "infoe-regression"]
    reached = exact_scores(DATA, only=only, sizes=SIZES)
    assert reached == pytest.approx(dict.fromkeys(reached, 1.0), abs=0.01)
    assert reached["factor_vae"] == 1.0
    complete = np.where(DATA.classes < 0, 0, DATA.classes)
    assert exact_scores(DATA, only=["mig"], sizes=SIZES)["mig"] == pytest.approx(
        exact_scores(LabelledCodes(DATA.codes, complete), only=["mig"], sizes=SIZES)["mig"], abs=0.02
    )


@pytest.mark.parametrize("label", [-1, 5], ids=["none", "one value"])
def test_a_factor_without_two_labelled_values_is_left_out(label):
    codes, factors = DATA.codes, np.random.default_rng(2).integers(0, 3, len(DATA.codes))
    other = np.full(len(factors), -1)
    other[::7] = label
    only = ["mig", "sap", "explicitness", "irs", "infoc", "infoe"]
    expected = score(codes, factors[:, None], only=only, sizes=SIZES)
    assert score(codes, np.stack([other, factors], axis=1), only=only, sizes=SIZES) == expected


def test_a_missing_label_is_another_protocol():
    factors = np.indices((3, 4)).reshape(2, -1).T
    assert LabelledCodes(factors * 1.0, factors).protocol == "gdl"
    factors[5, 0] = -1
    assert LabelledCodes(factors * 1.0, factors).protocol == "rows"


def test_a_factor_whose_labels_a_sample_misses_is_named():
    factors = np.stack([np.arange(4000) % 3, np.full(4000, -1)], axis=1)
    factors[:2, 1] = [0, 1]
    data = LabelledCodes(np.ones((4000, 1)), factors)
    assert {0, 1} <= set(data.train(0, SampleSizes(train=20)).factors[:, 1].tolist())
    data = LabelledCodes(data.codes, np.insert(factors, 1, np.arange(4000) % 2, axis=1))
    for draw in (data.train, data.distinct):
        with pytest.raises(IFPError, match="need two values of factor 2 among the rows drawn, got none in 2: leave"):
            draw(0, SampleSizes(train=2))
    with pytest.raises(IFPError, match="need a label of factor 2 among the rows drawn, got none in 20"):
        data.test(1, SampleSizes(test=20))
