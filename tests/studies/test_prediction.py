"""Rank correlations of predicted and measured leaks on tables worked out by hand."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from studies import prediction

PAIRS = list(itertools.permutations("abc", 2))
TOLD = pd.Series(dict(zip(PAIRS, [0.9, 0.5, 0.4, 0.3, 0.2, 0.1], strict=True)))


def rows(nats, seeds=(0,), dataset="d"):
    leakage = [[a, b, value, False] for (a, b), value in zip(PAIRS, nats, strict=True)]
    return [{"dataset": dataset, "method": "m", "seed": seed, "leakage": leakage} for seed in seeds]


@pytest.fixture(autouse=True)
def told(monkeypatch):
    monkeypatch.setattr(prediction, "predictions", lambda dataset: TOLD)


def test_leaks_in_the_predicted_order_have_the_least_p_there_is_of_three_factors():
    rho, p = prediction.pooled(rows([6, 5, 4, 3, 2, 1]))
    assert rho == pytest.approx(1)
    assert p == pytest.approx(1 / 6, abs=0.03)  # one of the six orders of three factors, up to the draw


def test_leaks_in_the_opposite_order_are_no_prediction():
    rho, p = prediction.pooled(rows([1, 2, 3, 4, 5, 6]))
    assert rho == pytest.approx(-1)
    assert p > 0.9


def test_where_nothing_leaks_there_is_neither_correlation_nor_p():
    assert all(map(math.isnan, prediction.pooled(rows([0.01] * 6))))


def test_seeds_that_agree_have_an_interval_of_one_value():
    runs = prediction.leaked(rows([6, 5, 4, 3, 2, 1], seeds=(0, 1, 2)), "m")
    assert prediction.seed_interval(TOLD, runs) == pytest.approx((1, 1))


def test_seeds_are_drawn_as_often_as_their_orders():
    same, other = rows([6, 5, 4, 3, 2, 1])[0], {**rows([1, 2, 3, 4, 5, 6.5])[0], "seed": 1}
    both = spearmanr(TOLD, [3.5] * 5 + [3.75]).statistic  # twice: the one seed and then the other, or in turn
    drawn = [spearmanr(TOLD, [1, 2, 3, 4, 5, 6.5]).statistic, both, both, 1]
    found = prediction.seed_interval(TOLD, prediction.leaked([same, other], "m"))
    assert found == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
