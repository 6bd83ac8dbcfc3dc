"""Codes with the factors behind them, and the samples that the scores draw from them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.scores.protocol import (
    SampleSizes,
    numbered,
    protocol_of_classes,
    rows_in_turn,
    samples_of,
    varying_columns,
)
from annealing.errors import IFPError

_LARGEST = float(np.finfo(np.float32).max)  # trees hold codes in single precision
_LEAST_RANGE = 1e-150  # the square of a smaller one is 0


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


def _require_scale(codes: NDArray[Any]) -> None:
    largest = max(-float(codes.min()), float(codes.max()))
    ranges = np.ptp(codes, axis=0) if largest <= _LARGEST and codes.dtype == np.float64 else np.zeros(1)
    if largest > _LARGEST or ((ranges > 0) & (ranges < _LEAST_RANGE)).any():
        raise IFPError(f"need codes within {_LARGEST:.1e} that floats can square, got up to {largest:.1e}: scale them")


def _values_fit(values: NDArray[np.floating], factors: NDArray[np.integer]) -> bool:
    if values.shape != factors.shape or not np.issubdtype(values.dtype, np.floating):
        return False
    text = np.isnan(values).all(axis=0)
    return not np.isinf(values).any() and bool((text | (np.isnan(values) == (factors < 0))).all())


@dataclass(frozen=True, eq=False)
class LabelledCodes:
    """Posterior means of images whose factors are known.

    Where every combination of the factors' values has equally many rows, rows are drawn with replacement: exactly the
    field's protocol, uniform and independent factors, and ``protocol`` is "gdl". Where there are gaps or the rows are
    a sample, factors are as frequent and as dependent as among the rows: "rows". Then no row is drawn twice, which
    would count as news and tells none, and probes are tested on none that they were fitted to; where there are too few
    for both, a third of the rows is tested. Factors that do not vary are left out of everything drawn.

    Rows may lack labels of some factors. Every score then takes, for each factor, those of the drawn rows that have its
    label, and the protocol is "rows".

    Attributes:
        codes: posterior means, shape (rows, latents); whole numbers by their type are codes of classes.
        factors: classes from 0, shape (rows, factors); -1 where there is no label.
        logvar: posterior log-variances, shape (rows, latents), for the scores that need them.
        values: of the factors, shape (rows, factors), for regressions; NaN where there is no label, and throughout a
            factor whose labels are no numbers. None: the classes are the values.

    Raises:
        IFPError: shapes that do not fit, codes or log-variances that are not finite, codes whose squares floats do not
            hold, factors that are not classes from 0 or -1, values that are not finite where there is a label, no
            factor that varies, or a row without a label of one that does.
    """

    codes: NDArray[Any]
    factors: NDArray[np.integer]
    logvar: NDArray[np.floating] | None = None
    values: NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        codes, factors, logvar = self.codes, self.factors, self.logvar
        if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or not codes.size:
            raise IFPError(f"need codes (rows, latents), factors (rows, factors), got {codes.shape}, {factors.shape}")
        if logvar is not None and logvar.shape != codes.shape:
            raise IFPError(f"need logvar of the shape of the codes, {codes.shape}, got {logvar.shape}")
        if not np.isfinite(codes).all() or (logvar is not None and not np.isfinite(logvar).all()):
            raise IFPError("need finite codes for a score, got NaN or infinity")
        _require_scale(codes)
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
        return numbered(self.factors)

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
        """``gdl`` with uniform and independent factors, ``rows`` with factors as they occur among the rows."""
        return protocol_of_classes(self.classes)

    def need_factors(self, score: str) -> None:
        """Refuse a score that tells factors apart where fewer than two vary.

        Raises:
            IFPError: fewer than two factors vary.
        """
        if len(self.sizes) < 2:
            raise IFPError(f"need two or more factors that vary for {score}, got {len(self.sizes)}: name other scores")

    def at(self, rows: NDArray[np.integer]) -> Sample:
        """The codes and classes of these rows."""
        return Sample(rows, self.codes[rows].astype(np.float64), self.classes[rows])

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Independent rows, with replacement, shape (count,)."""
        return rng.integers(len(self.codes), size=count)

    def train(self, seed: int, sizes: SampleSizes) -> Sample:
        """The sample on which every probe with this seed is fitted.

        Raises:
            IFPError: a factor has one value only in this sample.
        """
        sample = self.at(samples_of(self.classes, self.protocol, seed, sizes)[0])
        self._require_values(sample, 2)
        return sample

    def counted(self, seed: int, sizes: SampleSizes) -> Sample:
        """The sample on which information and variances are counted: of the field's protocol, :meth:`train`.

        Raises:
            IFPError: a factor has one value only in this sample.
        """
        if self.protocol == "gdl":
            return self.train(seed, sizes)
        sample = self.at(np.sort(rows_in_turn(self.classes, seed)[: sizes.train]))
        self._require_values(sample, 2)
        return sample

    def test(self, seed: int, sizes: SampleSizes) -> Sample:
        """The sample on which every score with this seed is tested.

        Raises:
            IFPError: no row of this sample has a label of some factor.
        """
        sample = self.at(samples_of(self.classes, self.protocol, seed, sizes)[1])
        self._require_values(sample, 1)
        return sample

    def distinct(self, seed: int, sizes: SampleSizes) -> Sample:
        """The rows of :meth:`counted`, each once, or all rows where there are no more than it draws.

        For estimates from nearest neighbours, to which a row drawn twice is a neighbour at no distance.

        Raises:
            IFPError: a factor has one value only in this sample.
        """
        rows = len(self.codes)
        chosen = np.arange(rows) if rows <= sizes.train else np.unique(self.counted(seed, sizes).rows)
        sample = replace(self.at(chosen), spread=1 - len(chosen) / rows if self.protocol == "gdl" else 1.0)
        self._require_values(sample, 2)
        return sample

    def _require_values(self, sample: Sample, least: int) -> None:
        for k, labels in zip(self.varying, sample.factors.T, strict=True):
            if (found := len(np.unique(labels[labels >= 0]))) < least:
                words = ("a label", "none") if least == 1 else ("two values", "one" if found else "none")
                told = f"need {words[0]} of factor {k} among the rows drawn, got {words[1]} in {len(sample.rows)}"
                raise IFPError(f"{told}: leave the factor out, or have more rows with a label of it")

    @cached_property
    def by_value(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows by each factor's value, -1 first, (factors, rows), and each one's start, (factors, values + 1)."""
        order = np.argsort(self.classes, axis=0, kind="stable").T
        values = np.arange(max(self.sizes) + 1)
        start = [np.searchsorted(labels[rows], values) for labels, rows in zip(self.classes.T, order, strict=True)]
        return order, np.stack(start)
