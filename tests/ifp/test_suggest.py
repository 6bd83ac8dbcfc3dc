"""Which beta to use: planted modes are counted, points and weights are the closed forms', the sentences say them."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import ifp
from annealing.likelihoods import row_likelihood
from annealing.loss_forms import LOSS_FORMS
from ifp.closed_form.suggestion import awake_pressures

ROWS, FEATURES = 300, 40
RNG = np.random.default_rng(0)
NOISE = RNG.standard_normal((ROWS, FEATURES))
DIRECTIONS = np.linalg.qr(RNG.standard_normal((FEATURES, 3)))[0].T
PLANTED = (RNG.standard_normal((ROWS, 3)) * [12, 8, 5]) @ DIRECTIONS + NOISE
TABLE = pd.DataFrame(PLANTED, columns=[f"x{number}" for number in range(FEATURES)])
LAM = np.linalg.eigvalsh(np.cov(PLANTED.T, bias=True))[::-1]


def loaded_counts():
    """Three modes in the rates of counts, rows of unequal depth."""
    rng = np.random.default_rng(1)
    log_rates = 0.3 * math.sqrt(FEATURES) * rng.standard_normal((ROWS, 3)) @ DIRECTIONS
    counts = rng.poisson(rng.gamma(3.0, 0.5, (ROWS, 1)) * np.exp(log_rates + 1))
    counts[:, 0] += 1  # no row is empty
    return counts


COUNTS, BATCH = loaded_counts(), np.arange(ROWS) % 2


# What is found


def test_planted_modes_are_counted_alike_from_every_form(tmp_path):
    TABLE.to_csv(tmp_path / "rows.csv", index=False)
    np.savez(tmp_path / "rows.npz", samples=PLANTED)
    sparse.save_npz(tmp_path / "sparse.npz", sparse.csr_array(PLANTED))
    known = ifp.suggest(PLANTED, likelihood="gaussian")
    numbers = known.to_frame().drop(columns="features")
    assert known.above_chance == 3
    for data in (TABLE, tmp_path / "rows.csv", tmp_path / "rows.npz", tmp_path / "sparse.npz"):
        found = ifp.suggest(data, likelihood="gaussian")
        assert (found.above_chance, found.rows, found.features) == (3, ROWS, FEATURES)
        pd.testing.assert_frame_equal(found.to_frame().drop(columns="features"), numbers, rtol=1e-9)


def test_freezing_points_are_eigenvalues_and_rows_left_out_know_the_planted_variances():
    found = ifp.suggest(PLANTED, likelihood="gaussian").to_frame()
    np.testing.assert_allclose(found["freezing"], LAM[:10])
    np.testing.assert_allclose(found["held_out"][:3], [145, 65, 26], rtol=0.15)  # planted, and noise of variance 1
    assert (found["z"][:3] > 5).all()
    np.testing.assert_allclose(found["beta"], awake_pressures(LAM[:11])[:10])


def test_one_more_mode_than_is_looked_at_bounds_the_last_suggestion():
    few, many = (ifp.suggest(PLANTED, likelihood="gaussian", modes=modes) for modes in (3, 6))
    pd.testing.assert_frame_equal(few.to_frame(), many.to_frame()[:3])
    assert few.sentences[0].startswith("Your data holds at least three modes above chance (all that were looked at)")


def test_a_learned_variance_has_the_points_of_its_own_equation():
    found = ifp.suggest(PLANTED).to_frame()["freezing"].to_numpy()
    before = np.concatenate([[0], np.cumsum(LAM)[:9]])
    known = FEATURES * LAM[:10] / (LAM.sum() - before + np.arange(10) * LAM[:10])
    np.testing.assert_allclose(found, known)


def test_noise_holds_no_mode():
    found = ifp.suggest(NOISE, loss="mse-mean", level=0.001)
    assert (found.above_chance, found.beta, found.weight) == (0, None, None)
    assert "holds no modes above chance" in found.sentences[0]
    assert found.sentences[1].endswith("below it a latent learns what may be chance.")


def test_counts_are_taken_for_what_they_are():
    found = ifp.suggest(COUNTS)
    assert (found.likelihood, found.exposure) == ("negative-binomial", "the row's sum")
    assert "spread" in found.because
    assert found.above_chance >= 3
    assert any("--likelihood names another" in note for note in found.notes)
    named = ifp.suggest(sparse.csr_array(COUNTS), likelihood="negative-binomial", exposure="total")
    np.testing.assert_allclose(named.to_frame()["freezing"], found.to_frame()["freezing"], rtol=1e-6)
    assert any("no exposure" in note for note in ifp.suggest(COUNTS, likelihood="poisson").notes)


def test_a_condition_takes_its_own_mode_out():
    shifted = PLANTED + 4 * np.outer(BATCH, np.ones(FEATURES))
    blind = ifp.suggest(shifted, likelihood="gaussian")
    told = ifp.suggest(shifted, likelihood="gaussian", condition=np.where(BATCH, "late", "early"))
    within = [np.cov(PLANTED[number == BATCH].T, bias=True) for number in (0, 1)]
    np.testing.assert_allclose(told.to_frame()["freezing"], np.linalg.eigvalsh(np.mean(within, axis=0))[::-1][:10])
    assert (blind.above_chance, told.above_chance, told.conditions) == (4, 3, 2)
    largest = max(np.linalg.eigvalsh(each)[-1] for each in within)
    assert any(f"a direction of one condition freezes from {largest:.4g} nats" in note for note in told.notes)


def test_a_loud_feature_of_its_own_is_told():
    loud = np.column_stack([PLANTED, 300 * np.random.default_rng(2).standard_normal(ROWS)])
    found = ifp.suggest(loud, likelihood="gaussian")
    assert found.above_chance == 0
    assert any("scaled to one variance, features share 3 modes" in note for note in found.notes)
    assert ifp.suggest(loud, likelihood="gaussian-each").above_chance == 3


def test_a_likelihood_of_ones_own():
    wide = ifp.suggest(PLANTED, likelihood=row_likelihood("gaussian", variance=4.0))
    np.testing.assert_allclose(wide.to_frame()["freezing"], LAM[:10] / 4)


def test_a_mode_in_the_shadow_of_louder_ones_is_counted():
    shadowed = ifp.suggest(PLANTED + 10 * np.outer(BATCH, np.ones(FEATURES)), likelihood="gaussian")
    assert shadowed.modes[3].freezing < np.trace(np.cov(PLANTED.T)) / FEATURES + 25  # what a feature varies on its own
    assert shadowed.above_chance == 4


# Weights


@pytest.mark.parametrize(
    ("loss", "nats"),  # of a weight of 1, with N = 40, B = 8, K = 4: the table of the how-to page
    [
        ("nll-sum", 1), ("nll-mean", 40), ("mse-sum", 1 / 2), ("mse-half-sum", 1), ("mse-mean", 20),
        ("mse-total", 1 / 16), ("mse-mean-kl-total", 160), ("mse-total-kl-total", 1 / 2), ("gaussian-nll-mean", 40),
    ],
)  # fmt: skip
def test_weights_are_those_of_the_loss(loss, nats):
    found = ifp.suggest(PLANTED, likelihood="gaussian", loss=loss, batch_size=8, kl_mean_over=4)
    frame = found.to_frame()
    np.testing.assert_allclose(frame["weight"] * nats / 4, LAM[:10])
    np.testing.assert_allclose(frame["beta_weight"] * nats / 4, frame["beta"])
    assert found.weight == frame["beta_weight"][2]


def test_a_loss_brings_its_likelihood():
    binary = (PLANTED > 0).astype(int)
    for loss, values, likelihood in (("mse-mean", PLANTED, "gaussian"), ("bce-mean", binary, "bernoulli"),
                                     ("l1-mean", PLANTED, "laplace")):  # fmt: skip
        found = ifp.suggest(values, loss=loss)
        assert (found.likelihood, LOSS_FORMS[loss].likelihood) == (likelihood, likelihood)
        assert f"{loss} is its loss" in found.because
    assert ifp.suggest(binary, loss="nll-sum").likelihood == "bernoulli"


def test_as_many_latents_are_awake_as_said():
    rng = np.random.default_rng(3)
    for _ in range(20):
        points = np.sort(rng.lognormal(1, 1.5, 6))[::-1]
        for number, beta in enumerate(awake_pressures(points), start=1):
            nats = 0.5 * np.log(np.maximum(points / beta, 1))  # of a linear decoder, as exact as it comes
            assert (nats[:number] >= 0.1 - 1e-12).all()
            assert beta >= points[number - 1] / 2 - 1e-12
            spread_out = number < 6 and points[number] < 0.5 * points[number - 1]
            assert not spread_out or (nats[number:] == 0).all()


# What is said


def numbers(sentence):
    return [float(each) for each in re.findall(r"\d+(?:\.\d+)?(?:e[+-]\d+)?", sentence.replace(",", ""))]


def rounded(*values):
    return [float(f"{value:.3g}") for value in values]


@pytest.mark.parametrize("data", [PLANTED, NOISE, COUNTS, PLANTED / 1000], ids=["three", "none", "counts", "small"])
@pytest.mark.parametrize("loss", [None, "nll-mean"])
def test_the_sentences_say_the_numbers_of_the_record(data, loss):
    found = ifp.suggest(data, loss=loss)
    record = found.to_record()
    counted, advised = record["sentences"]
    assert numbers(counted) == [record["rows"], record["features"], record["level"]]
    assert record["above_chance"] == sum(mode["above_chance"] for mode in record["modes"])
    first = record["modes"][0]
    wanted = [first["freezing"]] if loss is None else [first["weight"], first["freezing"]]
    if record["above_chance"]:
        last, further = record["modes"][record["above_chance"] - 1 : record["above_chance"] + 1]
        assert (record["beta"], record["weight"]) == (last["beta"], last.get("beta_weight"))
        wanted += [last["beta"]] if loss is None else [last["beta_weight"], last["beta"]]
        wanted += [further["freezing" if loss is None else "weight"]]
    assert numbers(advised) == rounded(*wanted)


def test_the_table_and_the_object_of_the_command_are_those_of_python(told, tmp_path):
    TABLE.assign(batch=BATCH, outcome="x").to_csv(tmp_path / "rows.csv", index=False)
    asked = ("suggest", "rows.csv", "--loss", "mse-mean", "--condition", "batch", "--labels", "outcome", "--modes", "5")
    code, error, out = told(*asked, "--json")
    assert code == 0, error
    known = ifp.suggest(
        tmp_path / "rows.csv", loss="mse-mean", condition="batch", labels=["outcome"], modes=5
    ).to_record()
    assert json.loads(out) == json.loads(json.dumps(known | {"source": "file rows.csv"}))
    code, error, out = told(*asked, "--plot", "modes.svg")
    assert (code, out) == (0, "")
    for sentence in known["sentences"]:
        assert sentence in error
    assert "note: the first value is where silence stops being stable" in error
    assert (tmp_path / "modes.svg").read_text().count("weight of the KL in mse-mean") >= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["modes.svg", "rows.csv"]


def test_the_figure_has_the_numbers_and_shades_what_may_be_chance():
    found = ifp.suggest(PLANTED, loss="mse-mean", modes=5)
    figure = found.plot()
    figure.draw_without_rendering()  # the axis on top follows when it is drawn
    axes = figure.axes[0]
    drawn = {(round(float(line.get_xdata()[0]), 9), line.get_marker()) for line in axes.lines if len(line.get_xdata())}
    wanted = [(mode.freezing, "o") for mode in found.modes] + [(mode.held_out, "o") for mode in found.modes]
    wanted += [(mode.beta, "|") for mode in found.modes[:3]]
    assert {(round(value, 9), marker) for value, marker in wanted} <= drawn
    assert not any((round(mode.beta, 9), "|") in drawn for mode in found.modes[3:])
    assert axes.patches[0].get_extents().transformed(axes.transData.inverted()).x1 == pytest.approx(LAM[3])
    top = axes.child_axes[0]
    np.testing.assert_allclose(top.get_xlim(), np.array(axes.get_xlim()) / 20, rtol=1e-6)  # N / 2 nats a weight of 1


def test_a_result_shows_itself():
    text = repr(ifp.suggest(PLANTED, loss="mse-mean"))
    assert text.startswith("Suggestion for your data; pressures in nats")
    assert "weights in mse-mean, N = 40" in text
    assert "beta_weight" not in ifp.suggest(PLANTED).to_frame()


# What is refused


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ((np.where(np.eye(ROWS, FEATURES) > 0, np.nan, PLANTED),), "got nan in row 0, feature 0"),
        ((PLANTED[:1],), "need at least 2 rows"),
        ((PLANTED[:4],), "need at least 8 rows"),
        ((np.ones((20, 4)),), "need a feature that varies|need counts|all the same"),
        ((PLANTED, {"likelihood": "poisson"}), "need counts of 0 or more for a poisson likelihood"),
        ((COUNTS + 0.5, {"likelihood": "negative-binomial"}), "need whole numbers for a negative-binomial"),
        ((PLANTED, {"loss": "bce-mean"}), "need values in 0..1 for a bernoulli likelihood"),
        ((PLANTED, {"exposure": "total"}), "sum to more than 0|without exposure"),
        ((PLANTED, {"likelihood": "gausian"}), "did you mean gaussian"),
        ((PLANTED, {"loss": "mse-mean", "likelihood": "laplace"}), "need the likelihood gaussian with mse-mean"),
        ((PLANTED, {"loss": "mse-total"}), "need the batch size with mse-total"),
        ((PLANTED, {"batch_size": 3}), "need a loss whose batch size"),
        ((PLANTED, {"level": 0.7}), "need a level of the test above 0 and below 0.5"),
        ((PLANTED, {"modes": 0}), "need modes of at least 1"),
    ],
    ids=range(14),
)  # fmt: skip
def test_what_cannot_be_answered_is_told_in_a_sentence(given, line):
    data, settings = (*given, {})[:2]
    with pytest.raises(ifp.IFPError, match=line) as told:
        ifp.suggest(data, **settings)
    assert "\n" not in str(told.value)


def test_a_refused_table_writes_nothing(told, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,\n5,6\n")
    code, error, out = told("suggest", "rows.csv", "--plot", "modes.png")
    assert (code, error.count("\n"), out) == (1, 1, "")
    assert "got nan in row 1, b" in error
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
