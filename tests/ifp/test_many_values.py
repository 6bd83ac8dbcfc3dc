"""A factor of 10,000 values: known answers, in memory that grows with the values, not with their square."""

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch

import ifp
from analysis.distributions import compare_unpaired, summarise
from analysis.information import factor_entropy, information, information_and_chance
from analysis.scores.codes import LabelledCodes
from analysis.scores.protocol import SampleSizes
from ifp.closed_form.contexts import action_sequence, closed_forms
from ifp.closed_form.order import freezing_order
from ifp.closed_form.whole import whole_spectrum
from ifp.datasets import DataWarning, load_dataset

pytestmark = pytest.mark.usefixtures("_one_thread")

MANY = 10_000
SQUARE = 8 * MANY**2  # bytes of values by values


@contextmanager
def memory_below(share):
    """Peak of what numpy holds, as a share of values by values in float64."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < share * SQUARE, f"{peak / 2**20:.0f} MiB"


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """10,000 pictures of 2x2: a brightness of 10,000 levels in half of the pixels, and a side of two values."""
    folder = tmp_path_factory.mktemp("levels")
    level = np.arange(MANY)
    images = np.zeros((2 * MANY, 2, 2), np.float32)
    images[:MANY, 0] = images[MANY:, 1] = (level / (MANY - 1))[:, None]
    factors = np.stack([np.tile(level, 2), np.repeat([0, 1], MANY)], axis=1)
    np.savez(folder / "levels.npz", images=images, factors=factors, factor_names=["level", "side"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFP_CACHE_DIR", str(folder / "cache"))
        return load_dataset(str(folder / "levels.npz"))


def test_every_value_is_looked_up(levels):
    index = np.random.default_rng(0).permutation(len(levels))
    with memory_below(0.01):
        np.testing.assert_array_equal(levels.lookup(levels.factors_at(index)), index)
    assert not levels.holds(np.array([[MANY, 0], [0, 2], [-1, 0]])).any()
    assert levels.holds(np.array([[MANY - 1, 1]])).all()
    sequence = action_sequence(levels, "level", 5)[:, 0, 0, 0]
    torch.testing.assert_close(sequence, torch.arange(MANY).float() / (MANY - 1))


def test_its_action_value_is_the_variance_of_its_levels_over_that_of_the_decoder(levels):
    """Two equal pixels of evenly spaced levels: 2 (n + 1) / (12 (n - 1)) / (1/4)."""
    expected = 2 * (MANY + 1) / (12 * (MANY - 1)) / 0.25
    (record,) = closed_forms(levels, factors=["level"], contexts=1)
    assert record.spectral_beta == pytest.approx(expected, rel=1e-6)
    assert expected * (1 - 1e-9) <= record.beta_rd <= 2  # two coins that fall alike
    assert record.second_ratio == pytest.approx(0, abs=1e-9)


def test_its_place_in_the_freezing_order_needs_no_matrix_of_values_by_values(levels, monkeypatch):
    """Marginal: four pixels of half the level each, V = p (1 - p) at p = 1/4. Given the side: as in a context."""
    variance = (MANY + 1) / (12 * (MANY - 1))
    made = []
    zeros = torch.zeros

    def watched(*size, **kinds):
        found = zeros(*size, **kinds)
        made.append(found.numel())
        return found

    monkeypatch.setattr(torch, "zeros", watched)
    values = {(each.factor, each.given): each.value for each in freezing_order(levels)}
    assert max(made) < MANY**2 / 100
    assert values["level", ()] == pytest.approx(4 * variance / 4 / (3 / 16), rel=1e-5)
    # a side's mean image is 1/2 in two pixels and 0 in the others: 4 pixels, each 1/16 over 3/16
    assert values["side", ()] == pytest.approx(4 / 3, rel=1e-5)
    assert values["level", ("side",)] == pytest.approx(2 * variance / 0.25, rel=1e-5)


def test_many_images_of_many_values_fold_into_one_matrix_with_the_same_values(levels, monkeypatch):
    """Where courses would be larger than it; here of a factor of two values, whose square is 4."""
    expected = [each.value for each in freezing_order(levels, factors=["side"])]
    monkeypatch.setattr("ifp.closed_form.grams.MANY", 1)
    assert [each.value for each in freezing_order(levels, factors=["side"])] == pytest.approx(expected, rel=1e-9)


def test_the_whole_set_s_eigenvalues_are_those_of_its_four_pixels(levels):
    images = levels.images(np.arange(len(levels))).reshape(len(levels), 4).astype(np.float64)
    p = images.mean(axis=0)
    whitened = np.cov(images.T, bias=True) / np.sqrt(np.outer(p * (1 - p), p * (1 - p)))
    np.testing.assert_allclose(whole_spectrum(levels), np.linalg.eigvalsh(whitened)[::-1], atol=1e-9)


# Codes


def test_information_about_it_is_the_entropy_that_a_sharp_code_can_hold():
    """Codes at the middles of 500 of the 512 bins, 20 values in each: ln 500. One image a value."""
    labels = np.random.default_rng(0).permutation(MANY)
    place = labels // 20
    mean = place[:, None].astype(np.float64)
    logvar = np.full((MANY, 1), 2 * np.log(1e-4))
    factors = np.stack([labels, place, labels % 2], axis=1)
    assert factor_entropy(factors) == pytest.approx([np.log(MANY), np.log(500), np.log(2)])
    with memory_below(0.5):
        nats = information(mean, logvar, factors)[0]
    assert nats == pytest.approx([np.log(500), np.log(500), 0], abs=1e-9)


def test_a_silent_code_knows_nothing_of_it_and_chance_is_counted():
    """One image a value: any code that varies shows all it can, shuffled or not."""
    rng = np.random.default_rng(1)
    factors = rng.permutation(MANY)[:, None]
    mean = np.stack([np.zeros(MANY), np.linspace(-2, 2, MANY)], axis=1)
    with memory_below(0.5):
        nats, chance = information_and_chance(mean, np.zeros((MANY, 2)), factors, seed=0)
    assert nats[0, 0] == chance[0, 0] == 0
    assert nats[1, 0] == pytest.approx(chance[1, 0], rel=1e-9)
    assert 0 < nats[1, 0] < 0.5 * np.log(1 + 16 / 12)  # less than a Gaussian code of that variance


def test_scores_that_need_no_classifier_a_value_are_known_of_perfect_codes():
    """Codes that are the factors: 20 bins hold ln 20 of ln 10,000; the other latent's bins hold what chance gives."""
    rng = np.random.default_rng(0)
    factors = np.stack([np.repeat(np.arange(MANY), 4), np.tile(np.arange(4), MANY)], axis=1)
    codes = factors / np.array([MANY - 1, 3]) + 0.0
    sizes = SampleSizes(train=4000, test=1000, group=16)
    names = ("mig", "factor_vae", "beta_vae", "modularity", "irs")
    with memory_below(0.1):
        found = ifp.score(codes, factors, only=names, sizes=sizes)
    assert LabelledCodes(codes, factors).protocol == "gdl"
    assert found["factor_vae"] == 1
    assert found["beta_vae"] == 1
    assert found["irs"] > 0.94  # of the level, 20 bins: within one it still moves by a twentieth of its range
    drawn = LabelledCodes(codes, factors).train(0, sizes).factors
    entropy = factor_entropy(drawn)
    # the rows drawn have few images a value: the other latent tells most of which it is, by chance
    assert 0 < found["mig"] < 0.5 * (np.log(20) / entropy[0] + 1)
    assert 0 < found["modularity"] < 1
    shuffled = ifp.score(rng.permutation(codes), factors, only=("mig",), sizes=sizes)
    assert shuffled["mig"] < found["mig"]


