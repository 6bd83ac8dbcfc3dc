"""Everything measured on float32 codes is what the same codes give in float64, to the last digits of float64."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from analysis.information import factor_entropy, information, information_and_chance, shuffle_null
from analysis.kl_decomposition import decompose_kl
from analysis.scores.all_scores import SCORES, VARIANTS, score
from analysis.scores.binned import discretise
from analysis.scores.mig import mig_chen, mutual_information_gap
from analysis.scores.protocol import SampleSizes
from analysis.scores.udr import udr
from annealing.errors import IFPError

SIZES = SampleSizes(train=300, test=150, group=8)


def labelled(rows=240, seed=0):
    """Codes of two factors of 4 and 3 values and a noise latent, in float32, and their log-variances."""
    rng = np.random.default_rng(seed)
    factors = np.stack([np.arange(rows) % 4, np.arange(rows) // 4 % 3], axis=1)
    codes = np.concatenate([factors / [3, 2] - 0.5, rng.standard_normal((rows, 1))], axis=1)
    codes += 0.05 * rng.standard_normal(codes.shape)
    return codes.astype(np.float32), rng.uniform(-4, 0, codes.shape).astype(np.float32), factors


@pytest.mark.parametrize("name", [*SCORES, *VARIANTS])
def test_every_score_of_float32_codes_is_that_of_the_same_numbers_in_float64(name, monkeypatch):
    monkeypatch.setattr("analysis.scores.dci_es._TREES", 5)
    codes, logvar, factors = labelled()
    wide = {"logvar": logvar.astype(np.float64)} if name == "mig_chen" else {}
    narrow = {"logvar": logvar} if wide else {}
    expected = score(codes.astype(np.float64), factors, only=[name], sizes=SIZES, **wide)
    assert score(codes, factors, only=[name], sizes=SIZES, **narrow) == expected
    assert math.isfinite(expected[name])


def test_mig_puts_a_code_on_a_bin_s_edge_into_the_same_bin_in_either_precision():
    """Codes at the edges of their 20 bins: j / 20 of the range, which float32 rounds to either side."""
    place = (np.arange(420) % 21)[:, None]
    codes = (0.1 + 0.7 * place / 20).astype(np.float32)
    np.testing.assert_array_equal(discretise(codes), discretise(codes.astype(np.float64)))
    factors = place // 4
    assert mutual_information_gap(codes, factors) == mutual_information_gap(codes.astype(np.float64), factors)


@pytest.mark.parametrize("similarity", ["spearman", "lasso"])
def test_udr_of_float32_codes_is_that_of_float64(similarity):
    models = [labelled(seed=seed)[0] for seed in range(3)]
    found, expected = (
        udr([model.astype(kind) for model in models], similarity=similarity) for kind in (np.float32, np.float64)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("middle", "shift"), [(0, 0), (1e3, 0), (0, 20), (0, -20)])
def test_information_of_float32_posteriors_is_that_of_float64(middle, shift):
    """Means of 1e3, log-variances about +-20."""
    codes, logvar, factors = labelled()
    codes, logvar = codes + np.float32(middle), logvar + np.float32(shift)
    wide = codes.astype(np.float64), logvar.astype(np.float64), factors
    np.testing.assert_array_equal(information(codes, logvar, factors), information(*wide))
    assert mig_chen(codes, logvar, factors) == mig_chen(*wide)
    nats, chance = information_and_chance(codes, logvar, factors, seed=1)
    np.testing.assert_array_equal(nats, information(*wide))
    np.testing.assert_array_equal(chance, shuffle_null(*wide, seed=1))
    assert (nats <= factor_entropy(factors) + 1e-12).all()


@pytest.mark.parametrize("apart", [1e-3, 1.0, 1e3])
def test_information_of_two_classes_is_the_integral_by_quadrature(apart):
    """Two Gaussians: what bins of their exact masses lose is below 1e-4 nats, and never above the truth."""
    mean, logvar = np.array([[0.0], [apart]], np.float32), np.zeros((2, 1), np.float32)
    far = [stats.norm(loc) for loc in (0.0, float(mean[1, 0]))]

    def density(z):
        each = [one.pdf(z) for one in far]
        return sum(0.5 * p * np.log(p / np.mean(each)) for p in each if p > 0)

    ends = [(-12, 12)] if apart < 12 else [(-12, 12), (apart - 12, apart + 12)]
    exact = sum(integrate.quad(density, *end, epsabs=1e-12)[0] for end in ends)
    found = information(mean, logvar, np.array([[0], [1]]))[0, 0]
    assert exact - max(1e-4 * exact, 1e-12) <= found <= exact + 1e-9


def test_decomposition_of_float32_posteriors_is_that_of_float64():
    codes, logvar, _ = labelled()
    found, expected = decompose_kl(codes, logvar), decompose_kl(codes.astype(np.float64), logvar.astype(np.float64))
    assert found == expected
    spent = sum(expected.dimension_kl) + expected.information + expected.total_correlation
    assert sum(expected.kl) == pytest.approx(spent, abs=5 * expected.error)


@pytest.mark.parametrize("nats", [1e-7, 1e-3])
def test_a_nearly_silent_latent_s_kl_keeps_its_digits_and_its_information_is_no_more(nats):
    """Means of +-m with unit variance: KL = m^2 / 2, and I(x; z) is m^2 / 2 - m^4 / 4 + ..."""
    mean = np.sqrt(2 * nats) * np.array([[-1.0], [1.0]], np.float32)
    logvar = np.zeros((2, 1), np.float32)
    assert decompose_kl(mean, logvar).kl[0] == pytest.approx(float(mean[1, 0]) ** 2 / 2, rel=1e-12)
    found = information(mean, logvar, np.array([[0], [1]]))[0, 0]
    assert found == pytest.approx(nats * (1 - nats), rel=1e-3)


def test_total_correlation_of_one_latent_is_nothing_and_sharp_codes_know_the_image():
    """64 codes far apart: I(x; z) = ln 64 whatever their place."""
    mean = 1e3 + 50 * np.arange(64, dtype=np.float32)[:, None]
    found = decompose_kl(mean, np.full((64, 1), -20, np.float32))
    assert found.total_correlation == pytest.approx(0, abs=1e-9)
    assert found.information == pytest.approx(np.log(64), rel=1e-12)
    with pytest.raises(IFPError, match="need finite posteriors"):
        decompose_kl(np.full((2, 1), np.inf, np.float32), np.zeros((2, 1), np.float32))
