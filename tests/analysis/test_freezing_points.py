"""Freezing points read from anyone's records, against the law they were drawn from."""

import numpy as np
import pytest

from analysis.freezing_points import find_freezing_points
from annealing.errors import IFPError

POINTS, SLOPES = np.array([80.0, 40.0, 9.0]), np.array([1.0, 2.0, 0.5])


def law(beta):
    """KL = g ln(beta_c / beta) below each point, and silence above it, (records, latents)."""
    return np.maximum(SLOPES * np.log(POINTS / beta[:, None]), 0)


def swept(*branches):
    beta = np.concatenate([np.geomspace(*ends, 800) for ends in branches])
    return np.arange(len(beta)), beta, law(beta)


def test_cooling_reads_the_threshold_on_the_law_and_gives_no_bracket():
    found = find_freezing_points(*swept((200, 1)))
    np.testing.assert_allclose([each.freezing for each in found.points], POINTS * np.exp(-0.1 / SLOPES), rtol=1e-3)
    assert [each.status for each in found.points] == ["ok"] * 3
    assert all(np.isnan([each.melting, each.low, each.high]).all() for each in found.points)
    assert [each.ifp for each in found.points] == [each.freezing for each in found.points]


def test_heating_gives_the_knee_without_the_thresholds_bias():
    found = find_freezing_points(*swept((200, 1), (1, 200)))
    np.testing.assert_allclose([each.ifp for each in found.points], POINTS, rtol=1e-3)
    np.testing.assert_allclose([each.slope for each in found.points], SLOPES, rtol=0.05)
    for each in found.points:
        assert each.low == min(each.freezing, each.melting) <= each.ifp == each.high


def test_the_last_branch_of_either_way_is_read():
    step, beta, kl = swept((200, 1), (1, 200), (200, 1))
    kl[:800] = 0  # the first cooling stayed silent: a network that had yet to learn
    first, alone = find_freezing_points(step, beta, kl), find_freezing_points(*swept((200, 1)))
    np.testing.assert_allclose([each.freezing for each in first.points], [each.freezing for each in alone.points])


def test_of_a_staircase_the_end_of_every_step_counts():
    beta = np.repeat(np.geomspace(100, 10, 60), 5)
    kl = np.repeat(law(beta[::5]), 5, axis=0)
    kl[np.arange(len(beta)) % 5 < 4] = 7.0  # not settled yet
    found = find_freezing_points(np.arange(len(beta)), beta, kl)
    np.testing.assert_allclose(found.points[1].freezing, 40 * np.exp(-0.05), rtol=0.02)


@pytest.mark.parametrize(
    ("kl", "status"),
    [(0.0, "never_froze"), (3.0, "above_range"), (np.nan, "diverged")],
)
def test_a_latent_without_a_point_says_why(kl, status):
    beta = np.geomspace(100, 1, 50)
    (point,) = find_freezing_points(np.arange(50), beta, np.full((50, 1), kl)).points
    assert point.status == status
    assert np.isnan(point.ifp)


def test_what_froze_and_never_melted_says_so():
    beta = np.concatenate([np.geomspace(100, 1, 50), np.geomspace(1, 100, 50)])
    kl = np.where(np.arange(100) < 20, 0.0, 2.0)[:, None]
    assert find_freezing_points(np.arange(100), beta, kl).points[0].status == "never_melted"


def test_a_jump_has_no_knee_and_stands_at_the_geometric_mean_of_its_ends():
    beta = np.concatenate([np.geomspace(100, 1, 2000), np.geomspace(1, 100, 2000)])
    active = np.where(np.arange(4000) < 2000, beta < 20, beta < 45)
    (point,) = find_freezing_points(np.arange(4000), beta, 2.0 * active[:, None]).points
    np.testing.assert_allclose([point.low, point.ifp, point.high], [20, 30, 45], rtol=5e-3)
    assert np.isnan(point.slope)
    assert (point.kl_peak, point.kl_end) == (2.0, 0.0)


def test_noise_on_single_records_moves_no_point_far():
    step, beta, kl = swept((200, 1))
    noisy = np.maximum(kl + np.random.default_rng(0).normal(0, 0.03, kl.shape), 0)
    clean, rough = (find_freezing_points(step, beta, each).to_frame()["freezing"] for each in (kl, noisy))
    np.testing.assert_allclose(rough, clean, rtol=0.05)


def test_the_frame_and_the_print_hold_the_points():
    found = find_freezing_points(*swept((200, 1)))
    assert found.to_frame()["freezing"].tolist() == [each.freezing for each in found.points]
    assert repr(found).splitlines()[2].split()[:2] == ["0", f"{found.points[0].freezing:.4g}"]


def test_the_figure_has_every_branch_and_point():
    found = find_freezing_points(*swept((200, 1), (1, 200)))
    axes = found.plot().axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) > 100]
    assert [line.get_linestyle() for line in curves] == ["--", "-"] * 3
    dots = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, POINTS, rtol=1e-3)
    assert axes.get_xscale() == "log"


