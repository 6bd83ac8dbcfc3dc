"""Reading freezing points off synthetic curves whose crossing is known."""

import itertools
import math

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from annealing.errors import IFPError
from annealing.freezing import Crossing, crossing, freezing_point

CRITICAL = 3.0
GRID = np.geomspace(0.1, 30.0, 400)
RATIO = GRID[1] / GRID[0]
BOTH_WAYS = pytest.mark.parametrize("order", [1, -1], ids=["heating", "cooling"])


def logarithmic(beta, slope):
    """KL of a mode with the critical pressure CRITICAL."""
    return np.maximum(0, slope * np.log(CRITICAL / beta))


@BOTH_WAYS
@pytest.mark.parametrize("threshold", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("slope", [0.5, 1.0, 4.0])
def test_a_logarithmic_curve_is_crossed_where_it_equals_the_threshold(slope, threshold, order):
    found = crossing(GRID[::order], logarithmic(GRID, slope)[::order], threshold)
    assert found.status == "ok"
    np.testing.assert_allclose(found.beta, CRITICAL * math.exp(-threshold / slope), rtol=RATIO - 1)


@BOTH_WAYS
@pytest.mark.parametrize("records", [4, 9, 50])
def test_interpolation_in_the_logarithm_of_beta_is_exact_for_a_logarithmic_curve(records, order):
    beta = np.geomspace(0.1, 30.0, records)
    found = crossing(beta[::order], (np.log(CRITICAL / beta))[::order], 0.2)  # not clipped: below 0 above CRITICAL
    np.testing.assert_allclose(found.beta, CRITICAL * math.exp(-0.2), rtol=1e-9)


@BOTH_WAYS
def test_a_step_is_crossed_halfway_between_its_records_and_a_record_at_the_threshold_is_active(order):
    beta = np.array([1.0, 4.0, 16.0, 64.0])[::order]
    assert crossing(beta, np.array([0.2, 0.2, 0.0, 0.0])[::order], 0.1).beta == pytest.approx(8)
    assert crossing(beta, np.array([0.2, 0.1, 0.0, 0.0])[::order], 0.1).beta == pytest.approx(4)


@BOTH_WAYS
@pytest.mark.parametrize(("level", "status"), [(0.0, "never_active"), (0.0999, "never_active"), (0.1, "always_active")])
def test_a_curve_on_one_side_of_the_threshold_has_no_crossing(level, status, order):
    found = crossing(GRID[::order], np.full_like(GRID, level), 0.1)
    assert found.status == status
    assert math.isnan(found.beta)


@BOTH_WAYS
@pytest.mark.parametrize("seed", range(10))
def test_noise_on_the_curve_moves_the_crossing_little(seed, order):
    kl = logarithmic(GRID, 1.0) + np.random.default_rng(seed).normal(scale=0.05, size=GRID.size)
    found = crossing(GRID[::order], kl[::order], 0.1)
    np.testing.assert_allclose(found.beta, CRITICAL * math.exp(-0.1), rtol=0.08)


@BOTH_WAYS
def test_a_latent_that_is_briefly_silent_again_froze_at_the_highest_pressure(order):
    kl = logarithmic(GRID, 1.0)
    kl[(GRID > 0.8) & (GRID < 1.0)] = 0
    found = crossing(GRID[::order], kl[::order], 0.1)
    np.testing.assert_allclose(found.beta, CRITICAL * math.exp(-0.1), rtol=RATIO - 1)


@BOTH_WAYS
def test_a_latent_that_is_briefly_active_above_a_long_silence_did_not_freeze_there(order):
    kl = logarithmic(GRID, 1.0)
    kl[(GRID > 10) & (GRID < 12)] = 2.0
    found = crossing(GRID[::order], kl[::order], 0.1)
    np.testing.assert_allclose(found.beta, CRITICAL * math.exp(-0.1), rtol=RATIO - 1)


def test_a_transient_at_the_start_of_cooling_is_not_taken_for_freezing():
    beta, kl = GRID[::-1], logarithmic(GRID, 1.0)[::-1].copy()
    kl[: round(0.03 * len(kl))] = 5.0
    np.testing.assert_allclose(crossing(beta, kl, 0.1).beta, CRITICAL * math.exp(-0.1), rtol=RATIO - 1)
    silent = np.where(np.arange(len(kl)) < 0.03 * len(kl), 5.0, 0.0)
    assert crossing(beta, silent, 0.1).status == "never_active"


def test_of_equally_good_boundaries_the_one_at_the_lowest_pressure_is_taken():
    assert crossing([16.0, 8.0, 4.0, 2.0], [0.2, 0.0, 0.2, 0.2], 0.1).beta == pytest.approx(math.sqrt(32))


@BOTH_WAYS
@pytest.mark.parametrize("seed", range(25))
def test_the_boundary_is_the_half_level_of_the_isotonic_regression_of_activity(seed, order):
    rng = np.random.default_rng(seed)
    beta = np.geomspace(100.0, 1.0, 24)
    active = rng.random(24) < np.linspace(*rng.uniform(0, 1, 2), 24)
    level = IsotonicRegression().fit_transform(np.arange(24), active.astype(float))
    silent = int((level.round(9) <= 0.5).sum())  # records from the highest pressure down
    found = crossing(beta[::order], np.where(active, 0.2, 0.0)[::order], 0.1)
    if 0 < silent < 24:
        assert found.status == "ok"
        np.testing.assert_allclose(found.beta, np.sqrt(beta[silent - 1] * beta[silent]), rtol=1e-9)
    else:
        assert found.status == ("never_active" if silent else "always_active")


@BOTH_WAYS
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_curve_that_is_not_finite_has_diverged(value, order):
    kl = logarithmic(GRID, 1.0)
    kl[17] = value
    found = crossing(GRID[::order], kl[::order], 0.1)
    assert found.status == "diverged"
    assert math.isnan(found.beta)


@pytest.mark.parametrize(
    ("beta", "kl"),
    [([1.0, 2.0, 3.0], [0.0, 1.0]), ([1.0], [0.0]), ([], []), ([[1.0, 2.0]], [[0.0, 1.0]])],
    ids=["lengths differ", "one record", "no record", "two-dimensional"],
)
def test_curves_of_the_wrong_shape_are_refused(beta, kl):
    with pytest.raises(IFPError, match="beta and KL of one length, 2 or more, got shapes"):
        crossing(np.array(beta), np.array(kl), 0.1)


@pytest.mark.parametrize(
    "beta", [[0.0, 1.0, 2.0], [-1.0, 1.0, 2.0], [1.0, 3.0, 2.0], [1.0, 1.0, 2.0], [1.0, math.nan, 2.0]], ids=str
)
def test_pressures_that_are_not_positive_and_strictly_monotone_are_refused(beta):
    with pytest.raises(IFPError, match="pressures above 0 that rise or fall strictly"):
        crossing(np.array(beta), np.array([1.0, 0.5, 0.0]), 0.1)


@pytest.mark.parametrize(("freezing", "melting"), [(2.0, 8.0), (8.0, 2.0), (4.0, 4.0)])
def test_the_freezing_point_is_the_geometric_mean_of_a_bracket_in_order(freezing, melting):
    point = freezing_point(heating=Crossing(melting, "ok"), cooling=Crossing(freezing, "ok"))
    assert (point.freezing, point.melting, point.status) == (freezing, melting, "ok")
    assert point.ifp == pytest.approx(4)
    assert (point.low, point.high) == (min(freezing, melting), max(freezing, melting))


STATUSES = {  # (heating, cooling)
    ("ok", "ok"): "ok",
    ("ok", "never_active"): "never_froze",
    ("ok", "always_active"): "above_range",
    ("never_active", "ok"): "never_froze",
    ("never_active", "never_active"): "never_froze",
    ("never_active", "always_active"): "never_froze",
    ("always_active", "ok"): "never_melted",
    ("always_active", "never_active"): "never_melted",
    ("always_active", "always_active"): "above_range",
}


@pytest.mark.parametrize(
    ("heating", "cooling"), list(itertools.product(["ok", "never_active", "always_active", "diverged"], repeat=2))
)
def test_the_status_names_the_first_branch_that_went_wrong(heating, cooling):
    melting, freezing = (2.0 if status == "ok" else math.nan for status in (heating, cooling))
    point = freezing_point(Crossing(melting, heating), Crossing(freezing, cooling))
    assert point.status == STATUSES.get((heating, cooling), "diverged")
    np.testing.assert_equal((point.melting, point.freezing), (melting, freezing))
    if point.status != "ok":
        assert all(math.isnan(value) for value in (point.ifp, point.low, point.high))
