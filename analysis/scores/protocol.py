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
    if len(factors) <= sizes.train or not varying_columns(factors):
        return np.arange(len(factors))
    classes = numbered(factors)
    return np.unique(np.concatenate(samples_of(classes, protocol_of_classes(classes), seed, sizes)))


def samples_of(
    classes: NDArray[np.int64], protocol: str, seed: int, sizes: SampleSizes
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to fit on, and rows to test on, of classes that are :func:`numbered`."""
    rows = len(classes)
    if protocol == "gdl":
        counts = (sizes.train, sizes.test)
        train, test = (
            np.random.default_rng([seed, part]).integers(rows, size=count) for part, count in enumerate(counts)
        )
        return train, test
    order = rows_in_turn(classes, seed)
    tested = min(sizes.test, max(rows - sizes.train, rows // 3, 1))
    return order[: min(sizes.train, rows - tested)], order[rows - tested :]


def rows_in_turn(classes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """All rows in the order in which samples take them, each once: at random, but for what no sample can do without.

    That is, to fit on, a row of the rarest value of each factor and one of its most frequent, which come first, and to
    test on another one of the latter, which come last. Classes are :func:`numbered`.
    """
    order = np.random.default_rng([seed, 0]).permutation(len(classes))
    first: list[int] = []
    last: list[int] = []
    for labels in classes[order].T:
        held = np.bincount(labels[labels >= 0])
        rarest = int(held.argmin())
        held[rarest] = -1
        frequent = np.flatnonzero(labels == held.argmax())
        first += [int(np.flatnonzero(labels == rarest)[0]), int(frequent[0])]
        last += [int(frequent[-1])]
    kept_last = [place for place in dict.fromkeys(last) if place not in first]
    rest = np.setdiff1d(np.arange(len(order)), [*first, *kept_last])
    return order[np.concatenate([np.array(list(dict.fromkeys(first)), np.int64), rest, np.array(kept_last, np.int64)])]


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