# Distributions


def test_distributions_of_ten_thousand_cases_are_compared_without_all_their_pairs():
    """Log-uniform on 1..e and on e^(1/2)..e^(3/2): the first is the higher in 1/8 of all combinations."""
    share = (np.arange(MANY) + 0.5) / MANY
    first, second = np.exp(share), np.exp(share + 0.5)
    with memory_below(0.1):
        found = compare_unpaired(first, second)
    assert found.superiority == pytest.approx(1 / 8, abs=1e-4)
    assert found.ratio == pytest.approx(np.exp(-0.5), rel=1e-9)
    assert compare_unpaired(first, first).superiority == 0.5
    assert summarise(first).median == pytest.approx(np.exp(0.5), rel=1e-4)


# The annealing test


def test_a_factor_of_many_values_is_annealed_by_networks_alone_and_that_is_said(tmp_path, monkeypatch):
    """A circle of 3,000 points: two pixels of variance 1/8 over 1/4, a degenerate pair for equilibrium to read."""
    monkeypatch.setenv("IFP_CACHE_DIR", str(tmp_path / "cache"))
    angle = 2 * np.pi * np.arange(3000) / 3000
    images = (0.5 + 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.float32).reshape(-1, 1, 2)
    np.savez(tmp_path / "circle.npz", images=images.clip(0, 1), factors=np.arange(3000)[:, None])
    sweep = {"pace": {"learn_steps": 5, "max_steps": 30}, "hidden": 8}
    settings = {"contexts": 1, "planning_contexts": 1, "sweep": sweep, "out": tmp_path / "run"}
    with pytest.warns(DataWarning, match="factor0: more than 2000 values times latents, not computed at equilibrium"):
        run = ifp.anneal(str(tmp_path / "circle.npz"), **settings)
    (row,) = pd.read_csv(run.path / "freezing.csv").query("threshold_nats == 0.1").to_dict("records")
    assert row["transition"] == "degenerate"
    assert row["spectral_beta"] == pytest.approx(0.5, rel=1e-6)
    assert np.isnan(row["equilibrium_freezing"])
