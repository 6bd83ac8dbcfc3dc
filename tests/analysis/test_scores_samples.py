"""What scores draw: rows as the field draws factors, groups that share a value, and codes that are refused."""

import numpy as np
import pytest

from analysis.scores.codes import LabelledCodes
from analysis.scores.protocol import SampleSizes
from analysis.scores.shared_values import draw_groups, draw_pairs
from annealing.errors import IFPError


def lattice(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def numbered(factors):
    """Codes that are the number of their row."""
    return LabelledCodes(np.arange(len(factors))[:, None] * 1.0, factors)


def with_gaps(seed=0):
    """Rows of two dependent factors, with gaps: values of one factor are not equally frequent."""
    first = np.random.default_rng(seed).binomial(4, 0.4, 300)
    return numbered(np.stack([first, (first + np.arange(300) % 2) * 3, 7 * (np.arange(300) % 3)], axis=1))


@pytest.mark.parametrize("copies", [1, 3])
def test_every_combination_equally_often_is_the_field_s_protocol_in_any_order_of_rows(copies):
    factors = np.random.default_rng(0).permutation(np.tile(lattice(3, 4, 2), (copies, 1)))
    assert numbered(factors).protocol == "gdl"
    assert numbered(np.insert(factors, 1, 6, axis=1)).protocol == "gdl"  # a constant factor changes nothing
    assert numbered(5 * factors + 1).protocol == "gdl"  # nor do the numbers of its values


@pytest.mark.parametrize(
    "factors",
    [
        lattice(3, 4)[1:],
        np.vstack([lattice(3, 4), lattice(3, 4)[:1]]),
        np.vstack([lattice(3, 4)[1:], lattice(3, 4)[-1:]]),  # as many rows, one twice and one not at all
        np.stack([np.arange(5000)] * 6, axis=1),  # more combinations than could be counted
    ],
    ids=["gap", "repeated", "gap and repeated", "diagonal"],
)
def test_gaps_and_repeated_rows_are_another_protocol(factors):
    assert numbered(factors).protocol == "rows"


def test_rows_are_drawn_with_replacement_and_equally_often():
    data = numbered(lattice(3, 4))
    rows = data.draw(24_000, np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(rows, minlength=12), 2000, atol=200)  # 4.7 standard deviations


@pytest.mark.parametrize(
    ("train", "test", "fitted", "tested", "counted"),
    [(100, 50, 100, 50, 100), (200, 100, 200, 100, 200), (250, 100, 200, 100, 250), (10_000, 5_000, 200, 100, 300)],
)
def test_rows_of_a_sample_are_drawn_once_and_none_is_tested_that_was_fitted(train, test, fitted, tested, counted):
    data, sizes = with_gaps(), SampleSizes(train=train, test=test)
    drawn = [draw(5, sizes).rows for draw in (data.train, data.test, data.counted, data.distinct)]
    assert [len(np.unique(rows)) for rows in drawn] == [*map(len, drawn)]
    assert [*map(len, drawn)] == [fitted, tested, counted, counted]
    assert not set(drawn[0].tolist()) & set(drawn[1].tolist())
    assert set(drawn[2].tolist()) == set(drawn[3].tolist())


def test_of_a_full_lattice_information_is_counted_on_rows_drawn_with_replacement():
    data, sizes = numbered(lattice(3, 4, 5)), SampleSizes(train=500, test=300)
    np.testing.assert_array_equal(data.counted(1, sizes).rows, data.train(1, sizes).rows)
    assert len(data.test(1, sizes).rows) == 300
    np.testing.assert_array_equal(data.distinct(1, sizes).rows, np.arange(60))


def test_a_sample_is_its_rows_codes_and_the_factors_that_vary():
    data = with_gaps()
    sample = data.train(3, SampleSizes(train=40))
    np.testing.assert_array_equal(sample.codes[:, 0], sample.rows)
    np.testing.assert_array_equal(sample.factors * [1, 3, 7], data.factors[sample.rows])
    again, other = data.train(3, SampleSizes(train=40)), data.train(4, SampleSizes(train=40))
    np.testing.assert_array_equal(again.rows, sample.rows)
    assert (other.rows != sample.rows).any()
    assert (data.test(3, SampleSizes(test=40)).rows != sample.rows).any()


@pytest.mark.parametrize("data", [numbered(lattice(3, 4, 5)), with_gaps()], ids=["gdl", "rows"])
def test_all_rows_of_a_group_share_the_value_of_its_factor(data):
    factor, rows = draw_groups(data, 600, 16, np.random.default_rng(1))
    assert rows.shape == (600, 16)
    assert set(factor.tolist()) == {0, 1, 2}
    for k, group in zip(factor, rows, strict=True):
        assert np.ptp(data.factors[group, k]) == 0
    for k in range(3):
        for other in {0, 1, 2} - {k}:
            assert np.ptp(data.factors[rows[factor == k], other], axis=1).mean() > 0.5


@pytest.mark.parametrize("data", [numbered(lattice(3, 4, 5)), with_gaps()], ids=["gdl", "rows"])
def test_both_ends_of_a_pair_share_the_value_and_the_pairs_of_a_group_do_not(data):
    factor, first, second = draw_pairs(data, 300, 16, np.random.default_rng(1))
    assert first.shape == second.shape == (300, 16)
    for k, a, b in zip(factor, first, second, strict=True):
        np.testing.assert_array_equal(data.factors[a, k], data.factors[b, k])
        assert np.ptp(data.factors[a, k]) > 0
    assert (first != second).mean() > 0.8


def test_a_group_s_value_is_as_frequent_as_among_the_rows_and_its_rows_equally_likely():
    data = with_gaps()
    factor, rows = draw_groups(data, 30_000, 4, np.random.default_rng(2))
    held = rows[factor == 0]
    values = data.factors[held[:, 0], 0]
    frequency = np.bincount(data.factors[:, 0], minlength=5) / 300
    np.testing.assert_allclose(np.bincount(values, minlength=5) / len(values), frequency, atol=0.03)
    members = np.flatnonzero(data.factors[:, 0] == 1)
    drawn = np.bincount(held[values == 1].ravel(), minlength=300)
    np.testing.assert_allclose(drawn[members] / drawn.sum(), 1 / len(members), rtol=0.4)
    assert drawn.sum() == drawn[members].sum()


def test_factors_that_do_not_vary_are_never_held():
    data = numbered(np.insert(lattice(3, 4), 1, 6, axis=1))
    assert data.sizes == (3, 4)
    factor, rows = draw_groups(data, 50, 8, np.random.default_rng(0))
    assert set(factor.tolist()) == {0, 1}
    assert all(np.ptp(data.factors[group, 2]) == 0 for k, group in zip(factor, rows, strict=True) if k == 1)


def test_a_factor_that_a_sample_misses_is_named():
    factors = np.zeros((4000, 2), int)
    factors[0, 0] = factors[1, 1] = 1
    with pytest.raises(IFPError, match="two values of factor 1 among the rows drawn, got one in 2: leave the factor"):
        numbered(factors).train(0, SampleSizes(train=2))


def test_a_rare_value_is_fitted_and_a_factor_of_few_labels_tested():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        factors = np.stack([rng.integers(0, 4, 900), np.zeros(900, int), np.full(900, -1)], axis=1)
        factors[rng.integers(900), 1] = 1
        factors[rng.choice(900, 3, replace=False), 2] = [0, 1, 1]
        data, sizes = numbered(factors), SampleSizes()
        assert set(data.train(seed, sizes).factors[:, 1].tolist()) == {0, 1}
        assert set(data.train(seed, sizes).factors[:, 2].tolist()) == {-1, 0, 1}
        assert (data.test(seed, sizes).factors[:, 2] >= 0).any()
        assert len(np.unique(np.concatenate([data.train(seed, sizes).rows, data.test(seed, sizes).rows]))) == 900


@pytest.mark.parametrize(
    ("code", "factors", "logvar", "said"),
    [
        (np.zeros(6), lattice(2, 3), None, r"need codes \(rows, latents\)"),
        (np.zeros((6, 2)), np.arange(6), None, r"need codes \(rows, latents\)"),
        (np.zeros((5, 2)), lattice(2, 3), None, r"got \(5, 2\), \(6, 2\)"),
        (np.zeros((6, 0)), lattice(2, 3), None, r"need codes \(rows, latents\)"),
        (np.zeros((6, 2)), lattice(2, 3), np.zeros((6, 1)), "need logvar of the shape of the codes"),
        (np.full((6, 2), np.nan), lattice(2, 3), None, "need finite codes"),
        (np.zeros((6, 2)), lattice(2, 3), np.full((6, 2), -np.inf), "need finite codes"),
        (np.zeros((6, 2)), lattice(2, 3) * 1.0, None, "need factors as whole numbers from 0, got float64"),
        (np.zeros((6, 2)), lattice(2, 3) - 2, None, "or -1 for no label, got int64, the smallest -2"),
        (np.zeros((6, 2)), lattice(2, 3) - 1, None, "need a label of a factor that varies in every row, 2 have none"),
        (np.zeros((6, 2)), np.ones((6, 3), int), None, "need at least one factor that varies"),
        (np.zeros((6, 2)), np.ones((6, 0), int), None, "need at least one factor that varies"),
    ],
)
def test_codes_that_cannot_be_scored_are_refused(code, factors, logvar, said):
    with pytest.raises(IFPError, match=said):
        LabelledCodes(code, factors, logvar)


@pytest.mark.parametrize("sizes", [{"train": 1}, {"test": 0}, {"group": 1}])
def test_samples_of_one_are_refused(sizes):
    with pytest.raises(IFPError, match="need samples and groups of 2 or more"):
        SampleSizes(**sizes)
