"""Explicitness and size of DCI-ES against what the authors' code says, and codes whose curves are known."""

import json
from pathlib import Path

import joblib
import numpy as np
import pytest

from analysis.scores import dci_es
from analysis.scores.all_scores import SCORES, score
from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.dci_es import DEPTHS, dci_es_explicitness, explicitness_of_curve, forest_loss
from analysis.scores.protocol import SampleSizes
from annealing.errors import IFPError

REFERENCES = Path(__file__).parent / "references"
STORED = json.loads((REFERENCES / "dci_es.json").read_text())
SIZES = SampleSizes(train=400, test=200)


RANGE, TEST = np.arange(200), np.arange(200, 300)


def lattice(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


@pytest.fixture
def _small_forests(monkeypatch):
    """Forests of 5 trees, where what is shown does not depend on how many there are."""
    monkeypatch.setattr(dci_es, "_TREES", 5)


@pytest.mark.parametrize("name", STORED["curves"])
def test_curves_have_the_explicitness_that_the_authors_code_gives(name):
    curve = STORED["curves"][name]
    found = explicitness_of_curve(curve["capacities"], curve["losses"], curve["baseline_loss"])
    assert found == pytest.approx(curve["explicitness"], abs=1e-12)


@pytest.mark.parametrize("case", STORED["forests"])
def test_explicitness_per_factor_is_that_of_the_stored_losses(case):
    stored = STORED["forests"][case]
    found = [
        explicitness_of_curve(stored["depths"], losses, baseline)
        for losses, baseline in zip(stored["losses"], stored["baseline_losses"], strict=True)
    ]
    np.testing.assert_allclose(found, stored["explicitness_per_factor"], atol=1e-12)
    assert np.mean(found) == pytest.approx(stored["explicitness"], abs=1e-12)


@pytest.mark.parametrize("case", STORED["forests"])
def test_forests_of_a_factor_of_classes_have_the_stored_losses(case):
    with np.load(REFERENCES / "dci_es.npz", allow_pickle=False) as held:
        codes, factors = held[f"{case}_codes"].astype(float), held["factors"].astype(np.int64)
    train, test = (Sample(rows, codes[rows], factors[rows]) for rows in (np.arange(360), np.arange(480, 600)))
    assert tuple(STORED["forests"][case]["depths"]) == DEPTHS
    places = (0, 1, 3, 5)
    found = [forest_loss(train, test, 0, DEPTHS[place], 0) for place in places]
    np.testing.assert_allclose(found, np.take(STORED["forests"][case]["losses"][0], places), atol=1e-6)


@pytest.mark.usefixtures("_small_forests")
def test_codes_that_tell_nothing_are_as_explicit_as_can_be():
    factors = lattice(3, 4)
    found = score(np.zeros((12, 2)), factors, only=["dci-es_explicitness"], sizes=SIZES)
    assert found == {"dci-es_explicitness": 1}  # every depth has the loss of the most frequent value


@pytest.mark.usefixtures("_small_forests")
def test_a_factor_read_at_depth_one_is_more_explicit_than_one_that_needs_deep_trees():
    factors = np.repeat(lattice(2, 2), 30, axis=0)
    place = np.arange(120) % 30
    code = np.stack([factors[:, 0] * 1.0, factors[:, 1] + 2 * place], axis=1)  # the second: every other step of 60
    one, many = dci_es_explicitness(LabelledCodes(code, factors), sizes=SIZES)
    assert one == 1
    assert 0.5 < many < 0.9


def test_size_is_the_share_of_factors_among_latents():
    factors = np.insert(lattice(3, 4), 1, 6, axis=1)  # two factors vary
    assert score(np.ones((12, 5)), factors, only=["dci-es_size"]) == {"dci-es_size": 2 / 5}


@pytest.mark.usefixtures("_small_forests")
def test_explicitness_is_the_same_however_many_forests_are_fitted_side_by_side():
    data = LabelledCodes(lattice(3, 4) * 1.0, lattice(3, 4))
    with joblib.parallel_config("threading"):
        found = [dci_es_explicitness(data, sizes=SIZES, n_jobs=n_jobs) for n_jobs in (1, 2)]
    assert found[0] == found[1]


def test_rows_without_a_label_take_no_part_in_a_forest():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, (300, 1))
    codes = factors + rng.normal(size=(300, 2))
    hidden = np.arange(300) % 3 == 0
    whole = [Sample(rows, codes[rows], np.where(hidden[rows, None], -1, factors[rows])) for rows in (RANGE, TEST)]
    kept = [Sample(rows, codes[rows], factors[rows]) for rows in (RANGE[~hidden[RANGE]], TEST[~hidden[TEST]])]
    assert forest_loss(*whole, 0, 3, 0) == forest_loss(*kept, 0, 3, 0)


def test_it_is_measured_only_where_it_is_named():
    assert not [name for name in SCORES if name.startswith("dci-es")]


@pytest.mark.parametrize(
    ("capacities", "losses", "baseline", "said"),
    [
        ([1], [0.5], 1, "two or more rising capacities"),
        ([1, 2], [0.5], 1, "as many losses"),
        ([1, 1], [0.5, 0.1], 1, "rising capacities"),
        ([1, 2], [0.5, -0.1], 1, "losses of 0 or more"),
        ([1, 2], [0.5, np.nan], 1, "losses of 0 or more"),
        ([1, 2], [0.5, 0.1], 0, "a baseline above 0"),
    ],
)
def test_curves_that_are_none_are_refused(capacities, losses, baseline, said):
    with pytest.raises(IFPError, match=said):
        explicitness_of_curve(capacities, losses, baseline)
