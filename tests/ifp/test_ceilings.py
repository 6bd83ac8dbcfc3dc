"""What codes of dSprites can reach by MIG, as the theory has it: the exact factors, and what can be seen of them."""

import numpy as np
import pytest

from analysis.scores.mig import mutual_information_gap
from benchmarks.ceilings import FACTORS, codes_by_name, mig_terms
from ifp.datasets import load_dataset
from ifp.evaluation.seen import seen_codes

MIG = {
    "exact factors": 0.896,
    "centroid and log area": 0.388,
    "and a shape, a quarter of them drawn": 0.373,
    "and the exact shape": 0.477,
    "and the exact shape, area ranked within it": 0.593,
    "and the exact shape and angle": 0.636,
}
TERMS = {
    "exact factors": {"shape": 1, "scale": 1, "orientation": 0.80, "posX": 0.84, "posY": 0.84},
    "centroid and log area": {"shape": 0.27, "scale": 0.54, "orientation": 0, "posX": 0.56, "posY": 0.57},
    "and the exact shape, cos and sin of the angle": {"orientation": 0.04},
}


@pytest.fixture(scope="module")
def dsprites():
    found = load_dataset("dsprites")
    assert found.factors.names == FACTORS
    return found


@pytest.fixture(scope="module")
def factors(dsprites):
    """Of the 10,000 images that a score's first sample draws."""
    return dsprites.factors_at(np.random.default_rng([0, 0]).integers(len(dsprites), size=10_000))


@pytest.fixture(scope="module")
def codes(dsprites, factors):
    return codes_by_name(factors, seen_codes(dsprites.images(dsprites.lookup(factors))), seed=0)


@pytest.mark.parametrize("name", MIG)
def test_codes_reach_the_mig_of_the_ceiling_table(name, codes, factors):
    assert mutual_information_gap(codes[name], factors) == pytest.approx(MIG[name], abs=0.01)


@pytest.mark.parametrize("name", TERMS)
def test_each_factor_has_its_term_of_the_ceiling_table(name, codes, factors):
    found = dict(zip(FACTORS, mig_terms(codes[name], factors), strict=True))
    assert {factor: found[factor] for factor in TERMS[name]} == pytest.approx(TERMS[name], abs=0.01)
    assert np.mean(list(found.values())) == pytest.approx(mutual_information_gap(codes[name], factors), rel=1e-12)


def test_a_poorly_learned_shape_lowers_the_mig(codes, factors):
    poor, without, exact = (
        mutual_information_gap(codes[name], factors)
        for name in ("and a shape, a quarter of them drawn", "centroid and log area", "and the exact shape")
    )
    assert poor < without < exact
