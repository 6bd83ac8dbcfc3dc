"""Reading freezing points off synthetic curves whose crossing is known."""

import math

import numpy as np
import pytest
from scipy import special
from sklearn.isotonic import IsotonicRegression

from annealing.errors import IFPError
from annealing.freezing import Crossing, Loop, balance, crossing, freezing_point, gap_between, read_loops

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


def branch(beta, status="ok"):
    return Crossing(beta if status == "ok" else math.nan, status)


def loop(number, freezing, melting):
    return Loop(number, None if freezing is None else branch(freezing), None if melting is None else branch(melting))


def test_the_slowest_loop_that_gave_both_ends_is_read():
    loops = [loop(0, None, 9.0), loop(1, 2.0, 8.0), loop(2, 3.0, 6.0), Loop(3, branch(4.0), branch(0, "always_active"))]
    point = freezing_point(loops, 2.5)
    assert (point.freezing, point.melting, point.status, point.loop) == (3.0, 6.0, "ok", 2)
    assert point.middle == pytest.approx(18**0.5)


@pytest.mark.parametrize(
    ("loops", "status", "ends"),
    [
        ([Loop(0, None, branch(0, "always_active"))], "above_range", (math.nan, math.nan)),
        ([loop(0, None, 9.0), Loop(1, branch(4.0), branch(0, "always_active"))], "never_melted", (4.0, 9.0)),
        ([loop(0, None, 9.0), Loop(1, branch(0, "never_active"), None)], "never_froze", (math.nan, 9.0)),
        (
            [Loop(0, None, branch(0, "never_active")), Loop(1, branch(0, "never_active"), None)],
            "never_froze",
            (math.nan, math.nan),
        ),
        ([loop(0, None, 9.0), Loop(1, branch(0, "diverged"), branch(9.0))], "diverged", (math.nan, math.nan)),
        ([Loop(1, branch(4.0), None)], "ok", (4.0, math.nan)),  # a protocol that only cools
        ([Loop(1, branch(0, "never_active"), None)], "never_froze", (math.nan, math.nan)),
        ([Loop(1, branch(0, "always_active"), None)], "above_range", (math.nan, math.nan)),
        ([], "above_range", (math.nan, math.nan)),
        ([loop(0, None, 9.0)], "never_froze", (math.nan, 9.0)),  # its steps were spent in the survey
        ([loop(0, None, 9.0), Loop(1, branch(0, "always_active"), branch(8.0))], "never_froze", (math.nan, 8.0)),
        (
            [Loop(1, branch(4.0), None), Loop(2, branch(4.5), branch(0, "always_active"))],
            "never_melted",
            (4.5, math.nan),
        ),
    ],
)
def test_the_status_says_what_is_missing(loops, status, ends):
    point = freezing_point(loops, 2.5)
    assert point.status == status
    np.testing.assert_equal((point.freezing, point.melting), ends)
    assert point.loop == (-1 if status == "diverged" or not loops else loops[-1].number)


def test_loops_are_read_branch_by_branch_at_the_threshold():
    rising = np.geomspace(5, 20, 50)
    kl = np.where(rising < 10, 1.0, 0.0)
    direction = np.array(["learn"] * 2 + ["heat"] * 50 + ["cool"] * 50 + ["heat"] * 50 + ["done"] * 3)
    number = np.repeat([0, 0, 1, 1, 1], [2, 50, 50, 50, 3])
    beta = np.concatenate([[5, 5], rising, rising[::-1] * 0.9, rising * 1.1, [np.nan] * 3])
    nats = np.concatenate([[9, 9], kl, kl[::-1], kl, [np.nan] * 3])
    survey, first = read_loops(direction, number, beta, nats, 0.1)
    assert (survey.number, first.number, survey.cooling) == (0, 1, None)
    assert survey.heating.beta == pytest.approx(10, rel=0.03)
    assert first.cooling.beta == pytest.approx(9, rel=0.03)
    assert first.heating.beta == pytest.approx(11, rel=0.03)
    assert first.width == pytest.approx(math.log(11 / 9), abs=0.06)
    assert math.isnan(survey.width)


@pytest.mark.parametrize("slowdown", [2.0, 2.5, 4.0])
def test_a_gap_that_shrinks_as_the_root_of_the_speed_is_lag_and_one_that_stays_a_jump(slowdown):
    for wide in (0.06, 0.15, 0.3, 1.0):
        assert gap_between(wide * slowdown**0.5, wide, slowdown) == "lag"
        assert gap_between(wide, wide, slowdown) == "first_order"
        assert gap_between(0.2 + wide * slowdown**0.5, 0.2 + wide, slowdown) == "first_order"
    assert gap_between(0.5, 0.04, slowdown) == "none"
    assert gap_between(math.nan, 0.5, slowdown) == ""


