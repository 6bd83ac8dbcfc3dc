"""Turns of latents: planted freezing and melting is found where it is, noise between the thresholds is none."""

import numpy as np
import pytest

from analysis.latent_turns import crossed, latent_turns
from analysis.watched_findings import conclude_watched


def law(beta, point, slope):
    return slope * np.maximum(np.log(point / beta), 0)


def test_a_latent_that_follows_the_law_turns_where_the_law_passes_the_thresholds():
    beta = np.concatenate([np.geomspace(200, 20, 300), np.geomspace(20, 200, 300)])
    kl = np.stack([law(beta, 100, 0.5), law(beta, 50, 2.0)], axis=1)
    found = list(latent_turns(np.arange(600), beta, kl))
    assert [(turn.kind, turn.latent) for turn in found] == [("froze", 0), ("froze", 1), ("silent", 1), ("silent", 0)]
    wanted = [100 * np.exp(-0.1 / 0.5), 50 * np.exp(-0.1 / 2), 50 * np.exp(-0.01 / 2), 100 * np.exp(-0.01 / 0.5)]
    assert [turn.pressure for turn in found] == pytest.approx(wanted, rel=2e-3)


def test_what_lies_between_the_thresholds_is_no_turn():
    kl = np.array([[0.0, 0.2], [0.09, 0.02], [0.02, 0.09], [0.099, 0.011]])
    assert list(latent_turns(np.arange(4), np.ones(4), kl)) == []


def test_a_threshold_that_is_jumped_over_lies_between_the_pressures_and_without_a_logarithm_at_the_last():
    assert crossed((4.0, 1.0), (0.0, 0.2), 0.1) == pytest.approx(2.0)
    assert crossed((0.0, 1.0), (0.0, 0.2), 0.1) == 1.0


def test_findings_tell_the_last_turns_and_freezing_points_where_the_pressure_moved():
    beta = np.geomspace(200, 10, 400)
    kl = np.stack([law(beta, 100, 1.0), np.zeros(400)], axis=1)
    found = conclude_watched(np.arange(400), beta, kl)
    first, second = found.latents
    assert (first.freezing, first.froze_beta) == (pytest.approx(100 * np.exp(-0.1), rel=1e-3),) * 2
    assert (first.kl_end, first.status) == (pytest.approx(np.log(10)), "ok")
    assert (second.froze_at, second.status) == (None, "never_froze")
    still = conclude_watched(np.arange(3), np.ones(3), np.array([[0.0], [0.3], [0.001]]))
    assert not still.annealed
    assert (still.latents[0].froze_at, still.latents[0].silent_at, still.latents[0].freezing) == (1, 2, None)
