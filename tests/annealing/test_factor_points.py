"""Labelled rows: the values of images by the closed form of images, and an order that the data force."""

import numpy as np
import pytest
import torch

from annealing.conditional import context_gram, shared_code_value
from annealing.errors import DataError
from annealing.factor_points import factor_points, score_order
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.pixels import Bernoulli
from annealing.rows import Rows
from annealing.spectral import freezing_point

SIZES = (3, 4, 2)


def lattice(seed=0):
    """Binary rows of a full grid of three factors, in a random order."""
    rng = np.random.default_rng(seed)
    labels = np.stack(np.unravel_index(np.arange(24), SIZES), axis=1)
    values = (rng.random((24, 10)) < 0.5).astype(float)
    order = rng.permutation(24)
    return Rows(values[order]), labels[order], values.reshape(*SIZES, 10)


def of_images(grid, factor, given):
    """The closed form of images: means of each class in each context of the given factors."""
    others = [axis for axis in range(3) if axis != factor and axis not in given]
    means = torch.from_numpy(np.moveaxis(grid, [*given, factor], [*range(len(given) + 1)]))
    kept = [SIZES[axis] for axis in given]
    means = means.reshape(*kept, SIZES[factor], -1, 10).mean(dim=-2).reshape(-1, SIZES[factor], 10)
    counts = torch.full(means.shape[:2], float(np.prod([SIZES[axis] for axis in others])))
    return shared_code_value(context_gram(means, counts, Bernoulli()), counts.sum(dim=0))


def test_values_of_a_lattice_are_those_of_its_images():
    rows, labels, grid = lattice()
    found = factor_points(rows, row_likelihood("bernoulli"), labels, ("a", "b", "c"))
    assert [one.factor for one in found] == ["a", "b", "c"]
    for factor, one in enumerate(found):
        rest = [axis for axis in range(3) if axis != factor]
        assert one.marginal == pytest.approx(of_images(grid, factor, []), rel=1e-10)
        assert one.conditional == pytest.approx(of_images(grid, factor, rest), rel=1e-10)
        sequences = np.moveaxis(grid, factor, 2).reshape(-1, SIZES[factor], 10)
        actions = [freezing_point(torch.from_numpy(sequence), Bernoulli()) for sequence in sequences]
        assert (one.action, one.contexts) == (pytest.approx(np.median(actions), rel=1e-10), len(actions))


def test_the_order_takes_the_largest_value_given_those_before():
    rows, labels, grid = lattice(1)
    given = []
    for step in score_order(rows, row_likelihood("bernoulli"), labels):
        values = {factor: of_images(grid, factor, given) for factor in range(3) if factor not in given}
        first = max(values, key=values.get)
        assert step.factor == f"f{first}"
        assert step.value == pytest.approx(values[first], rel=1e-10)
        assert step.given == tuple(f"f{factor}" for factor in given)
        given.append(first)


def test_a_factor_that_shows_only_once_another_is_known_freezes_after_it():
    labels = np.stack(np.meshgrid([0, 1], [0, 1], np.arange(50), indexing="ij"), axis=-1).reshape(-1, 3)[:, :2]
    sign = 2 * labels - 1
    noise = np.random.default_rng(0).normal(size=(200, 2)) / 10
    values = np.stack([3.0 * sign[:, 0], 2.0 * sign[:, 0] * sign[:, 1]], axis=1) + noise
    first, second = score_order(Rows(values), row_likelihood("gaussian"), labels, ("shift", "twist"))
    assert (first.factor, second.factor, second.given) == ("shift", "twist", ("shift",))
    assert first.value == pytest.approx(9, rel=0.05)
    assert second.value == pytest.approx(4, rel=0.05)
    _, twist = factor_points(Rows(values), row_likelihood("gaussian"), labels)
    assert twist.marginal < 0.01


@pytest.mark.parametrize(
    ("labels", "names", "words"),
    [
        (np.zeros(24, int), None, "integer labels"),
        (np.zeros((24, 1)), None, "integer labels"),
        (np.zeros((24, 2), int), ("a", "a"), "a name for each of 2 factors"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, names, words):
    with pytest.raises(DataError, match=words):
        factor_points(lattice()[0], row_likelihood("bernoulli"), labels, names)
