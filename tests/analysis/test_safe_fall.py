"""How far pressure may fall, against the operator of the linear-Gaussian case written out by quadrature."""

import itertools

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss, hermeval

from analysis.safe_fall import lowest_safe, residual_share, safe_falls
from annealing.errors import IFPError

ORDERS = 40  # of Hermite functions of what is coded
NODES, WEIGHTS = hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def normed(order, at):
    """Hermite function of variance 1 under the standard Gaussian."""
    return hermeval(at, [0.0] * order + [1.0]) / np.sqrt(float(np.prod(np.arange(1.0, order + 1))))


def largest_gain(depth):
    """Largest variance of E[(u - E[u | z]) g(u) | z] over codes g of variance 1, of a factor u that a latent holds.

    At equilibrium z = sqrt(1 - e) u + sqrt(e) noise with e the pressure over the freezing point, which is 1 here, so
    that u given z is Gaussian around sqrt(1 - e) z with variance e.
    """
    centre, width = np.sqrt(1 - depth), np.sqrt(depth)
    u = centre * NODES[:, None] + width * NODES[None, :]  # (z, noise)
    gains = []
    for order in range(1, ORDERS):
        told = ((u - centre * NODES[:, None]) * normed(order, u)) @ WEIGHTS
        gains.append(WEIGHTS @ told**2)
    return max(gains)


@pytest.mark.parametrize("depth", [0.15, 0.3, 0.5, 0.65, 0.9, 1.0])
def test_what_pays_in_a_new_latent_is_the_largest_gain_of_any_code(depth):
    # of orthogonal codes the images under the operator are orthogonal, too: the largest is that of one order
    assert residual_share(depth) * depth == pytest.approx(largest_gain(depth), rel=1e-6)


def test_the_share_lies_between_1_over_e_and_1_and_rises_with_the_pressure():
    shares = [residual_share(depth) for depth in np.linspace(1e-4, 1, 200)]
    assert all(1 / np.e < share <= 1 for share in shares)
    assert all(before <= after + 1e-12 for before, after in itertools.pairwise(shares))
    assert residual_share(1e-6) == pytest.approx(1 / np.e, rel=1e-5)


def test_falls_are_each_safe_and_as_deep_as_can_be():
    values = [40.0, 22.0, 7.7]
    way = safe_falls(20.0, 1.0, values)
    for before, after in itertools.pairwise((20.0, *way)):
        assert after == pytest.approx(lowest_safe(before, values))
    assert lowest_safe(way[-1], values) <= 1.0 < way[-1]
    assert safe_falls(20.0, 12.0, [40.0]) == ()


def test_what_is_not_frozen_has_nothing_to_lose():
    assert lowest_safe(20.0, [10.0, 20.0]) == 0.0
    assert lowest_safe(20.0, [10.0, 40.0]) == lowest_safe(20.0, [40.0])


@pytest.mark.parametrize("depth", [0.0, -0.1, 1.1, float("nan")])
def test_a_depth_that_is_none_is_refused(depth):
    with pytest.raises(IFPError, match="need a depth above 0 and at most 1"):
        residual_share(depth)
