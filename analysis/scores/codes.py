"""Codes with the factors behind them, and the samples that the scores draw from them."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

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
PROTOCOLS = ("gdl", "gdl-arrays")


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows drawn from labelled codes.

    Attributes:
        rows: their numbers (n,).
        codes: (n, latents), float64.
        factors: classes of the factors that vary, (n, factors); -1 is no label.
        spread: variance of a mean over other such samples, where that of n independent rows is 1.
    """

    rows: NDArray[np.integer]
    codes: NDArray[np.float64]
    factors: NDArray[np.int64]
    spread: float = 1.0

    def of(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The codes (n_k, latents) and classes (n_k,) of the rows that have a label of factor ``k``."""
        labels = self.factors[:, k]
        there = labels >= 0
        return (self.codes, labels) if there.all() else (self.codes[there], labels[there])


def sampled_rows(rows: int, seed: int, sizes: SampleSizes) -> NDArray[np.int64]:
    """The rows out of so many that the samples of a seed hold, each once, rising: what most scores look at."""
    if rows <= sizes.train:
        return np.arange(rows)
    return np.unique(np.concatenate([_drawn(rows, sizes.train, seed, 0), _drawn(rows, sizes.test, seed, 1)]))


def varying_columns(factors: NDArray[np.integer]) -> tuple[int, ...]:
    """Columns of (rows, factors), -1 for no label, that have two values or more."""
    known = (labels[labels >= 0] for labels in factors.T)
    return tuple(k for k, labels in enumerate(known) if labels.size and np.ptp(labels) > 0)


def _values_fit(values: NDArray[np.floating], factors: NDArray[np.integer]) -> bool:
    if values.shape != factors.shape or not np.issubdtype(values.dtype, np.floating):
        return False
    text = np.isnan(values).all(axis=0)
    return not np.isinf(values).any() and bool((text | (np.isnan(values) == (factors < 0))).all())


def _drawn(rows: int, count: int, seed: int, stream: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, stream]).integers(rows, size=count)


def protocol_of(factors: NDArray[np.integer]) -> str:
    """Name of the protocol by which rows drawn from these (rows, factors), classes from 0 or -1, have their factors.

    >>> protocol_of(np.array([[0, 0], [0, 1], [1, 0], [1, 1]])), protocol_of(np.array([[0, 0], [0, 1], [1, 0]]))
    ('gdl', 'gdl-arrays')
    """
    sizes = tuple(int(largest) + 1 for largest in factors.max(axis=0))
    combinations = math.prod(sizes)
    if len(factors) % combinations or factors.min() < 0:
        return "gdl-arrays"
    held = np.bincount(np.ravel_multi_index(tuple(factors.T), sizes), minlength=combinations)
    return "gdl-arrays" if np.ptp(held) else "gdl"


@dataclass(frozen=True, eq=False)
class LabelledCodes:
    """Posterior means of images whose factors are known.

    Rows are drawn with replacement. Where every combination of the factors' values has equally many rows, that is
    exactly the field's protocol, uniform and independent factors, and ``protocol`` is "gdl". Where there are gaps or
    the rows are a sample, factors are as frequent and as dependent as among the rows: "gdl-arrays". Factors that do
    not vary are left out of everything drawn.

    Rows may lack labels of some factors. Every score then takes, for each factor, those of the drawn rows that have its
    label, and the protocol is "gdl-arrays".

    Attributes:
        codes: posterior means, shape (rows, latents); whole numbers by their type are codes of classes.
        factors: classes from 0, shape (rows, factors); -1 where there is no label.
        logvar: posterior log-variances, shape (rows, latents), for the scores that need them.
        values: of the factors, shape (rows, factors), for regressions; NaN where there is no label, and throughout a
            factor whose labels are no numbers. None: the classes are the values.

    Raises:
        IFPError: shapes that do not fit, codes or log-variances that are not finite, factors that are not classes
            from 0 or -1, values that are not finite where there is a label, no factor that varies, or a row without a
            label of one that does.
    """

    codes: NDArray[Any]
    factors: NDArray[np.integer]
    logvar: NDArray[np.floating] | None = None
    values: NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        codes, factors, logvar = self.codes, self.factors, self.logvar
        if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or not codes.size:
            raise IFPError(
                f"need codes (rows, latents) and factors (rows, factors), got {codes.shape}, {factors.shape}"
            )
        if logvar is not None and logvar.shape != codes.shape:
            raise IFPError(f"need logvar of the shape of the codes, {codes.shape}, got {logvar.shape}")
        if not np.isfinite(codes).all() or (logvar is not None and not np.isfinite(logvar).all()):
            raise IFPError("need finite codes for a score, got NaN or infinity")
        if not np.issubdtype(factors.dtype, np.integer):
            raise IFPError(f"need factors as whole numbers from 0, got {factors.dtype}")
        if factors.size and factors.min() < -1:
            raise IFPError(
                f"need factors as whole numbers from 0, or -1 for no label, got {factors.dtype}, the smallest "
                f"{factors.min()}"
            )
        if self.values is not None and not _values_fit(self.values, factors):
            raise IFPError(
                f"need finite values of the factors, NaN for no label, as floats of shape {factors.shape}, got "
                f"{self.values.dtype} of shape {self.values.shape} or values that are not finite"
            )
        if not self.varying:
            raise IFPError("need at least one factor that varies for a score, got none")
        if lacking := int((self.classes < 0).all(axis=1).sum()):
            raise IFPError(f"need a label of a factor that varies in every row, {lacking:,} have none: leave them out")

    @cached_property
    def varying(self) -> tuple[int, ...]:
        """Columns of the factors that vary."""
        return varying_columns(self.factors)

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The factors that vary, (rows, factors), each one's values numbered from 0 without gaps; -1 is no label."""
        columns = [self.factors[:, k] for k in self.varying]
        found = [np.unique(each, return_inverse=True)[1] - int(each.min() < 0) for each in columns]
        return np.stack(found, axis=1).astype(np.int64)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each factor that varies."""
        return tuple(int(largest) + 1 for largest in self.classes.max(axis=0))

    @property
    def discrete(self) -> bool:
        """Whether the codes are classes, too: whole numbers by their type."""
        return np.issubdtype(self.codes.dtype, np.integer)

    @cached_property
    def protocol(self) -> str:
        """``gdl`` with uniform and independent factors, ``gdl-arrays`` with factors as they occur among the rows."""
        return protocol_of(self.classes)

    def need_factors(self, score: str) -> None:
        """Refuse a score that tells factors apart where fewer than two vary.

        Raises:
            IFPError: fewer than two factors vary.
        """
        if len(self.sizes) < 2:
            raise IFPError(f"need two or more factors that vary for {score}, got {len(self.sizes)}")

    def at(self, rows: NDArray[np.integer]) -> Sample:
        """The codes and classes of these rows."""
        return Sample(rows, self.codes[rows].astype(np.float64), self.classes[rows])

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Independent rows, with replacement, shape (count,)."""
        return rng.integers(len(self.codes), size=count)

    def train(self, seed: int, sizes: SampleSizes) -> Sample:
        """The sample on which every score with this seed is fitted or counted.

        Raises:
            IFPError: a factor has one value only in this sample.
        """
        rows = len(self.codes)
        of_a_sample = 0.0 if self.protocol == "gdl" else sizes.train / rows
        sample = replace(self.at(_drawn(rows, sizes.train, seed, 0)), spread=1 + of_a_sample)
        self._require_values(sample, 2, sizes.train)
        return sample

    def test(self, seed: int, sizes: SampleSizes) -> Sample:
        """The sample on which every score with this seed is tested.

        Raises:
            IFPError: no row of this sample has a label of some factor.
        """
        sample = self.at(_drawn(len(self.codes), sizes.test, seed, 1))
        self._require_values(sample, 1, sizes.test)
        return sample

    def distinct(self, seed: int, sizes: SampleSizes) -> Sample:
        """The rows of :meth:`train`, each once, or all rows where there are no more than it draws.

        For estimates from nearest neighbours, to which a row drawn twice is a neighbour at no distance.

        Raises:
            IFPError: a factor has one value only in this sample.
        """
        rows = len(self.codes)
        chosen = np.arange(rows) if rows <= sizes.train else np.unique(_drawn(rows, sizes.train, seed, 0))
        sample = replace(self.at(chosen), spread=1 - len(chosen) / rows if self.protocol == "gdl" else 1.0)
        self._require_values(sample, 2, sizes.train)
        return sample

    def _require_values(self, sample: Sample, least: int, drawn: int) -> None:
        for k, labels in zip(self.varying, sample.factors.T, strict=True):
            if (found := len(np.unique(labels[labels >= 0]))) < least:
                words = ("a label", "none") if least == 1 else ("two values", "one" if found else "none")
                raise IFPError(f"need {words[0]} of factor {k} among the rows drawn, got {words[1]} in {drawn}")

    @cached_property
    def by_value(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows by each factor's value, -1 first, (factors, rows), and each one's start, (factors, values + 1)."""
        order = np.argsort(self.classes, axis=0, kind="stable").T
        values = np.arange(max(self.sizes) + 1)
        start = [np.searchsorted(labels[rows], values) for labels, rows in zip(self.classes.T, order, strict=True)]
        return order, np.stack(start)
