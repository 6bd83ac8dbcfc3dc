"""InfoM, InfoC and InfoE against what the authors' code says, closed forms, and codes that tell little."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif

from analysis.scores.all_scores import score
from analysis.scores.infomec import (
    active_latents,
    compactness_of_shares,
    information_of_sample,
    modularity_of_shares,
)
from analysis.scores.protocol import SampleSizes
from annealing.errors import IFPError

REFERENCES = Path(__file__).parent / "references"
STORED = json.loads((REFERENCES / "infomec.json").read_text())
NAMES = ("infom", "infoc", "infoe")
DSPRITES = (3, 6, 40, 32, 32)


def lattice(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


@pytest.fixture(scope="module")
def dsprites():
    """Factors of every image."""
    return lattice(*DSPRITES)


def stored_case(kind, name):
    """Codes, whole numbers where they are classes, and factors numbered from 0."""
    with np.load(REFERENCES / f"infomec_{kind}.npz", allow_pickle=False) as held:
        codes, factors = held[f"{name}_codes"], held[f"{name}_factors"]
    numbered = np.stack([np.unique(labels, return_inverse=True)[1] for labels in factors.T], axis=1)
    return codes.astype(np.int64) if kind == "discrete" else codes, numbered


CASES = [(kind, name) for kind in ("discrete", "continuous") for name in STORED[kind]]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_scores_are_those_of_the_authors_code(kind, name):
    codes, factors = stored_case(kind, name)
    stored, found = STORED[kind][name], score(codes, factors, only=NAMES)
    assert found["infom"] == pytest.approx(stored["infom"], abs=1e-9)
    assert found["infoc"] == pytest.approx(stored["infoc"], abs=1e-9)
    assert found["infoe"] == pytest.approx(stored["infoe"], abs=1e-6)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_the_table_of_information_and_who_takes_part_are_those_of_the_authors_code(kind, name):
    codes, factors = stored_case(kind, name)
    stored, discrete = STORED[kind][name], kind == "discrete"
    table = information_of_sample(codes.astype(float), factors, discrete=discrete)
    np.testing.assert_allclose((table.nats / table.entropies).T, stored["nmi"], atol=1e-9)
    np.testing.assert_array_equal(active_latents(codes, discrete=discrete), stored["active_latents"])


def test_exact_factors_of_dsprites_reach_at_least_99_percent_of_all_three(dsprites):
    found = score(dsprites * 1.0, dsprites, only=NAMES)
    assert min(found.values()) > 0.99
    assert found["infoe"] == pytest.approx(1, abs=1e-3)
    many = score(dsprites, dsprites, only=NAMES[:2], sizes=SampleSizes(train=100_000))
    assert min(many.values()) > 0.99


def test_exact_classes_of_dsprites_lose_3_percent_to_the_bias_of_plug_in_information_in_10_000_rows(dsprites):
    found = score(dsprites, dsprites, only=NAMES[:2])
    extra, entropies = np.subtract(DSPRITES, 1), np.log(DSPRITES)
    rows = len(dsprites)
    distinct = rows * (1 - (1 - 1 / rows) ** 10_000)
    # each pair of independent classes seems to tell (a - 1) (b - 1) / 2n nats, of rows drawn once each a little less
    nats = np.outer(extra, extra) / (2 * distinct) * (1 - distinct / rows)
    np.fill_diagonal(nats, entropies)
    assert found["infom"] == pytest.approx(modularity_of_shares(nats, entropies), abs=0.002)
    assert found["infoc"] == pytest.approx(compactness_of_shares(nats, entropies), abs=0.002)
    assert found == pytest.approx({"infom": 0.968, "infoc": 0.968}, abs=0.002)
    assert score(dsprites, dsprites, only=["infoe"], sizes=SampleSizes(train=2000))["infoe"] > 0.99


# Of standardised factors of the full lattice 2 x 3 x 3 x 4 x 5 x 6, turned by the rotation in infomec_continuous.npz.
ROTATED = {"infom": 0.434177407, "infoc": 0.465867804, "infoe": 1.0}


def rotated():
    with np.load(REFERENCES / "infomec_continuous.npz", allow_pickle=False) as held:
        rotation = held["rotation"]
    factors = lattice(2, 3, 3, 4, 5, 6)
    return (factors - factors.mean(axis=0)) / factors.std(axis=0) @ rotation.T, factors


def test_a_rotation_of_exact_factors_has_its_three_values():
    codes, factors = rotated()
    assert score(codes, factors, only=NAMES) == pytest.approx(ROTATED, abs=1e-6)


def test_the_values_of_the_rotation_are_those_of_scikit_learn_s_information():
    codes, factors = rotated()
    entropies = np.log([2, 3, 3, 4, 5, 6])
    nats = [mutual_info_classif(codes, labels, n_neighbors=10, random_state=0) for labels in factors.T]
    shares = (np.array(nats) / entropies[:, None]).T
    modular = (np.mean(shares.max(axis=1) / shares.sum(axis=1)) - 1 / 6) / (1 - 1 / 6)
    compact = (np.mean(shares.max(axis=0) / shares.sum(axis=0)) - 1 / 6) / (1 - 1 / 6)
    assert (modular, compact) == pytest.approx((ROTATED["infom"], ROTATED["infoc"]), abs=1e-6)


@pytest.mark.parametrize("discrete", [False, True])
def test_a_latent_that_tells_nothing_is_left_out_of_infom_and_lowers_nothing(discrete):
    factors = np.tile(lattice(2, 3, 4), (50, 1))  # the third tells nothing: on a full lattice, to the last bit
    codes = factors if discrete else factors + np.random.default_rng(0).uniform(0, 0.1, factors.shape)
    found = score(codes, factors[:, :2], only=NAMES[:2])
    assert found["infom"] == pytest.approx(1, abs=0.01)
    assert found["infoc"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("discrete", [False, True])
def test_silent_latents_score_0(discrete):
    factors = np.tile(lattice(2, 3), (20, 1))
    codes = np.full((120, 3), 7 if discrete else 0.7)
    assert score(codes, factors, only=NAMES) == pytest.approx(dict.fromkeys(NAMES, 0.0), abs=1e-9)


def test_one_active_latent_is_as_compact_as_can_be():
    factors = np.tile(lattice(2, 3), (20, 1))
    codes = np.stack([factors @ [1, 0], np.full(120, 4)], axis=1)
    assert score(codes, factors[:, :1], only=["infoc"]) == {"infoc": 1}
    codes[:, 0] = factors @ [3, 1]  # each pair of values has its own
    assert score(codes, factors, only=NAMES[:2]) == pytest.approx({"infom": 0, "infoc": 1}, abs=1e-12)


def test_shares_worked_by_hand():
    nats, entropies = np.array([[0.6, 0.0], [0.1, 0.3]]), np.array([1.0, 0.5])  # shares 0.6, 0 and 0.1, 0.6
    assert modularity_of_shares(nats, entropies) == pytest.approx(((1 + 0.6 / 0.7) / 2 - 0.5) / 0.5)
    assert compactness_of_shares(nats, entropies) == pytest.approx(((0.6 / 0.7 + 1) / 2 - 0.5) / 0.5)


def test_a_factor_that_no_latent_tells_of_counts_as_evenly_spread():
    nats, entropies = np.array([[0.6, 0.0], [0.0, 0.0]]), np.ones(2)
    assert compactness_of_shares(nats, entropies) == pytest.approx((1 + 0) / 2)
    assert compactness_of_shares(nats[:1], entropies) == pytest.approx(1 / 2)
    assert modularity_of_shares(nats, entropies) == 1  # the latent that tells nothing is left out
    assert compactness_of_shares(0 * nats, entropies) == modularity_of_shares(0 * nats, entropies) == 0


def test_one_factor_has_no_infom_but_the_others():
    factors = np.tile(lattice(4), (40, 1))
    codes = np.hstack([factors, 0 * factors])
    with pytest.raises(IFPError, match="need two or more factors that vary for InfoM, got 1"):
        score(codes, factors, only=["infom"])
    assert score(codes, factors, only=["infoc", "infoe"]) == pytest.approx({"infoc": 1, "infoe": 1}, abs=1e-4)


def test_a_continuous_latent_of_a_small_range_takes_part_in_infoe_alone():
    factors = np.tile(lattice(2, 3), (40, 1))
    codes = factors + np.random.default_rng(0).uniform(0, 0.3, factors.shape)
    small = np.hstack([codes, 0.01 * codes[:, :1]])
    both, pruned = (score(each, factors, only=NAMES[:2]) for each in (small * [1, 1, 100], small))
    assert pruned == score(codes, factors, only=NAMES[:2])
    assert both["infoc"] < pruned["infoc"] - 0.2  # in two latents: half of a factor
    first = [score(each[:, 1:], factors, only=["infoe"])["infoe"] for each in (small, codes)]
    assert first[0] > first[1] + 0.4


def test_infoe_of_classes_without_a_linear_order_is_that_of_each_class():
    factors = np.tile(lattice(2, 5), (30, 1))
    codes = np.array([3, 0, 4, 1, 2])[factors[:, [1]]]
    as_classes, as_numbers = (score(each, factors, only=["infoe"])["infoe"] for each in (codes, codes * 1.0))
    assert as_classes == pytest.approx((1 + 0) / 2, abs=1e-3)  # all of the second factor, nothing of the first
    assert as_numbers < 0.5


@pytest.mark.parametrize("name", NAMES)
def test_a_factor_that_the_sample_misses_is_named(name):
    factors = np.zeros((4000, 2), int)
    factors[0, 0] = factors[1, 1] = 1
    with pytest.raises(IFPError, match="two values of factor 1 among the rows drawn, got one in 2"):
        score(factors * 1.0, factors, only=[name], sizes=SampleSizes(train=2))
