"""The state machine that steers a case, driven by KL laws whose freezing point is known."""

import itertools
import math
from dataclasses import astuple, replace

import numpy as np
import pytest

from annealing.errors import IFPError
from annealing.hysteresis import Bounds, Pace, Position, advance

LAM = 50.0
BOUNDS = Bounds(15.0, 150.0)
PACE = Pace()


def equilibrium(gain):
    """KL = g ln(lam / beta): no hysteresis."""
    return lambda position: gain * max(0.0, math.log(LAM / position.beta))


def hysteretic(freezing, melting):
    """A jump of 0.5 nats: it freezes below ``freezing`` and melts above ``melting``."""
    state = {"active": True}

    def law(position):
        if position.beta > melting:
            state["active"] = False
        elif position.beta < freezing:
            state["active"] = True
        return 0.5 if state["active"] else 0.0

    return law


def walk(law, pace=PACE, bounds=BOUNDS, limit=100_000):
    positions = [Position("learn", bounds.low)]
    while positions[-1].phase != "done" and len(positions) < limit:
        positions.append(advance(positions[-1], law(positions[-1]), pace, bounds))
    assert positions[-1].phase == "done"
    return positions


def branch(positions, loop, phase):
    return [each.beta for each in positions if (each.loop, each.phase) == (loop, phase)]


def test_a_case_learns_at_the_lowest_pressure_then_is_heated_from_there():
    positions = walk(equilibrium(2.0), Pace(learn_steps=7))
    assert [each.phase for each in positions[:9]] == ["learn"] * 7 + ["heat"] * 2
    assert {each.beta for each in positions[:8]} == {BOUNDS.low}
    assert positions[8].beta == pytest.approx(BOUNDS.low * math.exp(1.5e-3))


@pytest.mark.parametrize("gain", [0.5, 2.0, 10.0])
def test_each_loop_turns_a_little_beyond_where_it_froze_and_where_it_fell_silent(gain):
    positions = walk(equilibrium(gain))
    froze, silent = LAM * math.exp(-0.1 / gain), LAM * math.exp(-0.01 / gain)
    for loop in (1, 2):
        assert min(branch(positions, loop, "cool")) == pytest.approx(0.88 * froze, rel=0.005)
        assert max(branch(positions, loop, "heat")) == pytest.approx(1.1 * silent, rel=0.005)


def test_loops_are_slower_each_by_the_same_factor():
    pace = Pace(tolerance=1.01, max_steps=30_000)
    positions = walk(hysteretic(45.0, 50.0), pace)
    for loop in range(positions[-1].loop):
        speeds = np.abs(np.diff(np.log(branch(positions, loop, "heat"))))
        expected = pace.survey if loop == 0 else pace.first_loop / pace.slowdown ** (loop - 1)
        np.testing.assert_allclose(speeds, expected, rtol=1e-6)
        if loop > 0:
            cooling = np.diff(np.log(branch(positions, loop, "cool")))
            np.testing.assert_allclose(cooling, -expected, rtol=1e-6)


def test_a_bracket_within_the_tolerance_ends_after_two_loops_and_a_wider_one_goes_on_until_its_steps_are_spent():
    narrow, wide = walk(hysteretic(45.0, 50.0)), walk(hysteretic(35.0, 50.0))
    assert narrow[-1].loop == 2
    assert narrow[-1].step < Pace().max_steps
    assert (wide[-1].step, wide[-1].loop > 2) == (Pace().max_steps, True)


@pytest.mark.parametrize(
    ("freezing", "tolerance", "loops"), [(45.0, 1.25, 2), (45.0, 1.05, 3), (35.0, 1.25, 3), (35.0, 1.5, 2)]
)
def test_two_loops_do_if_the_tolerance_is_above_the_jump(freezing, tolerance, loops):
    positions = walk(hysteretic(freezing, 50.0), Pace(tolerance=tolerance, max_steps=6000))
    assert min(positions[-1].loop, 3) == loops


