"""Scores of continuous factors: against closed forms, numpy and scikit-learn, at their ends and in any unit."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from analysis.scores.all_scores import exact_scores, of_values_alone, score
from analysis.scores.codes import LabelledCodes
from analysis.scores.protocol import SampleSizes
from analysis.scores.regression import dci_regression, infoe_regression, sap_regression, squared_correlations
from annealing.errors import IFPError

SIZES = SampleSizes(train=600, test=300)
NAMES = [
    "sap-regression", "infoe-regression",
    "dci-regression_disentanglement", "dci-regression_completeness", "dci-regression_informativeness",
]  # fmt: skip


def labelled(code, values, **more):
    """Codes with values, their classes in four bins."""
    cut = np.stack([np.digitize(each, np.linspace(each.min(), each.max(), 5)[1:-1]) for each in values.T], axis=1)
    return LabelledCodes(code, cut, values=values, **more)


def uniform(rows, factors=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (rows, factors))


@pytest.mark.parametrize("noise", [0.5, 1.0, 3.0])
def test_a_noisy_line_has_its_share_of_the_variance(noise):
    """z = v + s n, with n of the variance of v: R^2 = 1 / (1 + s^2), of one code by correlation, of both by lines."""
    values = uniform(20_000)
    data = labelled(values + noise * uniform(20_000, seed=1), values)
    expected = 1 / (1 + noise**2)
    assert sap_regression(data) == pytest.approx(expected, abs=0.02)
    assert infoe_regression(data) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4])
def test_a_turned_pair_shares_its_factors_by_the_cosine(angle):
    """Squared correlations cos^2 and sin^2, their gap cos 2a; a line reads both factors from both latents."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    grid = np.indices((11, 11)).reshape(2, -1).T - 5.0
    for k in range(2):
        told = squared_correlations(grid @ turn, grid[:, k])
        np.testing.assert_allclose(np.sort(told), np.sort([np.cos(angle) ** 2, np.sin(angle) ** 2]), atol=1e-12)
    data = labelled(grid @ turn, grid)
    assert sap_regression(data) == pytest.approx(np.cos(2 * angle), abs=0.03)
    assert infoe_regression(data) == pytest.approx(1, abs=1e-12)


def test_squared_correlations_are_numpy_s_and_0_of_a_code_that_does_not_move():
    rng = np.random.default_rng(0)
    code, values = np.hstack([rng.normal(size=(50, 3)), np.full((50, 1), 0.3)]), rng.normal(size=50)
    expected = [np.corrcoef(each, values)[0, 1] ** 2 for each in code[:, :3].T]
    np.testing.assert_allclose(squared_correlations(code, values), [*expected, 0.0], atol=1e-12)


@pytest.mark.parametrize("missing", [False, True], ids=["complete", "missing labels"])
def test_every_score_takes_the_rows_of_its_factor_as_scikit_learn_does(missing):
    rng = np.random.default_rng(3)
    values = uniform(500)
    code = np.stack([values[:, 0] ** 3, values.sum(axis=1), rng.normal(size=500)], axis=1)
    classes = (values > 0).astype(int)
    if missing:
        values[:150, 0] = values[400:, 1] = np.nan
    classes[np.isnan(values)] = -1
    data = LabelledCodes(code, classes, values=values)
    train, test = (sample.rows for sample in (data.train(0, SIZES), data.test(0, SIZES)))
    gaps, linear, boosted = [], [], []
    for target in values.T:
        known, seen, unseen = (rows[~np.isnan(target[rows])] for rows in (np.arange(500), train, test))
        second, first = np.sort([np.corrcoef(each[known], target[known])[0, 1] ** 2 for each in code.T])[-2:]
        gaps.append(first - second)
        linear.append(LinearRegression().fit(code[known], target[known]).score(code[known], target[known]))
        model = GradientBoostingRegressor(random_state=0).fit(code[seen], target[seen])
        boosted.append(model.score(code[unseen], target[unseen]))
    found = score(code, classes, values=values, only=NAMES, sizes=SIZES)
    assert found["sap-regression"] == pytest.approx(np.mean(gaps), abs=1e-9)
    assert found["infoe-regression"] == pytest.approx(np.mean(linear), abs=1e-9)
    assert found["dci-regression_informativeness"] == pytest.approx(np.mean(boosted), abs=1e-6)


def test_exact_codes_have_1_and_independent_ones_next_to_nothing():
    values = uniform(3000) ** 3  # whose classes are no exact code
    independent = labelled(uniform(3000, 3, seed=1), values)
    reached = exact_scores(independent, only=NAMES, sizes=SIZES)
    assert reached == pytest.approx(dict.fromkeys(NAMES, 1.0), abs=0.02)
    told = score(independent.codes, independent.factors, values=values, only=NAMES, sizes=SIZES)
    of_importance = {name for name in NAMES if name.endswith(("disentanglement", "completeness"))}  # add up to 1
    assert all(told[name] < 0.02 for name in set(NAMES) - of_importance)
    assert all(told[name] < 0.2 for name in of_importance)


def test_classes_of_a_code_are_read_by_the_means_of_their_rows():
    """R^2 of indicators is the share of the variance between the classes."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 1))
    code = rng.integers(0, 4, (300, 1)) + 2 * (values > 0)
    means = np.array([values[code == each].mean() for each in range(6)])[code]
    data = LabelledCodes(code, (values > 0).astype(int), values=values)
    assert infoe_regression(data) == pytest.approx(means.var() / values.var(), abs=1e-5)


def test_values_may_be_in_any_unit_and_are_the_classes_where_none_are_given():
    values = uniform(800)
    data = labelled(values + 0.4 * uniform(800, seed=1), values)
    expected = score(data.codes, data.factors, values=values, only=NAMES, sizes=SIZES)
    scaled = score(data.codes, data.factors, values=1e290 * values - 5e289, only=NAMES, sizes=SIZES)
    assert scaled == pytest.approx(expected, abs=1e-3)  # of equally good splits, trees take another
    classes = score(data.codes, data.factors, only=NAMES, sizes=SIZES)
    assert classes == score(data.codes, data.factors, values=data.factors * 1.0, only=NAMES, sizes=SIZES)
    assert classes["infoe-regression"] < expected["infoe-regression"]


def test_a_single_latent_is_compared_with_one_that_never_moves():
    values = uniform(400, 1)
    assert sap_regression(labelled(2 - 3 * values, values), sizes=SIZES) == pytest.approx(1, abs=1e-12)


def test_scores_of_values_alone_are_told_from_others():
    assert of_values_alone(NAMES)
    assert not of_values_alone([*NAMES, "mig"])


def test_labels_that_are_no_numbers_and_values_that_do_not_fit_are_refused():
    classes = np.indices((3, 4)).reshape(2, -1).T
    values = classes.astype(float)
    values[:, 1] = np.nan
    for function in (sap_regression, infoe_regression, dci_regression):
        with pytest.raises(IFPError, match=r"need numbers as labels of every factor for .*, those of factor 1 are no"):
            function(LabelledCodes(classes * 1.0, classes, values=values))
    for wrong in (values[:, :1], np.where(classes == 1, np.inf, values), np.where(classes == 1, np.nan, classes)):
        with pytest.raises(IFPError, match="need finite values of the factors, NaN for no label"):
            LabelledCodes(classes * 1.0, classes, values=wrong)
