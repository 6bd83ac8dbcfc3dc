"""Errors of scores of information: closed forms, standard deviations over fresh samples, how often intervals hold."""

import math

import numpy as np
import pytest

from analysis.scores import infomec, mig
from analysis.scores.binned import binned_information, binned_table, discretise, plug_in_table
from analysis.scores.codes import LabelledCodes
from analysis.scores.infomec import compactness_of_shares, modularity_of_shares
from analysis.scores.information_table import InformationTable, entropies_of
from analysis.scores.measure import Estimate
from analysis.scores.mig import gap_of_latents, mean_gap
from analysis.scores.modularity import modularity_of_information
from analysis.scores.neighbours import neighbour_table
from analysis.scores.protocol import SampleSizes

ROWS = 400
SCORES = {
    "mig": mean_gap,
    "mig_sup": gap_of_latents,
    "modularity": lambda nats, entropies: modularity_of_information(nats.clip(min=0)),
    "infom": modularity_of_shares,
    "infoc": compactness_of_shares,
}


def first_entry(nats, entropies):
    return float(nats[0, 0])


def from_counts(counts):
    """Classes of one latent and one factor (rows, 1) with these counts, latent by factor."""
    latent, factor = np.nonzero(counts)
    times = counts[latent, factor]
    return np.repeat(latent, times)[:, None], np.repeat(factor, times)[:, None]


@pytest.mark.parametrize("counts", [[[30, 10], [5, 55]], [[25, 25], [10, 40]], [[1, 98], [1, 0]], [[50, 0], [20, 30]]])
def test_the_error_of_plug_in_information_of_two_classes_is_that_of_the_delta_method(counts):
    share = np.array(counts) / np.sum(counts)
    there = share > 0
    ratio = np.log(share[there] / np.outer(share.sum(axis=1), share.sum(axis=0))[there])
    nats = (share[there] * ratio).sum()
    rows = np.sum(counts)
    freedom = there.sum() - 2 - 2 + 1  # cells that have rows
    expected = np.sqrt(((share[there] * ratio**2).sum() - nats**2) / rows - 0.5 * freedom / (2 * rows**2))
    found = plug_in_table(*from_counts(np.array(counts)))
    assert found.nats[0, 0] == pytest.approx(nats)
    assert found.standard_error(first_entry) == pytest.approx(expected, rel=1e-9)


def test_the_error_of_an_entropy_is_that_of_the_delta_method():
    factors = np.repeat([0, 1, 2], [70, 20, 10])[:, None]
    found = plug_in_table(np.zeros((100, 1), int), factors)
    share = np.array([0.7, 0.2, 0.1])
    entropy = -(share * np.log(share)).sum()
    expected = np.sqrt(((share * np.log(share) ** 2).sum() - entropy**2) / 100)
    assert found.standard_error(lambda nats, entropies: float(entropies[0])) == pytest.approx(expected, rel=1e-9)


def test_where_nothing_is_told_the_error_is_little_more_than_that_of_chi_squared():
    rng = np.random.default_rng(0)
    samples = [plug_in_table(rng.integers(0, 5, (2000, 1)), rng.integers(0, 8, (2000, 1))) for _ in range(200)]
    expected = math.sqrt(4 * 7 / 2) / 2000
    assert np.std([table.nats[0, 0] for table in samples]) == pytest.approx(expected, rel=0.15)
    errors = [table.standard_error(first_entry) for table in samples[:50]]
    assert np.mean(errors) == pytest.approx(math.sqrt(1.5) * expected, rel=0.1)  # 1 + 0.5 of its variance