@pytest.mark.parametrize(
    ("slowdown", "gap"), [(2.5, "lag"), (9.0, "first_order")], ids=["as much as lag would shrink", "less"]
)
def test_the_gap_of_a_point_is_judged_from_the_last_whole_loop_and_the_one_before_it(slowdown, gap):
    loops = [loop(0, None, 9.0), *(loop(k, 5 * math.exp(-w), 5.0) for k, w in ((1, 2.0), (2, 0.3), (3, 0.2)))]
    broken = Loop(4, branch(4.0), branch(0, "always_active"))
    assert freezing_point([*loops, broken], slowdown).gap == gap
    assert freezing_point(loops[:2], slowdown).gap == ""  # one speed
    assert freezing_point([*loops[:2], broken, loop(5, 4.5, 5.0)], slowdown).gap == ""  # loops 1 and 5 are no pair
    assert freezing_point([*loops, loop(4, 4.9, 5.0)], slowdown).gap == "none"


def simulated(jump, speeds=(4e-3, 1e-3), floor=1e-6):
    """KL a^2 along loops of an amplitude that grows at the rate u - a^2 or, if it jumps, u + a^2 - a^4.

    Here u = ln(lam / beta), and the rate is per 1 / 0.3 steps.
    """
    amplitude, rows = 1.0, []
    for number, speed in enumerate(speeds, 1):
        falling = np.exp(np.arange(0.6, -1.2, -speed)) * CRITICAL
        for direction, pressures in (("cool", falling), ("heat", falling[::-1])):
            for beta in pressures:
                square = amplitude**2
                rate = math.log(CRITICAL / beta) + (square - square**2 if jump else -square)
                amplitude = max(amplitude * math.exp(rate * 0.3), floor)
                rows.append((direction, number, beta, amplitude**2))
    return [np.array(each) for each in zip(*rows, strict=True)]


@pytest.mark.parametrize(("jump", "gap"), [(False, "lag"), (True, "first_order")])
def test_a_pitchfork_with_a_noise_floor_lags_and_a_subcritical_one_jumps(jump, gap):
    point = freezing_point(read_loops(*simulated(jump), 0.1), 4.0)
    assert (point.status, point.loop, point.gap) == ("ok", 2, gap)
    assert point.freezing < CRITICAL
    if jump:  # active up to u = -1/4, and as long as the passage of a fold takes: up to a zero of Airy's function
        (zero,), *_ = special.ai_zeros(1)
        delay = -zero * 1e-3 ** (2 / 3) / 0.3 ** (2 / 3)
        assert math.log(point.melting / CRITICAL) == pytest.approx(0.25 + delay, abs=0.01)
    else:  # to grow from the floor to the threshold takes this delay
        delay = math.sqrt(2 * 1e-3 * math.log(math.sqrt(0.1) / 1e-6) / 0.3)
        assert math.log(CRITICAL / point.freezing) == pytest.approx(delay, rel=0.1)
        assert point.melting == pytest.approx(CRITICAL * math.exp(-0.1), rel=0.03)


def test_a_branch_of_one_record_is_none_and_other_records_do_not_matter():
    direction = np.array(["heat", "heat", "cool", "heat", "cool"])
    number = np.array([0, 0, 1, 1, 7])
    found = read_loops(direction, number, np.array([5.0, 6.0, 5.5, 5.0, 9.0]), np.array([1, 0, 0, 1, 0]), 0.1)
    assert [each.number for each in found] == [0, 1, 7]
    assert [(each.cooling, each.heating) for each in found[1:]] == [(None, None)] * 2
    assert found[0].heating.status == "ok"


def test_without_any_swept_record_there_is_no_loop():
    learn = np.array(["learn"] * 3 + ["done"])
    assert read_loops(learn, np.zeros(4, int), np.array([5.0, 5.0, 5.0, math.nan]), np.ones(4), 0.1) == []


@BOTH_WAYS
@pytest.mark.parametrize("lag", [0.8, 1.0, 1.25])
def test_balance_is_1_at_equilibrium_and_else_the_pressure_whose_state_a_branch_shows_over_its_own(lag, order):
    beta = np.geomspace(20, 60, 2000)[::order]
    shown = np.minimum(lag * beta, 50.0)  # KL = 2 ln(50 / beta): d rec = -beta d KL gives rec = 2 beta + constant
    kl, reconstruction = 2 * np.log(50 / shown), 2 * shown + 7
    assert balance(beta, kl, reconstruction) == pytest.approx(lag, rel=1e-3)


def test_balance_leaves_out_records_that_are_silent_and_needs_three_that_are_not():
    beta, kl = np.array([10.0, 8.0, 6.0, 4.0, 2.0]), np.array([0.0, 0.0, 0.1, 0.4, 0.9])
    reconstruction = np.array([np.nan, 99.0, 50.0, 48.4, 46.6])  # 1.6 and 1.8 for 0.3 at 5 and 0.5 at 3
    assert balance(beta, kl, reconstruction) == pytest.approx(3.4 / 3.0)
    assert math.isnan(balance(beta, kl, reconstruction, silent=0.1))
    assert math.isnan(balance(beta, np.zeros(5), reconstruction))
    assert math.isnan(balance(beta, np.full(5, 0.3), reconstruction))  # no work
