"""Modes of two factors together, against sets whose modes are known, and against a regression of another library."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from annealing.conditional import context_gram, shared_code_value
from annealing.errors import IFPError
from annealing.joint_modes import joint_modes
from annealing.likelihoods.pixels import Gaussian

A, B = 3, 4


def gram_of(means, counts):
    """Of one context; images given by their classes' means (A, B, pixels)."""
    return context_gram(means.reshape(1, A * B, -1), counts.reshape(1, A * B), Gaussian())


@pytest.fixture
def even():
    return torch.ones(A, B, dtype=torch.float64)


@pytest.fixture
def uneven():
    return torch.tensor([[5, 1, 2, 3], [1, 0, 4, 2], [2, 2, 1, 7]], dtype=torch.float64)


def test_factors_that_move_pixels_of_their_own_have_modes_of_their_own(even):
    f, g = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.0, 0.0, 1.0, 1.0])
    means = torch.stack([f[:, None].expand(A, B), g.expand(A, B)], dim=-1)
    second, first = joint_modes(gram_of(means, even), even, 8)  # a mode a pixel; the second factor's varies more
    assert (second.value, second.first, second.second, second.both) == pytest.approx((0.25, 0, 1, 0), abs=1e-12)
    assert (first.value, first.first, first.second, first.both) == pytest.approx((1 / 6, 1, 0, 0), abs=1e-12)


def test_what_only_both_tell_is_seen_where_neither_factor_alone_moves_a_pixel(even):
    turned = torch.tensor([1.0, -1.0, 1.0, -1.0]) * torch.tensor([1.0, -1.0, 0.0])[:, None]
    (mode,) = joint_modes(gram_of(0.5 + 0.5 * turned[..., None], even), even, 8)
    assert (mode.value, mode.first, mode.second, mode.both) == pytest.approx((1 / 6, 0, 0, 1), abs=1e-12)


def test_shares_are_those_of_regressions_where_pairs_are_not_equally_frequent(uneven):
    means = torch.rand(A, B, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    modes = joint_modes(gram_of(means, uneven), uneven, 8)
    assert modes[0].value == pytest.approx(shared_code_value(gram_of(means, uneven), uneven.flatten()), rel=1e-12)
    assert [mode.value for mode in modes] == sorted((mode.value for mode in modes), reverse=True)
    a, b = np.indices((A, B)).reshape(2, -1)
    there = uneven.flatten().numpy() > 0
    weights = uneven.flatten().numpy()[there]
    indicators = {"first": np.eye(A)[a[there]], "second": np.eye(B)[b[there]]}
    indicators["both"] = np.hstack([indicators["first"], indicators["second"]])
    # the images behind each mode: what the code draws is its own regression on the images
    centred = means.reshape(A * B, -1).numpy()[there]
    centred = centred - weights @ centred / weights.sum()
    left, values, _ = np.linalg.svd(np.sqrt(weights / weights.sum())[:, None] * centred, full_matrices=False)
    codes = left / np.sqrt(weights)[:, None]
    for number, mode in enumerate(modes):
        assert mode.value == pytest.approx(values[number] ** 2, rel=1e-10)
        told = {
            name: LinearRegression().fit(columns, codes[:, number], weights).score(columns, codes[:, number], weights)
            for name, columns in indicators.items()
        }
        assert (mode.first, mode.second, 1 - mode.both) == pytest.approx(tuple(told.values()), abs=1e-10)


def test_what_does_not_fit_is_refused(even):
    with pytest.raises(IFPError, match=r"got shapes \(3, 4\) and \(11, 11\)"):
        joint_modes(torch.zeros(11, 11), even, 1)