@pytest.mark.parametrize(("level", "phase"), [(0.0, "cool"), (0.05, "cool"), (0.0999, "cool"), (0.1, "done")])
def test_at_the_top_a_case_is_cooled_unless_it_is_active_there(level, phase):
    position = Position("heat", BOUNDS.high, step=900, loop=1, froze=100.0, last_active=140.0)
    moved = advance(position, level, PACE, BOUNDS)
    assert (moved.phase, moved.beta) == (phase, BOUNDS.high)


def test_a_heating_on_which_nothing_is_active_turns_at_once_whatever_melted_before():
    def flash(position):  # the second cooling meets a moment of activity, below 30
        if position.loop < 2:
            return 0.5 if position.beta < LAM else 0.0
        return 0.5 if position.loop > 2 or (position.phase == "cool" and 29.0 < position.beta < 30.0) else 0.0

    positions = walk(flash)
    assert branch(positions, 2, "heat") == [min(branch(positions, 2, "cool"))]
    assert branch(positions, 2, "heat")[0] == pytest.approx(0.88 * 30.0, rel=0.002)


def test_a_latent_active_at_the_top_ends_there_in_the_survey_or_in_a_loop():
    survey = walk(lambda position: 1.0)
    assert (survey[-1].beta, survey[-1].loop) == (BOUNDS.high, 0)
    once = iter([False])

    def melts_once(position):
        return 0.0 if position.loop == 0 and position.beta > LAM and next(once, True) is not None else 0.5

    looped = walk(melts_once)
    assert (looped[-1].beta, looped[-1].loop) == (BOUNDS.high, 1)


def test_a_jump_is_met_within_a_step_where_it_freezes_and_where_it_melts():
    positions = walk(hysteretic(45.0, 50.0))
    for loop in (1, 2):
        froze = next(each.froze for each in positions if (each.loop, each.phase) == (loop, "heat"))
        melted = np.nanmax([each.last_active for each in positions if (each.loop, each.phase) == (loop, "heat")])
        step = math.exp(PACE.speed(loop))
        assert 45.0 / step <= froze < 45.0
        assert 50.0 / step < melted <= 50.0
        assert min(branch(positions, loop, "cool")) == pytest.approx(0.88 * froze, rel=2 * (step - 1))
        assert max(branch(positions, loop, "heat")) == pytest.approx(1.1 * melted, rel=2 * (step - 1))


def test_a_latent_that_does_not_freeze_again_ends_at_the_bottom_of_that_cooling():
    positions = walk(lambda position: 0.5 if position.loop < 2 and position.beta < LAM else 0.0)
    assert (positions[-1].beta, positions[-1].loop) == (BOUNDS.low, 2)
    assert math.isnan(positions[-1].froze)


def test_a_heating_turns_by_its_own_melting_even_if_the_survey_or_a_loop_before_stayed_active_further():
    melts = {0: 120.0, 1: 80.0, 2: 50.0}
    positions = walk(lambda position: 0.5 if position.beta <= melts[position.loop] else 0.0)
    for loop, melting in melts.items():
        assert max(branch(positions, loop, "heat")) == pytest.approx(1.1 * melting, rel=0.005)


