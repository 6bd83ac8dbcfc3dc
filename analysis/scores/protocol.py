"""By which protocol rows are drawn, and which rows that are."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annealing.errors import IFPError


@dataclass(frozen=True, kw_only=True)
class SampleSizes:
    """How much a score draws; the defaults are those of Locatello et al. 2019, arXiv:1811.12359."""

    train: int = 10_000
    test: int = 5_000
    group: int = 64  # images behind one vote of FactorVAE, pairs behind one point of BetaVAE

    def __post_init__(self) -> None:
        if min(self.train, self.test, self.group) < 2:
            raise IFPError(f"need samples and groups of 2 or more, got {self.train}, {self.test} and {self.group}")


STUDY = SampleSizes()
PROTOCOLS = ("gdl", "rows")


def sampled_rows(factors: NDArray[np.integer], seed: int, sizes: SampleSizes) -> NDArray[np.int64]:
    """The rows that the samples of a seed hold, each once, rising: what most scores look at.

    Args:
        factors: classes from 0 or -1, (rows, factors).
        seed, sizes: of the samples.
    """
    rows = len(factors)
    if rows <= sizes.train:
        return np.arange(rows)
    return np.unique(np.concatenate(samples_of(rows, protocol_of(factors), seed, sizes)))


def samples_of(rows: int, protocol: str, seed: int, sizes: SampleSizes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to fit or count on, and rows to test on."""
    if protocol == "gdl":
        counts = (sizes.train, sizes.test)
        train, test = (
            np.random.default_rng([seed, part]).integers(rows, size=count) for part, count in enumerate(counts)
        )
        return train, test
    order = np.random.default_rng([seed, 0]).permutation(rows)
    tested = min(sizes.test, max(rows - sizes.train, rows // 3))
    return order[: min(sizes.train, rows - tested)], order[rows - tested :]


def drawn_rows(factors: NDArray[np.integer], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """So many rows by the protocol of :class:`LabelledCodes`, of factors as classes (rows, factors)."""
    rows = len(factors)
    if protocol_of(factors) == "gdl":
        return rng.integers(rows, size=count)
    return rng.permutation(rows)[:count]


def numbered(factors: NDArray[np.integer]) -> NDArray[np.int64]:
    """The factors that vary, (rows, factors), each one's values numbered from 0 without gaps; -1 is no label."""
    columns = [factors[:, k] for k in varying_columns(factors)]
    found = [np.unique(each, return_inverse=True)[1] - int(each.min() < 0) for each in columns]
    return np.stack(found, axis=1).astype(np.int64)


def protocol_of(factors: NDArray[np.integer]) -> str:
    """Name of the protocol by which rows are drawn, of factors as classes from 0 or -1, (rows, factors).

    >>> protocol_of(np.array([[0, 0], [0, 1], [1, 0], [1, 1]])), protocol_of(np.array([[0, 0], [0, 1], [1, 0]]))
    ('gdl', 'rows')
    """
    return protocol_of_classes(numbered(factors)) if varying_columns(factors) else "gdl"


def protocol_of_classes(classes: NDArray[np.int64]) -> str:
    """:func:`protocol_of` of classes that are :func:`numbered`."""
    sizes = tuple(int(largest) + 1 for largest in classes.max(axis=0))
    combinations = math.prod(sizes)
    if len(classes) % combinations or classes.min() < 0:
        return "rows"
    held = np.bincount(np.ravel_multi_index(tuple(classes.T), sizes), minlength=combinations)
    return "rows" if np.ptp(held) else "gdl"


def varying_columns(factors: NDArray[np.integer]) -> tuple[int, ...]:
    """Columns of (rows, factors), -1 for no label, that have two values or more."""
    known = (labels[labels >= 0] for labels in factors.T)
    return tuple(k for k, labels in enumerate(known) if labels.size and np.ptp(labels) > 0)
