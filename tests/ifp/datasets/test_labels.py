"""Labels of every kind as classes, against a dictionary of the values that were meant."""

from fractions import Fraction

import numpy as np
import pytest

from annealing.errors import DataError
from ifp.datasets.labels import factor_classes, label_columns

STREAM = np.random.default_rng(0)
DRAWN = STREAM.integers(0, 4, 60)  # which of four values each row has


def one(column, **options):
    """Classes (rows,), how many there are, and what was understood of a single factor."""
    found = factor_classes([np.asarray(column)], **options)
    return found.classes[:, 0].tolist(), found.factors.sizes[0], found.said


def ranks(meant):
    """By brute force: the place of each value among the distinct ones."""
    order = sorted(set(meant))
    return [order.index(each) for each in meant]


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 2, 3],
        [-7, -1, 0, 5],
        [3, 5, 900, 2**40],
        [-2.5, -0.125, 0.0, 1e-9],
        [1e-9, 1e-8, 1e-3, 1.0],
        [1.7e9 + 0.5, 1.7e9 + 1, 1.7e9 + 1.5, 1.7e9 + 2],
        [2.0**24, 2.0**24 + 1, 2.0**24 + 2, 2.0**24 + 3],
        ["blue", "green", "red", "yellow"],
        ["-3", "2", "10", "9.5"],
    ],
    ids=[
        "from 0",
        "any sign",
        "gaps",
        "floats",
        "powers of ten",
        "times",
        "large whole floats",
        "text",
        "numbers as text",
    ],
)
def test_classes_are_the_places_of_the_values_in_their_order(values):
    column = np.array(values)[DRAWN]
    meant = [Fraction(each) for each in column.tolist()] if values[0] == "-3" else column.tolist()
    classes, size, _ = one(column)
    assert (classes, size) == (ranks(meant), 4)


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, ">i2", np.float16, ">f8", np.longdouble, "U3", "S3"], ids=str)
def test_the_type_of_the_labels_changes_nothing(dtype):
    assert one(DRAWN.astype(dtype))[:2] == (DRAWN.tolist(), 4)


def test_true_and_false_are_two_classes():
    assert one(DRAWN > 1)[:2] == ((DRAWN > 1).astype(int).tolist(), 2)
    assert one(DRAWN > 9)[:2] == ([0] * 60, 1)


def test_the_largest_whole_numbers_are_told_apart():
    assert one(np.array([2**64 - 1, 0, 2**64 - 2], np.uint64))[0] == [2, 0, 1]


TENTHS = np.arange(11)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TENTHS / 10, TENTHS * 0.1),
        (np.linspace(0, 1, 11), np.cumsum(np.full(11, 0.1)) - 0.1),
        (np.linspace(-1, 1, 11), np.cumsum(np.full(11, 0.2)) - 1.2),
        (np.linspace(0, 1, 11), np.linspace(0, 1, 11).astype(np.float32)),
        (np.linspace(-40, 360, 11) + 1 / 3, (np.linspace(-40, 360, 11) + 1 / 3).astype(np.float32)),
        (np.logspace(-9, 3, 11), np.logspace(-9, 3, 11).astype(np.float32)),
    ],
    ids=["times a tenth", "sums of a tenth", "about 0", "float32", "float32 of degrees", "float32 of powers"],
)
def test_values_equal_within_rounding_are_one_class(first, second):
    assert (first != second).any()
    order = STREAM.permutation(22)
    classes, size, _ = one(np.concatenate([first, second])[order])
    assert size == 11
    assert classes == np.concatenate([TENTHS, TENTHS])[order].tolist()


def test_values_that_lie_close_everywhere_stay_apart():
    column = np.nextafter(np.float32(1), np.float32(2)) ** np.arange(200, dtype=np.float64)
    assert one(column.astype(np.float32), bins=5)[1] == 5


@pytest.mark.parametrize("bins", [11, 12, 300])
def test_few_distinct_values_are_the_classes_with_bins_too(bins):
    column = np.concatenate([TENTHS / 10, TENTHS * 0.1])
    assert one(column, bins=bins)[:2] == ([*TENTHS, *TENTHS], 11)


