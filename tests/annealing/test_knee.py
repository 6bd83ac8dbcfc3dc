"""Knees of curves whose law is known, and their interval against an own bootstrap."""

import numpy as np
import pytest
from scipy import stats

from annealing.errors import IFPError
from annealing.knee import fit_knee, knee_interval

BETA = np.geomspace(30, 60, 400)


def law(gain, lam=50.0, beta=BETA):
    return gain * np.maximum(np.log(lam / beta), 0)


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("falling", [False, True])
def test_the_law_gives_back_its_pressure_and_slope_whichever_way_it_was_swept(gain, falling):
    beta, kl = (each[::-1] if falling else each for each in (BETA, law(gain)))
    knee = fit_knee(beta, kl)
    np.testing.assert_allclose([knee.beta, knee.slope], [50.0, gain], rtol=1e-9)


def test_noise_moves_the_knee_as_much_as_least_squares_says():
    sigma, rng, true = 0.004, np.random.default_rng(0), law(2.0)
    found = np.log([fit_knee(BETA, true + rng.normal(0, sigma, len(BETA))).beta for _ in range(400)])
    at = np.log(BETA[(true >= 0.01) & (true <= 0.1)])  # the fit is -2 at + start, the knee start / 2
    inverse = np.linalg.inv(np.array([[at @ at, at.sum()], [at.sum(), len(at)]]))
    gradient = np.array([np.log(50.0), 1.0]) / 2
    expected = sigma * np.sqrt(gradient @ inverse @ gradient)
    np.testing.assert_allclose(found.std(), expected, rtol=0.2)
    assert abs(found.mean() - np.log(50.0)) < expected


def test_only_records_in_the_window_count():
    bent = np.where(law(2.0) > 0.1, law(2.0) ** 2 * 10, law(2.0))  # another law above 0.1 nat
    assert fit_knee(BETA, bent).beta == pytest.approx(50.0)


@pytest.mark.parametrize(
    "kl",
    [
        np.where(BETA < 50, 0.4, 0.0),
        np.zeros_like(BETA),
        law(2.0)[::-1],
        np.select([BETA < 40, BETA < 50], [0.4, 0.09 * (BETA - 35) / 15], 0.0),
        np.full_like(BETA, np.nan),
    ],
    ids=["a jump", "silence", "rising", "rising in the window", "not finite"],
)  # fmt: skip
def test_a_curve_without_the_law_has_no_knee(kl):
    knee = fit_knee(BETA, kl)
    assert np.isnan(knee.beta)
    assert np.isnan(knee.slope)


@pytest.mark.parametrize("records", range(4))
def test_too_few_records_have_no_knee(records):
    assert np.isnan(fit_knee(BETA[:records], law(2.0)[:records]).beta)


@pytest.mark.parametrize(("inside", "fitted"), [(3, False), (4, True), (9, True)])
def test_a_knee_takes_four_records_in_the_window(inside, fitted):
    kl = np.array([0.4, 0.2, *np.linspace(0.09, 0.02, inside), 0.0, 0.0])
    beta = np.append(50.0 * np.exp(-kl[:-1] / 2), 51.0)
    knee = fit_knee(beta, kl)
    np.testing.assert_allclose([knee.beta, knee.slope], [50.0, 2.0] if fitted else [np.nan, np.nan], rtol=1e-9)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.999])
def test_the_interval_is_the_exact_one_of_resampled_medians(level):
    knees = np.array([48.0, 50.5, 49.0, 51.0, 50.0, 47.5, 52.0])
    rank = np.arange(1, 8)
    at_most = stats.binom.sf(3, 7, rank / 7)  # the median is so low if 4 of 7 draws are: exact over all resamples
    expected = [np.sort(knees)[np.argmax(at_most >= share)] for share in ((1 - level) / 2, (1 + level) / 2)]
    assert knee_interval(knees, level=level, resamples=20_000) == pytest.approx(tuple(expected), abs=1e-12)


def test_the_interval_is_that_of_medians_resampled_by_numpy():
    knees = np.random.default_rng(1).normal(50, 2, 40)
    rng = np.random.default_rng(5)
    medians = np.median(rng.choice(knees, (20_000, len(knees))), axis=1)
    low, high = knee_interval(knees, level=0.9)
    np.testing.assert_allclose([low, high], np.quantile(medians, [0.05, 0.95]), atol=0.1)
    assert knee_interval(np.append(knees, [np.nan, np.inf]), level=0.9) == (low, high)


def test_fewer_than_three_fitted_knees_have_no_interval():
    assert np.isnan(knee_interval(np.array([50.0, 51.0, np.nan]))).all()
    assert np.isfinite(knee_interval(np.array([50.0, 51.0, 52.0, np.nan]))).all()


def test_a_level_that_is_no_share_is_refused():
    with pytest.raises(IFPError, match="level between 0 and 1, got 95"):
        knee_interval(np.ones(3), level=95)