def test_a_figure_of_very_many_records_draws_what_an_eye_can_tell_apart_and_says_so():
    turning = np.where(np.arange(100_000) % 2, 9.0, 1.0)
    axes = find_freezing_points(np.arange(100_000), turning, np.ones((100_000, 2))).plot().axes[0]
    assert axes.get_title() == "drawn: the last 200 of 99,999 sweeps"
    assert [np.isfinite(line.get_xdata()).sum() for line in axes.lines[:4]] == [200] * 4  # two ends of 100 each

    falling = np.geomspace(100, 1, 200_000)
    nats = np.log(60 / falling).clip(min=0)[:, None]
    axes = find_freezing_points(np.arange(200_000), falling, nats).plot().axes[0]
    assert axes.get_title() == "drawn: of the records some, evenly"
    drawn = np.array(axes.lines[0].get_xdata())
    drawn = drawn[np.isfinite(drawn)]
    assert (drawn[0], drawn[-1], len(drawn) < 25_000) == (falling[0], falling[-1], True)
    np.testing.assert_allclose(np.diff(np.log(drawn))[:-1], np.log(drawn[1] / drawn[0]), rtol=1e-6)


def test_a_figure_of_very_many_latents_draws_those_that_held_most_and_says_so():
    beta = np.geomspace(9, 1, 30)
    nats = np.outer(np.linspace(0, 1, 30), np.random.default_rng(0).permutation(500))
    axes = find_freezing_points(np.arange(30), beta, nats).plot().axes[0]
    assert axes.get_title() == "drawn: the 40 of 500 latents that held most"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert set(names[:40]) == {f"z{latent}" for latent in np.argsort(-nats[-1])[:40]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kl": np.zeros(20)}, "need step .* got shapes"),
        ({"step": np.zeros(20)}, "need steps that rise"),
        ({"beta": np.full(20, -1.0)}, "need pressures beta of 0 or more"),
        ({"beta": np.full(20, 4.0)}, "need records at two pressures"),
        ({"threshold": 0.0}, "need a threshold above 0 nats, got 0"),
    ],
)
def test_records_that_do_not_fit_are_refused(changed, message):
    given = {"step": np.arange(20), "beta": np.geomspace(9, 1, 20), "kl": np.zeros((20, 2)), **changed}
    with pytest.raises(IFPError, match=message):
        find_freezing_points(**given)


def test_a_warm_up_from_0_is_read_from_where_beta_has_a_logarithm():
    beta = np.concatenate([np.zeros(5), np.linspace(0.1, 200, 3000)])
    found = find_freezing_points(np.arange(3005), beta, np.vstack([np.ones((5, 3)), law(beta[5:])]))
    np.testing.assert_allclose([each.melting for each in found.points], POINTS * np.exp(-0.1 / SLOPES), rtol=1e-3)
    assert found.notes == ("records at beta 0, which has no logarithm, left out: 5",)
    assert found.step[0] == 5
    with pytest.raises(IFPError, match="need records at two pressures above 0"):
        find_freezing_points(np.arange(9), np.zeros(9), np.ones((9, 1)))


def test_every_branch_is_read_by_itself_with_its_direction():
    step, beta, kl = swept((200, 1), (1, 200), (200, 1))
    kl[:801] = 0  # the turn is of both
    (first, second, third) = find_freezing_points(step, beta, kl).points[0].branches
    assert [each.direction for each in (first, second, third)] == ["cool", "heat", "cool"]
    assert (first.status, second.status, third.status) == ("never_froze", "ok", "ok")
    np.testing.assert_allclose([second.point, third.point], 80 * np.exp(-0.1), rtol=1e-3)
    assert np.isnan(first.point)
    assert (second.first_step, second.last_step) == (800, 1600)
    frame = find_freezing_points(step, beta, kl).by_branch()
    assert frame.groupby("latent").size().tolist() == [3, 3, 3]


def test_where_a_cycle_begins_anew_nothing_freezes():
    """Each cycle rises: the jump back down is no sweep."""
    step, beta, kl = swept((1, 200), (1, 200), (1, 200))
    found = find_freezing_points(step, beta, kl)
    np.testing.assert_allclose([each.ifp for each in found.points], POINTS, rtol=1e-3)
    assert np.isnan([each.freezing for each in found.points]).all()
    assert [(each.branch, each.direction) for each in found.points[0].branches] == [
        (1, "heat"),
        (3, "heat"),
        (5, "heat"),
    ]
    assert found.notes == ("jumps of beta, with no record between their ends, not read: 2",)


def test_of_very_many_branches_the_last_are_read_and_the_last_of_either_way():
    ends = [(200, 1)] + [(1, 200)] * 80
    beta = np.concatenate([np.geomspace(*each, 50) for each in ends])
    found = find_freezing_points(np.arange(len(beta)), beta, law(beta))
    assert [each.direction for each in found.points[0].branches].count("cool") == 1
    assert len(found.points[0].branches) == 51
    assert np.isfinite(found.points[0].freezing)
    assert "branches read one by one: the last 50 of 81" in found.notes