def two_by_two(rows=300, seed=0):
    """Classes of two latents and two factors, each latent of both."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [2, 3], (rows, 2))
    mixed = np.stack([factors.sum(axis=1), factors[:, 1]], axis=1)
    return np.where(rng.random((rows, 2)) < 0.7, mixed, rng.integers(0, 3, (rows, 2))), factors


def test_the_error_of_a_sum_of_entries_is_that_of_the_sum_of_their_terms():
    latents, factors = two_by_two()
    found = plug_in_table(latents, factors)
    terms = 2.0 * found.terms(0, 0) - 3.0 * found.terms(1, 1) + 0.5 * found.surprisal[:, 1]
    cells = [len(np.unique(np.stack([latents[:, j], factors[:, j]]), axis=1).T) for j in range(2)]
    freedom = cells[0] - 4 - 2 + 1, cells[1] - 3 - 3 + 1
    less = 0.5 * (4 * freedom[0] + 9 * freedom[1]) / (2 * 300**2)  # squared slopes times degrees of freedom
    expected = math.sqrt(terms.var() / 300 - less)
    error = found.standard_error(lambda nats, h: float(2.0 * nats[0, 0] - 3.0 * nats[1, 1] + 0.5 * h[1]))
    assert error == pytest.approx(expected, rel=1e-9)


def test_the_error_of_a_share_of_an_entropy_is_that_of_its_derivatives():
    found = plug_in_table(*two_by_two())
    nats, entropy = found.nats[1, 1], found.entropies[1]
    terms = found.terms(1, 1) / entropy - nats / entropy**2 * found.surprisal[:, 1]
    error = found.standard_error(lambda nats, entropies: float(nats[1, 1] / entropies[1]))
    expected = math.sqrt(terms.var() / 300 - 0.5 * 2 * 2 / (2 * 300**2) / entropy**2)
    assert error == pytest.approx(expected, rel=1e-3)


def made_table(*entries, **settings):
    """A table of one factor whose latents have these terms."""
    rows = len(entries[0])
    nats = np.array([[np.mean(terms)] for terms in entries])
    known = np.ones((rows, 1), bool)
    return InformationTable(nats, np.ones(1), lambda j, k: entries[j], np.ones((rows, 1)), known, **settings)


def test_where_two_latents_tell_as_much_either_may_be_the_larger():
    first, second = 1 + np.tile([1.0, 1.0, -1.0, -1.0], 25), 1 + np.tile([1.0, -1.0, 1.0, -1.0], 25)
    found = made_table(first, second).standard_error(lambda nats, entropies: float(nats.max()))
    assert found == pytest.approx(0.1 * math.sqrt(2 * 0.5**2))  # half of each, and they are independent


def test_noise_beyond_that_of_the_terms_adds_its_variance():
    terms = 1 + np.tile([1.0, -1.0], 50)
    found = made_table(terms, noise=np.array([[0.03]])).standard_error(lambda nats, entropies: 2 * float(nats[0, 0]))
    assert found == pytest.approx(2 * math.sqrt(0.01 + 0.03))


def test_a_score_that_depends_on_nothing_has_no_error():
    assert plug_in_table(*two_by_two()).standard_error(lambda nats, entropies: 0.3) == 0


@pytest.mark.parametrize("table", [plug_in_table, neighbour_table])
def test_with_labels_of_some_rows_an_entry_is_as_sure_as_among_those_rows_alone(table):
    rng = np.random.default_rng(0)
    codes, factors = two_by_two()
    codes = codes if table is plug_in_table else codes + 0.3 * rng.normal(size=codes.shape)
    known = rng.random(300) < 0.4
    partial = np.where(np.stack([known, np.ones(300, bool)], axis=1), factors, -1)
    found = table(codes, partial)
    # blurred as all rows are, so to as many digits as the blur of equal codes leaves
    alone = table(codes[known], factors[known])
    assert found.nats[0, 0] == pytest.approx(alone.nats[0, 0], rel=1e-6)
    assert found.standard_error(first_entry) == pytest.approx(alone.standard_error(first_entry), rel=1e-6)
    whole = table(codes, factors)
    assert found.standard_error(first_entry) > 1.2 * whole.standard_error(first_entry)
    other = found.standard_error(lambda nats, entropies: float(nats[0, 1]))
    assert other == pytest.approx(whole.standard_error(lambda nats, entropies: float(nats[0, 1])))


def mixed_codes(seed, rows=ROWS):
    """Fresh codes that mix two factors and blur them."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [3, 4], (rows, 2))
    return factors @ np.array([[1.0, 0.4], [0.3, 1.0]]) + 0.5 * rng.normal(size=(rows, 2)), factors


