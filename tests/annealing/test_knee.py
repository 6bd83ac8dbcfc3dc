"""Knees of curves whose law is known."""

import numpy as np
import pytest

from annealing.knee import fit_knee

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
