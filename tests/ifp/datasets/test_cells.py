"""Factor classes of an incomplete lattice against a dictionary: several images to a cell, or none."""

from itertools import product

import numpy as np
import pytest

from annealing.errors import DataError, IFPError
from ifp.datasets.cells import Cells

LATTICES = {
    "three factors": ((3, 4, 2), 30, np.int64),
    "one factor": ((9,), 12, np.int32),
    "a factor of one class": ((2, 1, 7), 9, np.int16),
    "bytes": ((200, 3), 250, np.uint8),
    "more cells than 32 bits": ((300, 300, 300, 300), 80, np.int16),
    "just below 2^62 cells": ((2**31 - 1, 2**31), 40, np.int64),
}


class ByDictionary:
    """The same by brute force: the images of each cell, in order."""

    def __init__(self, labels, sizes):
        self.labels, self.sizes, self.images_of = labels, sizes, {}
        for image, classes in enumerate(labels.tolist()):
            self.images_of.setdefault(tuple(classes), []).append(image)
        self.cells = np.array(list(self.images_of))

    def rank(self, image):
        return self.images_of[tuple(self.labels[image].tolist())].index(image)


@pytest.fixture(params=LATTICES.values(), ids=LATTICES)
def known(request):
    sizes, images, dtype = request.param
    stream = np.random.default_rng(images)
    drawn = np.stack([stream.integers(size, size=images) for size in sizes], axis=1)
    drawn[: images // 2] = drawn[stream.integers(images // 2, images, size=images // 2)]  # several to a cell
    drawn[-1] = np.array(sizes) - 1  # the last cell of all
    return ByDictionary(drawn.astype(dtype), sizes)


@pytest.fixture
def cells(known):
    return Cells(known.labels, known.sizes)


@pytest.fixture
def few():
    """Cells (0, 0), with images 0 and 2, and (1, 2) with image 1, of a lattice 2x3."""
    return Cells(np.array([[0, 0], [1, 2], [0, 0]]), (2, 3))


def test_lookup_gives_the_first_image_of_each_cell(cells, known):
    order = np.random.default_rng(0).permutation(len(known.cells))
    expected = [known.images_of[tuple(known.cells[each].tolist())][0] for each in order]
    assert cells.lookup(known.cells[order]).tolist() == expected


def test_lookup_like_an_image_gives_the_one_of_its_place_counted_round_the_cell(cells, known):
    stream = np.random.default_rng(1)
    asked, like = stream.integers(len(known.cells), size=300), stream.integers(len(known.labels), size=300)
    found = cells.lookup(known.cells[asked], like=like).tolist()
    for image, cell, other in zip(found, known.cells[asked].tolist(), like.tolist(), strict=True):
        there = known.images_of[tuple(cell)]
        assert image == there[known.rank(other) % len(there)]


def test_an_image_is_found_by_its_own_classes_and_its_own_place(cells, known):
    index = np.arange(len(known.labels))
    assert len(cells) == len(index)
    assert np.array_equal(cells.lookup(cells.factors_at(index), like=index), index)


def test_factors_at_gives_the_labels_as_int64(cells, known):
    index = np.random.default_rng(2).permutation(len(known.labels))
    found = cells.factors_at(index)
    assert found.dtype == np.int64
    assert np.array_equal(found, known.labels[index])


def test_several_counts_the_cells_of_more_than_one_image(cells, known):
    assert cells.several == sum(len(images) > 1 for images in known.images_of.values()) > 0


def test_holds_is_true_of_the_cells_with_images_alone(cells, known):
    """Of all classes in and one beyond the lattice, where they are few: no class beyond is that of a neighbour."""
    stream = np.random.default_rng(3)
    if np.prod(known.sizes, dtype=object) < 2000:
        asked = np.array(list(product(*(range(-1, size + 1) for size in known.sizes))))
    else:
        random = np.stack([stream.integers(-1, size + 1, size=500) for size in known.sizes], axis=1)
        beyond = [known.cells + sign * np.array(known.sizes) for sign in (-1, 1)]
        asked = np.concatenate([known.cells, random, *beyond])
    expected = [tuple(classes) in known.images_of for classes in asked.tolist()]
    assert cells.holds(asked).tolist() == expected
    assert sum(expected) == len(known.cells)


def test_an_empty_cell_is_refused_by_name(few):
    with pytest.raises(DataError, match=r"^need factor classes that some image has, none has \[1, 0\]$"):
        few.lookup(np.array([[0, 0], [1, 0], [0, 1]]))


@pytest.mark.parametrize("classes", [[2, 0], [0, 3], [-1, 0], [0, -1], [2**40, 0]], ids=str)
def test_classes_beyond_the_lattice_are_held_by_no_image_and_refused(few, classes):
    asked = np.array([[0, 0], classes])
    assert few.holds(asked).tolist() == [True, False]
    with pytest.raises(DataError, match=rf"none has \[{classes[0]}, {classes[1]}\]$"):
        few.lookup(asked)


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ([[0]], r"factors of shape \(N, 2\), got \(1, 1\)"),
        ([[0, 0, 0]], r"factors of shape \(N, 2\), got \(1, 3\)"),
        ([[[0, 0]]], r"factors of shape \(N, 2\), got \(1, 1, 2\)"),
        ([[0.0, 0.0]], "whole numbers as factor classes, got float64"),
        ([[True, False]], "whole numbers as factor classes, got bool"),
    ],
    ids=str,
)
def test_factor_classes_of_another_shape_or_type_are_refused(few, classes, reason):
    for function in (few.lookup, few.holds):
        with pytest.raises(IFPError, match=reason):
            function(np.array(classes))


def test_a_single_row_is_one_image_and_no_rows_are_none(few):
    assert few.lookup(np.array([1, 2])).tolist() == [1]
    assert few.holds(np.array([1, 1])).tolist() == [False]
    none = np.empty((0, 2), np.int64)
    assert few.lookup(none).shape == few.holds(none).shape == (0,)


@pytest.mark.parametrize("sizes", [(2**31, 2**31), (2**16,) * 4, (2**32, 2**32), (10**7,) * 3], ids=str)
def test_a_lattice_of_2_to_the_62_cells_or_more_is_refused(sizes):
    with pytest.raises(DataError, match=r"need factors of fewer than 2\^62 combinations, got sizes"):
        Cells(np.zeros((2, len(sizes)), np.int64), sizes)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0, 1], r"labels of shape \(N, 2\), got \(2,\)"),
        ([[0], [1]], r"labels of shape \(N, 2\), got \(2, 1\)"),
        ([[0, 0], [1, 3]], r"classes below \(2, 3\), got \[0 0\]\.\.\[1 3\]"),
        ([[0, -1], [1, 2]], r"classes below \(2, 3\), got \[ 0 -1\]\.\.\[1 2\]"),
    ],
    ids=str,
)
def test_labels_that_do_not_fit_the_sizes_are_refused(labels, reason):
    with pytest.raises(IFPError, match=reason):
        Cells(np.array(labels), (2, 3))


@pytest.mark.parametrize("index", [[3], [-1]], ids=str)
def test_factors_of_an_image_that_is_not_there_are_refused(few, index):
    with pytest.raises(IFPError, match=r"image index in 0\.\.2"):
        few.factors_at(index)
