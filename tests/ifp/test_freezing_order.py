"""The freezing order of small labelled sets against an explicit float64 computation."""

import itertools

import numpy as np
import pytest

from annealing.errors import IFPError
from ifp.datasets.dataset import Factors
from ifp.freezing_order import OrderRecord, freezing_order, predicted_values
from ifp.whole_spectrum import whole_spectrum


class Listed:
    """Images held in memory, any cells of the lattice, any number of images in each."""

    name = "listed"
    fingerprint = "listed"
    nuisances: tuple[str, ...] = ()
    source = "made up"
    image_shape = (3, 4, 1)

    def __init__(self, images, labels, sizes):
        self._images, self._labels = images.astype(np.float32), labels
        self.factors = None if sizes is None else Factors(tuple("abcd"[: len(sizes)]), sizes)

    def __len__(self):
        return len(self._images)

    def images(self, index):
        return self._images[np.asarray(index)].reshape(-1, *self.image_shape)

    def factors_at(self, index):
        return None if self.factors is None else self._labels[np.asarray(index)]


def made(seed, sizes=(2, 3, 4), grey=False, dropped=0):
    rng = np.random.default_rng(seed)
    cells = np.array(list(itertools.product(*map(range, sizes))))
    labels = cells.repeat(2, axis=0)  # two images a cell
    images = (rng.uniform(size=(len(labels), 12)) + 0.8 * (labels @ rng.normal(size=(len(sizes), 12)))) > 0.9
    images = rng.uniform(size=images.shape) * 0.3 + 0.5 * images if grey else images.astype(float)
    kept = rng.permutation(len(labels))[dropped:]
    return Listed(images[kept], labels[kept], sizes), images[kept], labels[kept]


def value(images, labels, factor, given, variance):
    """lam_max(F^-1/2 B F^-1/2) of one factor, given others."""
    classes = np.unique(labels[:, factor])
    matrix = np.zeros((len(classes), len(classes)))
    contexts = np.unique(labels[:, given], axis=0) if given else np.zeros((1, 0))
    for context in contexts:
        inside = (labels[:, given] == context).all(axis=1) if given else np.ones(len(labels), bool)
        centre = images[inside].mean(axis=0)
        v = variance(centre)
        rows = np.zeros((len(classes), images.shape[1]))
        for place, each in enumerate(classes):
            of_class = inside & (labels[:, factor] == each)
            if of_class.any():
                rows[place] = of_class.sum() / inside.sum() * (images[of_class].mean(axis=0) - centre)
        whitened = rows[:, v > 1e-9] / np.sqrt(v[v > 1e-9])
        matrix += inside.mean() * whitened @ whitened.T
    root = np.sqrt([(labels[:, factor] == each).mean() for each in classes])
    return np.linalg.eigvalsh(matrix / np.outer(root, root))[-1]


@pytest.mark.parametrize(("grey", "dropped"), [(False, 0), (True, 0), (False, 15), (True, 15)])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_every_step_has_the_values_given_what_froze_before(grey, dropped, likelihood):
    dataset, images, labels = made(3, grey=grey, dropped=dropped)
    variance = (lambda p: p * (1 - p)) if likelihood == "bernoulli" else np.ones_like
    records = list(freezing_order(dataset, likelihood=likelihood))
    given = []
    for step in range(3):
        of_step = [each for each in records if each.step == step]
        expected = {"abc"[k]: value(images, labels, k, given, variance) for k in range(3) if k not in given}
        assert {each.factor for each in of_step} == set(expected)
        for each in of_step:
            assert each.given == tuple("abc"[k] for k in given)
            assert each.value == pytest.approx(expected[each.factor], rel=1e-5, abs=1e-6)
        (frozen,) = [each.factor for each in of_step if each.freezes]
        assert frozen == max(expected, key=expected.get)
        given.append("abc".index(frozen))


def test_a_factor_left_out_is_averaged_over_and_never_given():
    dataset, images, labels = made(4)
    records = list(freezing_order(dataset, factors=("c", "a")))
    assert {each.factor for each in records} == {"a", "c"}
    marginal = {each.factor: each.value for each in records if not each.given}
    assert marginal["a"] == pytest.approx(value(images, labels, 0, [], lambda p: p * (1 - p)), rel=1e-5)


def test_factors_that_are_alike_at_one_step_are_predicted_to_freeze_together():
    order = [
        OrderRecord(0, "x", (), 100.0, True),
        OrderRecord(0, "y", (), 98.0, False),
        OrderRecord(0, "s", (), 30.0, False),
        OrderRecord(1, "y", ("x",), 150.0, True),
        OrderRecord(1, "s", ("x",), 50.0, False),
        OrderRecord(2, "s", ("x", "y"), 80.0, True),
    ]
    assert predicted_values(order) == {"x": 100.0, "y": 98.0, "s": 80.0}
    assert predicted_values([]) == {}


def test_the_spectrum_of_the_whole_set_needs_no_labels():
    dataset, images, _ = made(5)
    unlabelled = Listed(images, None, None)
    varying = images[:, np.ptp(images, axis=0) > 0]
    p = varying.mean(axis=0)
    whitened = (varying - p) / np.sqrt(p * (1 - p))
    expected = np.linalg.eigvalsh(whitened.T @ whitened / len(images))[::-1][:4]
    np.testing.assert_allclose(whole_spectrum(unlabelled, count=4), expected, rtol=1e-5)
    assert whole_spectrum(dataset, count=4) == whole_spectrum(unlabelled, count=4)


def test_an_order_needs_labels_and_known_factors():
    dataset, images, _ = made(6)
    with pytest.raises(IFPError, match="labelled factors"):
        next(freezing_order(Listed(images, None, None)))
    with pytest.raises(IFPError, match="a factor out of a, b, c, got 'z'"):
        next(freezing_order(dataset, factors=("z",)))
    with pytest.raises(IFPError, match="one factor or more out of a, b, c, got none"):
        next(freezing_order(dataset, factors=()))
