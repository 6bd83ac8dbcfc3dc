"""Labels of scores as people bring them: some missing, continuous, text; in arrays, in files, on the command line."""

import json
import warnings

import numpy as np
import pytest

import ifp
from analysis.scores.all_scores import score
from analysis.scores.protocol import SampleSizes
from annealing.errors import IFPError
from ifp.datasets import DataWarning
from ifp.datasets.labels import partial_labels

SIZES = SampleSizes(train=200, test=100)
REGRESSIONS = ("sap-regression", "infoe-regression")


@pytest.fixture
def continuous():
    """Codes and two continuous factors, 300 rows."""
    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, (300, 2))
    return values + 0.3 * rng.standard_normal((300, 2)), values


def test_a_continuous_factor_needs_no_bins_for_regressions(continuous, tmp_path, told):
    codes, values = continuous
    found = ifp.score(codes, values, only=REGRESSIONS)
    several = np.stack([np.digitize(each, [-0.5, 0, 0.5]) for each in values.T], axis=1)  # any classes: not looked at
    assert found == score(codes, several, values=values, only=REGRESSIONS)
    assert ifp.score(codes, values, bins=3, only=REGRESSIONS) == found
    np.savez(tmp_path / "mine.npz", codes=codes, factors=values)
    code, _, out = told("score", tmp_path / "mine.npz", "--only", ",".join(REGRESSIONS), "--json")
    assert code == 0
    assert {name: json.loads(out)[name] for name in REGRESSIONS} == found


def test_bins_give_classes_to_those_that_need_them_and_values_to_the_others(continuous):
    codes, values = continuous
    found = ifp.score(codes, values, bins=4, only=["mig", *REGRESSIONS])
    assert found["mig"] == ifp.score(codes, values, bins=4, only=["mig"])["mig"]
    assert {name: found[name] for name in REGRESSIONS} == ifp.score(codes, values, only=REGRESSIONS)


@pytest.mark.parametrize("only", [None, ["mig", "sap-regression"]])
def test_a_continuous_factor_is_refused_with_both_ways_on(continuous, only):
    with pytest.raises(IFPError, match=r"factor0 has 300 values .*--bins N .*\(from Python bins=N\).*--only .*sap-reg"):
        ifp.score(*continuous, only=only)


def test_text_has_no_values_and_text_that_is_numbers_has(continuous):
    codes, values = continuous
    shapes = np.where(values > 0, "ball", "cube")
    with pytest.raises(IFPError, match="need numbers as labels of every factor for sap-regression, those of factor 0"):
        ifp.score(codes, shapes, only=["sap-regression"])
    written = np.rint(4 * values).astype(int).astype(str)
    found = ifp.score(codes, written, only=REGRESSIONS)
    assert found == ifp.score(codes, written.astype(int), only=REGRESSIONS)


def test_a_warning_counts_the_labels_of_each_factor_and_the_rows_without_any(continuous):
    codes, values = continuous
    labels = np.rint(2 * values)
    labels[:100, 0] = labels[90:120, 1] = np.nan
    with pytest.warns(DataWarning) as said:
        found = ifp.score(codes, labels, only=["mig", *REGRESSIONS], sizes=SIZES)
    assert [str(each.message) for each in said] == [
        "labels are missing, of 300 rows there are 200 of factor0, 270 of factor1: each factor is scored on the rows "
        "that have its label, and 10 rows with no label of a factor that varies are left out"
    ]
    kept = np.r_[:90, 100:300]
    classes = np.where(np.isnan(labels), -1, labels + 2).astype(int)[kept]
    assert found == score(codes[kept], classes, values=labels[kept], only=["mig", *REGRESSIONS], sizes=SIZES)
    assert found.record["protocol"] == "rows"


def test_log_variances_of_rows_without_a_label_go_with_their_codes(continuous):
    codes, values = continuous
    labels, logvar = np.rint(2 * values), np.random.default_rng(1).uniform(-3, 0, codes.shape)
    labels[::3] = np.nan
    kept = np.arange(300) % 3 > 0
    with pytest.warns(DataWarning, match="100 rows with no label of a factor that varies are left out"):
        found = ifp.score(codes, labels, logvar=logvar, only=["mig_chen"], sizes=SIZES)
    assert found == ifp.score(codes[kept], labels[kept], logvar=logvar[kept], only=["mig_chen"], sizes=SIZES)


@pytest.mark.parametrize("labels", [np.full((300, 2), np.nan), np.ones((300, 2)), [[1, None]] * 300])
def test_labels_of_one_value_or_none_are_refused_without_a_warning(continuous, labels):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(IFPError, match="need at least one factor that varies for a score"):
            ifp.score(continuous[0], labels)


def test_classes_and_values_of_partial_labels_are_those_of_the_labels_that_are_there():
    classes, values = partial_labels(
        [np.array([7, -1, 3, 3]), np.array(["b", "NA", "", "a"]), np.array([0.5, -1.0, 0.25, np.nan])], missing="-1"
    )
    assert classes.tolist() == [[1, 2, 1], [-1, 0, -1], [0, -1, 0], [0, 1, -1]]
    np.testing.assert_array_equal(values[:, 0], [7, np.nan, 3, 3])
    assert np.isnan(values[:, 1]).all()
    np.testing.assert_array_equal(values[:, 2], [0.5, np.nan, 0.25, np.nan])


def test_masked_codes_are_refused_not_read_below_the_mask(continuous):
    codes, values = continuous
    with pytest.raises(IFPError, match="need a number everywhere, got a masked array: leave the masked rows out"):
        ifp.score(np.ma.masked_less(codes, 0), values, bins=4, only=["mig"])
    assert ifp.score(np.ma.array(codes), values, bins=4, only=["mig"]) == ifp.score(codes, values, bins=4, only=["mig"])
