"""Which likelihood rows suggest: by their values; the spread of counts against scipy's test of a table."""

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import chi2_contingency

from annealing.errors import DataError
from ifp.closed_form.proposal import pearson_spread, proposed_likelihood
from ifp.datasets.samples import sample_rows

RNG = np.random.default_rng(0)
RATES = RNG.gamma(2.0, 1.0, (300, 1)) * RNG.gamma(2.0, 1.0, (1, 40))
POISSON = RNG.poisson(RATES) + (RATES.mean() < RATES)
DISPERSED = RNG.poisson(RATES * RNG.gamma(0.5, 2.0, RATES.shape)) + np.eye(300, 40, dtype=int)
DISPERSED[:, 0] += 1


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize(
    ("values", "likelihood", "total"),
    [
        (np.eye(6), "bernoulli", False),
        (np.eye(6, dtype=bool), "bernoulli", False),
        (RNG.poisson(RATES) + 1, "poisson", True),
        (DISPERSED, "negative-binomial", True),
        (DISPERSED.astype(np.float32), "negative-binomial", True),
        (DISPERSED - 3, "gaussian-shared", False),
        (DISPERSED / 2, "gaussian-shared", False),
        (np.eye(6) / 2, "gaussian-shared", False),
    ],
    ids=["binary", "booleans", "counts", "wide counts", "counts as floats", "below 0", "halves", "in 0..1"],
)
def test_values_say_which_likelihood(values, likelihood, total, form):
    found = proposed_likelihood(sample_rows(form(values)))
    assert (found.likelihood, found.total) == (likelihood, total)


def test_pictures_are_bernoulli_as_everywhere():
    assert proposed_likelihood(sample_rows("dsprites-tiny")).likelihood == "bernoulli"
    assert proposed_likelihood(sample_rows(RNG.integers(0, 256, (9, 4, 4), np.uint8))).likelihood == "bernoulli"


def test_the_spread_is_pearsons_statistic_over_its_degrees_of_freedom():
    for counts in (POISSON + 1, DISPERSED):
        known = chi2_contingency(counts)
        for form in (np.asarray, sparse.csr_array):
            found = pearson_spread(sample_rows(form(counts), exposure="total"))
            assert found == pytest.approx(known.statistic / known.dof)
    alike = sample_rows(RNG.poisson(3.0, (2000, 20)))
    assert pearson_spread(alike) == pytest.approx(1, abs=0.05)


def test_an_exposure_that_was_named_is_not_replaced():
    named = sample_rows(DISPERSED, exposure="none")
    found = proposed_likelihood(named, exposure_named=True)
    assert (found.likelihood, found.total) == ("negative-binomial", False)
    assert "spread" in found.because


def test_rows_and_tables_without_a_count_are_told():
    with pytest.raises(DataError, match="row 1 sums to 0: leave it out, or take the exposure none"):
        proposed_likelihood(sample_rows([[1, 2], [0, 0], [3, 0]]))
    with pytest.raises(DataError, match="need counts above 0"):
        pearson_spread(sample_rows(np.zeros((3, 2)), exposure=[1, 1, 1]))