def test_a_value_on_an_edge_within_rounding_is_of_the_upper_bin():
    column = np.linspace(0, 3, 31)
    exact = [min(int(Fraction(k, 10) / Fraction(3, 10)), 9) for k in range(31)]
    assert one(column, bins=10)[:2] == (exact, 10)
    assert one(column.astype(np.float32), bins=10)[:2] == (exact, 10)
    assert one(TENTHS.repeat(3)[:31] * 0.0 + np.arange(31) * 0.1, bins=10)[:2] == (exact, 10)


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float64, "U5"], ids=str)
def test_whole_numbers_are_cut_only_where_they_are_many(dtype):
    assert one(np.arange(256).astype(dtype), bins=4)[1] == 256
    classes, size, said = one(np.arange(1000).astype(dtype), bins=4)
    assert (size, said) == (4, "factor0 cut into 4 classes of 0..999")
    assert classes == np.digitize(np.arange(1000), np.histogram(range(1000), 4)[1][1:-1]).tolist()
    assert one(np.arange(1000).astype(dtype))[1] == one(np.arange(1000).astype(dtype), bins=1000)[1] == 1000


@pytest.mark.parametrize("alone", [True, False])
def test_a_continuous_factor_without_bins_is_told_of_them(alone):
    columns = [STREAM.normal(size=300), *([] if alone else [np.arange(300) % 3])]
    with pytest.raises(DataError, match=r"need classes in factors, factor0 has 300 values within .*: --bins N cuts"):
        factor_classes(columns)
    assert factor_classes(columns, bins=300).factors.sizes[0] == 300  # as many as there are: none is cut


def test_of_several_factors_one_of_a_value_for_nearly_each_row_is_continuous():
    drawn = STREAM.normal(size=100)
    assert one(drawn)[1] == 100
    with pytest.raises(DataError, match=r"factor1 has 100 values within .*--bins"):
        factor_classes([np.arange(100) % 2, drawn])


def test_rows_that_lack_a_label_are_left_out_of_the_classes_of_all_factors():
    first = np.array([0.5, np.nan, 2.5, 0.5, -1.5])
    second = np.array(["a", "zz", "c", "", "c"])
    found = factor_classes([first, second])
    assert found.kept.tolist() == [True, False, True, False, True]
    assert found.left_out == 2
    assert found.classes.tolist() == [[1, 0], [2, 1], [0, 1]]
    assert found.factors.sizes == (3, 2)


@pytest.mark.parametrize(
    ("column", "missing"),
    [
        (np.array([0, -1, 2, -1]), "-1"),
        (np.array([0.0, -1, 2, np.nan]), "-1"),
        (np.array(["0", "-1", "2", "NaN"]), "-1"),
        (np.array(["a", "?", "b", " ? "]), "?"),
        (np.array([b"a", b"?", b"b", b""]), "?"),
        (np.array([1, None, "b", float("nan")], object), None),
    ],
    ids=["whole", "floats", "numbers as text", "text", "bytes", "a mixture"],
)
def test_a_label_that_means_none_is_missing(column, missing):
    found = factor_classes([column], missing=missing)
    assert found.kept.tolist() == [True, False, True, False]
    assert found.classes.tolist() == [[0], [1]]


def test_what_was_understood_is_said_in_words():
    found = factor_classes(
        [np.array([0, 1, 0]), np.array([-1, 3, 3]), np.array(["b", "a", "b"]), np.array([0.1, 0.2, 0.7])],
        ["plain", "signed", "letter", "x"],
        bins=2,
    )
    assert found.said == "signed 2 values -1..3, letter 2 values a, b, x cut into 2 classes of 0.1..0.7"


def test_columns_are_of_one_factor_or_of_several_and_else_refused():
    assert [each.tolist() for each in label_columns([3, 4], 2, "y")] == [[3, 4]]
    assert [each.tolist() for each in label_columns([[3, 4], [5, 6]], 2, "y")] == [[3, 5], [4, 6]]
    with pytest.raises(DataError, match=r"need y, one row per image, got \(2,\)"):
        label_columns([3, 4], 3, "y")
    with pytest.raises(DataError, match="need y of at most 256 columns"):
        label_columns(np.zeros((2, 257)), 2, "y")
