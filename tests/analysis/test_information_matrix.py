"""The matrix of information: against histograms by numpy, MIG itself, and codes whose owners are known."""

import json

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from analysis.figures.information_matrix import draw_information_matrix
from analysis.plain_json import json_bytes
from analysis.scores.all_scores import score
from analysis.scores.codes import LabelledCodes
from analysis.scores.matrix import InformationMatrix, information_matrix
from analysis.scores.protocol import SampleSizes
from annealing.errors import IFPError

SMALL = SampleSizes(train=3000, test=100)


def labels(sizes=(3, 6, 10), rows=4000, seed=0):
    return np.random.default_rng(seed).integers(0, sizes, (rows, len(sizes)))


def noise(rows, columns, seed=1):
    return np.random.default_rng(seed).standard_normal((rows, columns))


@pytest.fixture(scope="module")
def owned():
    """Latent 0 is noise, 1 holds factor2, 2 holds factor0, 3 holds three quarters of factor2's bits; factor1 is out."""
    factors = labels()
    codes = np.stack([noise(4000, 1)[:, 0], factors[:, 2], factors[:, 0], factors[:, 2] // 3], axis=1)
    return LabelledCodes(codes, factors)


@pytest.fixture(scope="module")
def matrix(owned):
    return information_matrix(owned, seed=2, sizes=SMALL, names=("shape", "scale", "hue"))


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_of_the_gaps_is_mig_to_the_last_bit(seed):
    factors = labels(seed=seed)
    codes = factors @ noise(3, 5, seed) + 0.3 * noise(4000, 5, seed)
    gaps = information_matrix(LabelledCodes(codes, factors), seed=seed, sizes=SMALL).gaps
    assert float(np.mean(gaps)) == score(codes, factors, seed=seed, sizes=SMALL, only=["mig"])["mig"]


def test_the_mean_of_the_latents_gaps_is_mig_sup_where_all_move():
    factors = labels()
    codes = factors @ noise(3, 4) + noise(4000, 4, 2)
    gaps = information_matrix(LabelledCodes(codes, factors), seed=1, sizes=SMALL).latent_gaps
    assert float(np.mean(gaps)) == score(codes, factors, seed=1, sizes=SMALL, only=["mig_sup"])["mig_sup"]


def test_entries_are_those_of_numpy_s_histograms(owned, matrix):
    sample = owned.train(2, SMALL)
    for j, k in np.ndindex(4, 3):
        joint = np.histogram2d(sample.codes[:, j], sample.factors[:, k], bins=(20, owned.sizes[k]))[0] / 3000
        outer = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
        there = joint > 0
        nats = (joint[there] * np.log(joint[there] / outer[there])).sum()
        assert matrix.nats[j][k] == pytest.approx(nats, abs=1e-12)
        shares = joint.sum(axis=0)
        assert matrix.entropies[k] == pytest.approx(-(shares * np.log(shares)).sum(), abs=1e-12)


def test_owners_and_shares_of_codes_that_are_known(matrix):
    assert matrix.owners == (2, None, 1)
    assert matrix.tells_most == (None, "hue", "shape", "hue")
    quarters = np.bincount(np.arange(10) // 3) / 10
    held, whole = -(quarters * np.log(quarters)).sum(), np.log(10)
    assert matrix.owner_shares[:2] == (1.0, None)
    assert matrix.owner_shares[2] == pytest.approx(whole / (whole + held), abs=0.01)
    np.testing.assert_allclose(matrix.gaps, [1, 0, (whole - held) / whole], atol=0.02)


def test_a_latent_that_does_not_move_owns_nothing():
    factors = labels()
    found = information_matrix(LabelledCodes(np.zeros((4000, 2)), factors), sizes=SMALL)
    assert found.owners == (None, None, None)
    assert not np.any(found.nats)
    assert found.owner_shares == (None, None, None)


def test_chance_is_that_of_independent_classes():
    sizes, rows = (2, 5, 12), 200_000
    factors = labels(sizes, rows)
    codes = np.random.default_rng(3).integers(0, 20, (rows, 4)).astype(float)
    found = information_matrix(LabelledCodes(codes, factors))
    expected = 19 * (np.array(sizes) - 1) / (2 * 10_000)
    np.testing.assert_allclose(np.mean(found.chance, axis=0), expected, rtol=0.12)
    assert found.owners == (None, None, None)
    assert found.rows == (10_000,) * 3


def test_rows_drawn_many_times_are_no_more_rows():
    sizes = (2, 4)
    order = np.random.default_rng(4)
    codes = np.stack([order.permutation(np.repeat(np.arange(20.0), 20)) for _ in range(8)], axis=1)
    data = LabelledCodes(codes, np.tile(np.indices(sizes).reshape(2, -1).T, (50, 1)))
    assert data.protocol == "gdl"
    found = information_matrix(data)
    np.testing.assert_allclose(np.mean(found.chance, axis=0), 19 * (np.array(sizes) - 1) / 800, rtol=0.15)
    assert found.rows == pytest.approx([400, 400], rel=0.1)
    assert found.owners == (None, None)


def test_one_unrelated_entry_in_a_thousand_is_above_its_limit():
    data = LabelledCodes(noise(1000, 20), labels((3,) * 20, 1000))
    told = np.count_nonzero(information_matrix(data, sizes=SampleSizes(train=1000)).told)
    assert told <= 5  # of 400, each with probability 0.001: more than 5 once in 200,000


def test_names_are_those_of_factors_that_vary():
    factors = np.insert(labels(), 1, 0, axis=1)
    data = LabelledCodes(factors.astype(float), factors)
    assert information_matrix(data, sizes=SMALL).factors == ("factor0", "factor2", "factor3")
    assert information_matrix(data, sizes=SMALL, names="abcd").factors == ("a", "c", "d")
    with pytest.raises(IFPError, match="need a name for each of 4 factors, got 3"):
        information_matrix(data, sizes=SMALL, names="abc")
    with pytest.raises(IFPError, match="need different, printable names of factors"):
        information_matrix(data, sizes=SMALL, names="aabb")


def test_a_factor_may_be_called_as_a_column_is():
    factors = labels((3, 3))
    found = information_matrix(LabelledCodes(factors * 1.0, factors), sizes=SMALL, names=("latent", "gap"))
    frame = found.to_frame()
    assert frame.columns.tolist() == ["latent", "latent", "gap", "most of", "gap"]
    np.testing.assert_array_equal(frame.iloc[:, 1:3].to_numpy(float), found.nats)


def test_frames_have_a_row_per_latent_and_a_row_per_factor(matrix):
    by_latent, by_factor = matrix.to_frame(), matrix.factors_frame()
    assert by_latent["latent"].tolist() == ["z0", "z1", "z2", "z3"]
    np.testing.assert_array_equal(by_latent[["shape", "scale", "hue"]], matrix.nats)
    assert by_factor["factor"].tolist() == ["shape", "scale", "hue"]
    assert by_factor["owner"].tolist() == ["z2", None, "z1"]
    assert by_factor["nats"].tolist() == [matrix.nats[2][0], max(row[1] for row in matrix.nats), matrix.nats[1][2]]
    assert repr(matrix).splitlines()[0] == "information of latents about factors (nats)"


def test_the_matrix_comes_back_from_its_json(matrix):
    read = json.loads(json_bytes(matrix.to_record()))
    assert InformationMatrix.of_record(read) == matrix
    assert read == matrix.to_record()
    assert read["owners"] == [2, None, 1]
    assert InformationMatrix.of_record({**read, "owners": [9, 9, 9]}).owners == (2, None, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"nats": [[1.0]]},
        {"nats": []},
        {"nats": [[-1.0, 0.0, 0.0]] * 4},
        {"nats": [[float("nan"), 0.0, 0.0]] * 4},
        {"nats": "much"},
        {"chance": [[0.1, 0.1, 0.1]]},
        {"entropies": [0.0, 1.0, 1.0]},
        {"rows": [1, 1]},
        {"factors": ["shape", "shape", "hue"]},
        {"factors": ["\x1b[2J", "scale", "hue"]},
        {"factors": 3},
    ],
    ids=lambda each: json.dumps(each)[:40],
)
def test_a_record_that_is_none_is_refused(matrix, changed):
    with pytest.raises(IFPError, match=r"^need "):
        InformationMatrix.of_record({**matrix.to_record(), **changed})
    with pytest.raises(IFPError, match="need an object for matrix"):
        InformationMatrix.of_record([changed])


def drawn(figure):
    """Rows, columns, numbers in cells, outlined cells (row, column)."""
    axes = figure.axes[0]
    rows, columns = ([each.get_text() for each in ticks] for ticks in (axes.get_yticklabels(), axes.get_xticklabels()))
    outlined = [(int(each.get_y()), int(each.get_x())) for each in axes.patches if isinstance(each, Rectangle)]
    return rows, columns, [text.get_text() for text in axes.texts], outlined


def test_the_figure_has_the_share_of_each_factor_and_outlines_its_owner(matrix):
    rows, columns, cells, outlined = drawn(matrix.plot())
    assert rows[:2] == ["z2", "z1"]
    assert sorted(rows) == ["z0", "z1", "z2", "z3"]
    assert columns == ["shape", "scale", "hue"]
    shares = 100 * np.array(matrix.nats)[[int(row[1:]) for row in rows]] / matrix.entropies
    assert cells == [f"{share:.0f}" for share in shares.ravel()]
    assert outlined == [(0, 0), (1, 2)]


def test_of_many_latents_those_that_tell_most_are_drawn_and_the_title_says_so():
    shares = np.linspace(0.1, 0.5, 90)[:, None] * [1.0, 0.5]
    shares[3] = [0.0, 0.9]
    figure = draw_information_matrix(("a", "b"), shares, (89, 3))
    rows, _, _, outlined = drawn(figure)
    assert rows == ["z89", "z3", *(f"z{latent}" for latent in range(88, 50, -1))]
    assert outlined == [(0, 0), (1, 1)]
    assert "the 40 of 90 latents" in figure.axes[0].get_title("left")
