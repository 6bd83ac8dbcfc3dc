r"""A few exposures in the place of all: a smooth function of each row's exposure from its values at nodes.

A negative binomial's terms at a count of 0 are functions of :math:`\log l + \log b - \log \theta` that are analytic
within :math:`\pi` of the real line. Interpolated at Chebyshev nodes of log l they are exact to rounding, and sums over
all rows are sums over nodes: sparse counts are never made dense. Source: Trefethen, Approximation Theory and
Approximation Practice, 2013, theorem 8.2 (the rate) and chapter 5 (the barycentric formula).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STRIP = math.pi  # half the width in which the functions are analytic
_ROUNDING = 1e-13


@dataclass(frozen=True)
class ExposureNodes:
    r""":math:`f(l_i) = \sum_k w_{ik} f(l_k)`.

    Attributes:
        exposures: l_k of the nodes (nodes,).
        weights: w (rows, nodes); one of them is 1 where rows have few exposures.
    """

    exposures: Array
    weights: Array

    @classmethod
    def of(cls, exposures: Array) -> "ExposureNodes":
        """The nodes of rows of these exposures (rows,)."""
        distinct, place = np.unique(exposures, return_inverse=True)
        low, high = math.log(distinct[0]), math.log(distinct[-1])
        half = max((high - low) / 2, 1e-12)
        radius = _STRIP / half
        count = math.ceil(-math.log(_ROUNDING) / math.log(radius + math.sqrt(1 + radius * radius))) + 4
        if len(distinct) <= count:
            return cls(distinct, np.eye(len(distinct))[place])
        angles = (np.arange(count) + 0.5) * math.pi / count
        nodes = (low + high) / 2 + half * np.cos(angles)
        barycentric = np.sin(angles) * (-1.0) ** np.arange(count)
        distance = np.log(exposures)[:, None] - nodes
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = barycentric / distance
            weights = terms / terms.sum(axis=1, keepdims=True)
        at, node = np.nonzero(distance == 0)  # a row that is a node
        weights[at] = 0.0
        weights[at, node] = 1.0
        return cls(np.exp(nodes), weights)