def test_the_loops_do_not_depend_on_the_range_that_holds_them():
    narrow = walk(equilibrium(2.0), bounds=Bounds(30.0, 60.0))
    wide = walk(equilibrium(2.0), bounds=Bounds(3.0, 600.0))
    for loop in (1, 2):
        for phase in ("cool", "heat"):
            found, expected = branch(wide, loop, phase), branch(narrow, loop, phase)
            assert min(found) == pytest.approx(min(expected), rel=0.005)
            assert max(found) == pytest.approx(max(expected), rel=0.005)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_kl_does_pressures_stay_within_bounds_and_pace_and_the_steps_are_not_exceeded(seed):
    random = np.random.default_rng(seed)
    pace = Pace(learn_steps=20, survey=0.02, first_loop=0.01, max_steps=2000)
    level = np.abs(np.cumsum(random.normal(size=3000))) * 0.02
    level[random.random(3000) < 0.02] = math.nan
    positions = walk(lambda position: level[position.step], pace)
    assert positions[-1].step == len(positions) - 1 <= pace.max_steps
    for before, after in itertools.pairwise(positions):
        assert BOUNDS.low <= after.beta <= BOUNDS.high
        assert abs(math.log(after.beta / before.beta)) <= pace.speed(before.loop) * (1 + 1e-9)
        assert (before.phase, after.phase) in {
            *((phase, phase) for phase in ("learn", "heat", "cool")),
            *(("learn", "heat"), ("heat", "cool"), ("cool", "heat"), ("heat", "done"), ("cool", "done")),
        }
        assert after.loop - before.loop == ((before.phase, after.phase) == ("heat", "cool"))


def test_a_latent_that_never_activates_ends_at_the_bottom_of_the_first_cooling():
    positions = walk(lambda position: 0.0)
    assert (positions[-1].beta, positions[-1].loop) == (BOUNDS.low, 1)
    assert max(each.beta for each in positions) < 1.11 * BOUNDS.low


@pytest.mark.parametrize("share", np.linspace(0.02, 0.98, 13))
def test_a_kl_that_stops_being_finite_never_freezes_again_and_ends_within_the_next_cooling(share):
    law = equilibrium(2.0)
    clean = walk(law)
    lost = int(share * clean[-1].step)
    positions = walk(lambda position: law(position) if position.step < lost else math.nan)
    np.testing.assert_equal(*([astuple(each) for each in walked[: lost + 1]] for walked in (positions, clean)))
    assert positions[-1].loop <= positions[lost].loop + 1
    assert len({each.froze for each in positions[lost:] if not math.isnan(each.froze)}) <= 1


def test_a_kl_that_is_not_finite_ends_soon():
    positions = walk(lambda position: math.nan)
    assert positions[-1].step < 1000


@pytest.mark.parametrize("law", [equilibrium(0.3), hysteretic(20.0, 140.0), hysteretic(16.0, 149.0)])
def test_pressures_stay_within_the_bounds(law):
    betas = np.array([each.beta for each in walk(law)])
    assert BOUNDS.low <= betas.min() <= betas.max() <= BOUNDS.high


def test_a_case_that_is_done_stays_as_it_is():
    done = replace(Position("heat", 20.0), phase="done")
    assert advance(done, 1.0, Pace(), BOUNDS) is done


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learn_steps": 0}, "max_steps above learn_steps of at least 1, got 16000 and 0"),
        ({"max_steps": 400}, "got 400 and 400"),
        ({"survey": 0.1}, "speeds between 0 and 0.1 in .*, got 0.1 and 0.001"),
        ({"first_loop": -1e-3}, "speeds between 0 and 0.1 in .*, got 0.0015 and -0.001"),
        ({"survey": 0.0}, "speeds between 0 and 0.1"),
        ({"first_loop": math.nan}, "speeds between 0 and 0.1"),
        ({"slowdown": 1.0}, "slowdown and tolerance above 1, got 1.0 and 1.25"),
        ({"tolerance": 0.9}, "slowdown and tolerance above 1, got 2.5 and 0.9"),
    ],
)
def test_paces_out_of_range_are_refused(settings, message):
    with pytest.raises(IFPError, match=message):
        Pace(**settings)


def test_a_latent_that_was_active_for_a_moment_and_silent_on_the_heating_after_it_is_not_bracketed():
    position = Position("heat", 1.2 * BOUNDS.low, step=900, loop=2, froze=BOUNDS.low * 1.1)
    moved = advance(position, 0.0, PACE, BOUNDS)
    assert (moved.phase, moved.loop) == ("cool", 3)
