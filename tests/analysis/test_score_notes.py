"""What is said where a score misleads: each line in a case made for it, none of codes that are as they should be."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from analysis.scores.codes import LabelledCodes
from analysis.scores.matrix import information_matrix
from analysis.scores.notes import score_notes

ROWS = 7000


def labels(sizes=(3, 6, 10), rows=ROWS):
    return np.random.default_rng(0).integers(0, sizes, (rows, len(sizes)))


def healthy(factors, seed=1):
    """Standardised factors with a little noise, a latent each."""
    noise = 0.1 * np.random.default_rng(seed).standard_normal(factors.shape)
    return (factors - factors.mean(axis=0)) / factors.std(axis=0) + noise


def noted(codes, factors, **given):
    data = LabelledCodes(codes, factors)
    return [each.text for each in score_notes(data, information_matrix(data), **given)]


def test_nothing_is_said_of_dsprites_exact_factors():
    factors = np.indices((3, 6, 40, 32, 32)).reshape(5, -1).T
    assert noted(factors.astype(float), factors) == []


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_nothing_is_said_of_codes_of_all_images_in_any_direction(angle):
    factors = np.indices((3, 6, 40, 16)).reshape(4, -1).T
    turned = np.kron(np.eye(2), [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert noted(healthy(factors) @ turned, factors) == []


def test_nothing_is_said_of_good_codes_of_a_sample():
    assert noted(healthy(labels()), labels()) == []
    assert noted(labels(), labels()) == []  # codes that are classes


def test_an_outlier_fills_the_bins_and_its_latent_is_named():
    codes = healthy(labels())
    codes[0, 1] = 20.0
    (line,) = noted(codes, labels())
    assert line.startswith("an outlier or a long tail fills the bins: z1 has 99% of the codes within half of the range")
    few = healthy(labels(rows=80))
    few[0, 2] = 20.0
    assert "z2 has all codes but one within half of the range" in noted(few, labels(rows=80))[0]


@pytest.mark.parametrize("rows", [3, 8, 19])
def test_too_few_codes_have_no_outlier(rows):
    factors = np.arange(rows)[:, None] % 2
    codes = np.append(np.linspace(0, 1, rows - 1), 9.0)[:, None]  # of three, two are always in half of the range
    assert not [line for line in noted(codes, factors) if line.startswith("an outlier")]


def test_a_normal_code_has_no_outlier():
    factors = labels((2, 2))
    codes = factors + 0.2 * np.random.default_rng(4).standard_normal((ROWS, 2))
    assert noted(np.hstack([codes, np.tanh(codes)]), factors) == []


def test_a_latent_that_does_not_move_lowers_modularity():
    codes = np.insert(healthy(labels()), 1, 0.5, axis=1)
    assert noted(codes, labels()) == [
        "z1 does not move, and modularity counts it as 0: see InfoM, which leaves such latents out"
    ]
    assert noted(codes, labels(), silent=(1,)) == []  # another line tells of it


def test_latents_left_out_for_their_scale_are_named_with_the_scores_that_leave_them_out():
    (line,) = noted(healthy(labels()) * [1.0, 0.01, 0.08], labels())
    assert "z1 of InfoM and InfoC" in line
    assert "z1 of FactorVAE" in line
    assert "z1, z2 of MIG-sup" in line
    quiet = np.hstack([healthy(labels()), 0.01 * np.random.default_rng(2).standard_normal((ROWS, 1))])
    assert noted(quiet, labels()) == []  # to leave out what tells of nothing is what they are for


def test_a_latent_that_moves_and_tells_of_nothing_is_named():
    codes = np.hstack([healthy(labels()), np.random.default_rng(2).standard_normal((ROWS, 1))])
    (line,) = noted(codes, labels())
    assert line.startswith("z3 moves and tells of no factor beyond chance: InfoM, modularity and MIG-sup")
    assert noted(codes, labels(), silent=(3,)) == []


def test_few_rows_are_said_with_their_bias_and_how_often_each_is_drawn():
    factors = labels((3, 10), 600)
    biased, groups = noted(healthy(factors), factors)
    assert "groups of images are drawn from all of the 600 rows" in groups
    assert f"factor1 by {19 * 9 / 1200:.2g} of 2.3 nats" in biased
    assert "factor0" not in biased  # 0.032 nats of 1.1 are less than a twentieth
    lattice = np.repeat(np.indices((3, 10)).reshape(2, -1).T, 20, axis=0)  # the whole, not a sample of it
    (drawn,) = noted(lattice * 1.0, lattice)
    assert "drawn with replacement, each of 600 about 17 times" in drawn
    assert not any("drawn" in line for line in noted(healthy(labels(rows=5000)), labels(rows=5000)))


def test_a_factor_with_a_class_per_row_is_named():
    factors = np.hstack([labels((3, 6)), np.arange(ROWS)[:, None]])
    lines = noted(healthy(factors), factors)
    assert any(line.startswith("factor2 has 7,000 classes in 7,000 rows") for line in lines)


def test_regressions_are_told_of_rows_drawn_often_but_not_of_classes_that_they_do_not_take():
    factors = np.hstack([labels((3, 6), 900), np.arange(900)[:, None]])
    lattice = np.repeat(np.indices((3, 10)).reshape(2, -1).T, 20, axis=0)

    def of(factors, said):
        data = LabelledCodes(healthy(factors), factors)
        return next(each.scores for each in score_notes(data, information_matrix(data)) if said in each.text)

    drawn, classes = of(lattice, "are drawn with replacement"), of(factors, "900 classes")
    assert "dci-regression_informativeness" in drawn
    assert "dci-es_explicitness" in drawn
    assert "sap" in classes
    assert not [name for name in classes if "regression" in name]


def test_factors_that_tell_of_each_other_are_named():
    factors = labels()
    same = np.random.default_rng(5).random(ROWS) < 0.5
    factors[same, 1] = 2 * factors[same, 0]
    table = np.histogram2d(factors[:, 0], factors[:, 1], bins=(3, 6))[0]
    found = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert found.pvalue < 1e-6
    share = found.statistic / (2 * ROWS) / np.log(3)
    (line,) = noted(healthy(factors), factors)
    assert line.startswith(f"factors tell of each other, factor0 and factor1 ({share:.0%} of an entropy):")


def test_factors_of_many_values_are_not_taken_for_dependent_in_a_sparse_table():
    factors = labels((90, 90))
    table = np.histogram2d(*factors.T, bins=90)[0]
    assert chi2_contingency(table, lambda_="log-likelihood").pvalue < 1e-6  # the test alone would take them so
    assert not any("tell of each other" in line for line in noted(healthy(factors), factors))


@pytest.mark.parametrize(("latents", "said"), [(1, "1 latent for 3 factors"), (2, "2 latents for 3 factors")])
def test_fewer_latents_than_factors_are_said(latents, said):
    (line,) = noted(healthy(labels())[:, :latents], labels())
    assert line.startswith(said)


def test_many_latents_are_counted_not_all_named():
    codes = np.hstack([healthy(labels()), np.zeros((ROWS, 30))])
    (line,) = noted(codes, labels())
    assert line.startswith("z3, z4, z5, z6, z7, z8, z9, z10 and 22 more do not move")
