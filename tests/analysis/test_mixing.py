"""Predicted mixing against the Gaussian information of planted directions, and its two symmetries."""

import numpy as np
import pytest

from analysis.mixing import predicted_mixing
from annealing.errors import IFPError

GRID = np.tile(np.stack([axis.ravel() for axis in np.indices((7, 5, 4))], axis=1), (100, 1))


def centred(classes):
    return classes - classes.mean(axis=0)


def found(scores, values=(9.0, 5.0, 2.0), classes=GRID):
    return {(p.factor, p.other): p.nats for p in predicted_mixing(("a", "b", "c"), scores, classes, values)}


def test_directions_that_each_tell_of_one_factor_predict_no_mixing():
    assert max(found(centred(GRID)).values()) == 0


@pytest.mark.parametrize("weight", [0.3, 1.0, 3.0])
def test_a_direction_that_two_factors_share_tells_of_either_by_its_correlation_ratio(weight):
    scores = centred(GRID).astype(float)
    a, b = scores[:, 0].copy(), scores[:, 1].copy()
    scores[:, 1] = b + weight * a
    ratio = weight**2 * a.var() / (b.var() + weight**2 * a.var())
    told = found(scores)
    np.testing.assert_allclose(told["a", "b"], -0.5 * np.log(1 - ratio), rtol=0.01)
    assert sum(nats for pair, nats in told.items() if pair != ("a", "b")) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("values", "tied"), [((9.0, 9.2, 2.0), True), ((9.0, 8.0, 2.0), False)])
def test_where_two_factors_freeze_at_one_pressure_a_latent_may_take_any_mixture(values, tied):
    scores = centred(GRID) / GRID.std(axis=0)
    told = found(scores, values)
    angles = np.arange(8) * np.pi / 8
    partly = -0.5 * np.log(1 - np.minimum(np.sin(angles) ** 2, 1 - 1e-9))
    for pair, values_of_it in ((("a", "b"), 7), (("b", "a"), 5)):
        expected = np.mean(np.minimum(partly, np.log(values_of_it)))  # a quarter turn later it is the other's code
        np.testing.assert_allclose(told[pair], expected if tied else 0, rtol=0.01)
    assert told["c", "a"] == told["a", "c"] == 0


def test_what_few_images_tell_by_chance_is_taken_off():
    few = GRID[:140]
    told = []
    for seed in range(400):
        nats = found(np.random.default_rng(seed).standard_normal(few.shape), classes=few)
        told.append([nats["a", "b"], nats["b", "a"], nats["c", "a"]])
    chance = (np.array([7, 5, 4]) - 1) / 140 / 2  # mean nats of chance, were its correlation ratio left
    share = np.mean(told, axis=0) / chance
    assert (share > 0.1).all()  # a ratio above its mean counts, one below is 0
    assert (share < 0.6).all()
    assert (np.mean(np.array(told) == 0, axis=0) > 0.4).all()


def test_a_factor_without_a_direction_tells_of_nothing():
    scores = centred(GRID).astype(float)
    scores[:, 2] = 0
    assert found(scores, (9.0, 5.0, 0.0))["a", "c"] == 0


def test_scores_that_do_not_fit_are_refused():
    with pytest.raises(IFPError, match=r"need scores and classes \(images, 3\) and 3 values, got shapes"):
        predicted_mixing(("a", "b", "c"), np.zeros((5, 2)), np.zeros((5, 2), int), (1.0, 1.0, 1.0))
