"""MIG-sup against what the authors' code says, and codes whose gap is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.scores.all_scores import score
from analysis.scores.binned import binned_information, plug_in_table
from analysis.scores.mig import gap_of_latents, mean_gap

REFERENCES = Path(__file__).parent / "references"
CASES = json.loads((REFERENCES / "mig_sup.json").read_text())["cases"]
INTEGER_CODES = [name for name in CASES if name != "gaussian"]


def stored_factors_and_codes(name):
    with np.load(REFERENCES / "mig_sup.npz", allow_pickle=False) as held:
        return held[f"{name}_factors"].astype(np.int64), held[f"{name}_codes"].astype(np.int64)


def stored_information(name):
    """Information (latents, factors) of the stored entropies of codes, and entropies of factors of equal classes."""
    marginal, conditional = (np.array(CASES[name][f"{kind}_entropies"]) for kind in ("marginal", "conditional"))
    with np.load(REFERENCES / "mig_sup.npz", allow_pickle=False) as held:
        values = held[f"{name}_factors"].max(axis=0).astype(float) + 1
    return np.maximum(marginal - conditional, 0).T, np.log(values)


def lattice(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


@pytest.mark.parametrize("name", CASES)
def test_both_gaps_are_those_of_the_authors_code(name):
    nats, entropies = stored_information(name)
    stored = CASES[name]
    assert gap_of_latents(nats[stored["active_latents"]], entropies) == pytest.approx(stored["mig_sup"], abs=1e-9)
    assert gap_of_latents(nats, entropies) == pytest.approx(stored["mig_sup_all_latents"], abs=1e-9)
    assert mean_gap(nats, entropies) == pytest.approx(stored["mig"], abs=1e-9)


@pytest.mark.parametrize("name", INTEGER_CODES)
def test_information_of_the_stored_codes_is_that_of_the_stored_entropies(name):
    factors, codes = stored_factors_and_codes(name)
    nats, entropies = stored_information(name)
    found = plug_in_table(codes - codes.min(axis=0), factors)
    np.testing.assert_allclose(found.nats, nats, atol=1e-9)
    np.testing.assert_allclose(found.entropies, entropies, atol=1e-9)


@pytest.mark.parametrize("name", ["six_factors_noisy", "six_factors_exact"])
def test_codes_of_fewer_values_than_bins_have_the_authors_gaps_in_bins_too(name):
    factors, codes = stored_factors_and_codes(name)
    assert codes.max() < 20
    active = CASES[name]["active_latents"]
    nats, entropies = binned_information(codes[:, active] * 1.0, factors), stored_information(name)[1]
    assert gap_of_latents(nats, entropies) == pytest.approx(CASES[name]["mig_sup"], abs=1e-9)


def of_lattice(codes, factors):
    """MIG-sup of codes in bins of a whole lattice, where independent factors share no information at all."""
    return gap_of_latents(binned_information(codes * 1.0, factors), np.log(factors.max(axis=0) + 1.0))


def test_a_latent_of_one_factor_has_all_of_the_gap_however_often_the_factor_is_held():
    factors = lattice(3, 4, 5)
    assert of_lattice(factors, factors) == pytest.approx(1)
    assert of_lattice(np.tile(factors, 2), factors) == pytest.approx(1)
    assert of_lattice(factors[:, [0]], factors) == pytest.approx(1)


def test_a_latent_that_tells_of_two_factors_as_much_has_no_gap():
    factors = lattice(4, 4)
    assert of_lattice(factors @ [[4], [1]], factors) == pytest.approx(0, abs=1e-9)  # of 16 values: all of both
    both = np.hstack([factors @ [[4], [1]], factors[:, [0]]])
    assert of_lattice(both, factors) == pytest.approx(1 / 2)


def test_half_of_a_factor_is_half_of_the_gap():
    factors = lattice(4, 4)
    assert of_lattice(factors[:, [0]] // 2, factors) == pytest.approx(1 / 2)


def test_with_one_factor_all_that_a_latent_tells_is_gap():
    assert gap_of_latents(np.array([[0.3], [0.1]]), np.array([0.4])) == pytest.approx(0.5)


def test_latents_that_hardly_move_take_no_part_and_of_none_nothing_is_left():
    factors = lattice(3, 4)
    codes = factors * [1.0, 0.5]
    expected = score(codes, factors, only=["mig_sup"])
    assert expected["mig_sup"] == pytest.approx(1, abs=0.01)
    still = 0.1 * (factors @ [[0.1], [0.3]] - 0.5)  # both factors, at a variance below 0.01
    assert still.var() < 0.01 < (10 * still).var()
    assert score(np.hstack([codes, still]), factors, only=["mig_sup"]) == expected
    assert score(np.hstack([codes, 10 * still]), factors, only=["mig_sup"])["mig_sup"] < 0.9
    assert score(np.hstack([still, still]), factors, only=["mig_sup"]) == {"mig_sup": 0}


def test_the_order_of_latents_and_factors_changes_nothing():
    rng = np.random.default_rng(0)
    nats, entropies = rng.random((5, 4)), 1 + rng.random(4)
    expected = np.mean([np.sort(row)[-1] - np.sort(row)[-2] for row in nats / entropies])
    order = rng.permutation(4)
    assert gap_of_latents(nats, entropies) == pytest.approx(expected)
    assert gap_of_latents(nats[::-1][:, order], entropies[order]) == pytest.approx(expected)