def nats_from_neighbours(codes, factors):
    return neighbour_table(codes, factors).nats


@pytest.fixture(scope="module")
def fresh():
    """Information and entropies in 300 fresh samples, of codes in bins and from neighbours."""
    found = {}
    for name, nats in (("bins", binned_information), ("neighbours", nats_from_neighbours)):
        samples = [mixed_codes(seed) for seed in range(300)]
        found[name] = [(nats(codes, factors), entropies_of(factors)) for codes, factors in samples]
    return found


@pytest.mark.parametrize("name", SCORES)
def test_the_error_is_the_standard_deviation_over_fresh_samples(name, fresh):
    of, table = ("neighbours", neighbour_table) if name.startswith("info") else ("bins", binned_table)
    spread = np.std([SCORES[name](*sample) for sample in fresh[of]])
    errors = [table(*mixed_codes(seed)).standard_error(SCORES[name]) for seed in range(8)]
    assert 0.8 < np.mean(errors) / spread < 1.3


def measure(module, name):
    return next(each.function for each in module.MEASURES if each.names == (name,))


def test_the_error_of_mig_chen_is_the_standard_deviation_over_fresh_samples():
    codes, factors = mixed_codes(0, 5000)
    data = LabelledCodes(codes, factors, np.full(codes.shape, -1.5))
    found = [measure(mig, "mig_chen")(data, seed, SampleSizes(train=100), 1)[0] for seed in range(100)]
    assert 0.8 < np.mean([each.error for each in found]) / np.std([each.value for each in found]) < 1.3


def tailed(seed, rows=ROWS):
    """A code with an exponential tail to either side, whose bins are as wide as its two outermost values say."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, 2, (rows, 1))
    return factors + 0.5 * rng.laplace(size=(rows, 1)), factors


def test_of_an_exponential_tail_the_error_counts_that_the_bins_move():
    spread = np.std([binned_information(*tailed(seed))[0, 0] for seed in range(300)])
    tables = [binned_table(*tailed(seed)) for seed in range(20)]
    with_edges = np.mean([table.standard_error(first_entry) for table in tables])
    assert 0.8 < with_edges / spread < 1.3
    without = np.mean([plug_in_table_of(seed).standard_error(first_entry) for seed in range(20)])
    assert without < with_edges


def plug_in_table_of(seed):
    """The same bins, as if no other sample moved them."""
    codes, factors = tailed(seed)
    return plug_in_table(discretise(codes), factors)


def test_codes_that_share_their_extremes_have_bins_that_do_not_move():
    codes, factors = two_by_two()
    assert binned_table(codes * 1.0, factors).edges == []


@pytest.mark.parametrize(("module", "name"), [(mig, "mig"), (infomec, "infom")])
def test_intervals_hold_the_expectation_as_often_as_they_say(module, name):
    data = LabelledCodes(*mixed_codes(1, 40_000))
    found = [measure(module, name)(data, seed, SampleSizes(train=1000), 1)[0] for seed in range(150)]
    expectation = np.mean([each.value for each in found])
    held = np.mean([each.interval[0] <= expectation <= each.interval[1] for each in found])
    assert 0.88 < held < 0.995


@pytest.mark.parametrize(
    ("value", "error", "interval"),
    [(0.5, 0.1, (0.304, 0.696)), (0.05, 0.1, (0.0, 0.246)), (0.95, 0.1, (0.754, 1.0)), (0.3, 0.0, (0.3, 0.3))],
)
def test_intervals_are_two_errors_to_either_side_within_0_and_1(value, error, interval):
    assert Estimate(value, error).interval == pytest.approx(interval, abs=1e-3)
    assert Estimate(value).interval is None
