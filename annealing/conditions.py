r"""Freezing points of a decoder that is told a condition c beside the code, as a batch, a class or a context is.

The silent decoder draws the best :math:`\eta_0(c)`, scores s and curvature H(c) are those there. With
:math:`\xi` what the encoder sees and :math:`S(\xi, c) = E[s | \xi, c]`,

.. math:: \beta_c = \sup_w \frac{E_\xi \left( E[w(c)^\top S | \xi] \right)^2}{E_c[w(c)^\top H(c)\, w(c)]}.

*Pooled*: one direction w for all conditions. *Largest*: a direction of each condition. A network lies between: it draws
with as many directions as it has learned to tell conditions apart. Where the encoder sees the row and the condition, or
can read it from the row, the largest is :math:`\max_c \lambda_{\max}(H(c)^{-1/2} \mathrm{Cov}(s|c) H(c)^{-1/2})`:
conditions are separate problems, undiluted by their frequency. Where it sees :math:`\xi` alone it is the largest
eigenvalue of

.. math:: K(\xi, \xi') = \sum_c \frac{P(c|\xi) P(c|\xi')}{P(c)} S(\xi, c)^\top H(c)^{-1} S(\xi', c).

With :math:`\xi` the class of one factor, that is the conditional value of :mod:`annealing.conditional`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from annealing.conditional import shared_code_value, shared_code_value_by_courses
from annealing.curvature import Curvature, mean_curvature
from annealing.errors import DataError
from annealing.leading_modes import leading_modes
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder
from annealing.rows import Rows
from annealing.score_spectrum import require_varying
from annealing.scores import StackedScores

Array = NDArray[np.float64]
Classes = NDArray[np.integer]

_GRAM = 2000  # classes up to which their whole matrix is diagonalised
_BLOCK = 256  # classes whose mean scores are taken together


@dataclass(frozen=True)
class SilentConditions:
    """The silent decoders of all conditions.

    Attributes:
        categories: the conditions (conditions,), rising.
        index: rows of each condition.
        silences: of each.
    """

    categories: Classes
    index: tuple[Classes, ...]
    silences: tuple[SilentDecoder, ...]

    @property
    def shares(self) -> Array:
        """P(c)."""
        count = np.array([len(own) for own in self.index], np.float64)
        return count / count.sum()

    @property
    def scores(self) -> StackedScores:
        """Scores of all rows, condition by condition: row i of them is ``order[i]`` of the rows."""
        return StackedScores(tuple(silence.scores for silence in self.silences))

    @property
    def order(self) -> Classes:
        """Indices of the rows as their scores stand."""
        return np.concatenate(self.index)

    @property
    def curvature(self) -> Curvature:
        """E_c H(c)."""
        return mean_curvature([silence.curvature for silence in self.silences], self.shares)


@dataclass(frozen=True)
class ConditionPoints:
    """Freezing points with the decoder told a condition, in nats.

    Attributes:
        pooled: of one direction for all conditions.
        largest: of a direction of each condition.
        categories: the conditions.
        shares: P(c) of each.
        points: of each condition on its own, the encoder seeing row and condition; a code of that condition alone is
            worth P(c) times its nats.
        notes: what a reader of the points should know.
    """

    pooled: float
    largest: float
    categories: Classes
    shares: Array
    points: Array
    notes: tuple[str, ...] = ()


def silent_conditions(rows: Rows, likelihood: RowLikelihood) -> SilentConditions:
    """The silent decoder of each category; of all rows, were none given.

    Raises:
        DataError: a condition that is no category, or one of a single row.
    """
    if rows.condition is None:
        return SilentConditions(np.zeros(1, np.int64), (np.arange(len(rows)),), (likelihood.silence(rows),))
    if not rows.categories:
        raise DataError(
            "need categories as the condition, (N,) integers, got numbers that may take any value: "
            "annealing.continuous_conditions has their freezing points"
        )
    categories, own = np.unique(rows.condition, return_inverse=True)
    count = np.bincount(own)
    if count.min() < 2:
        alone = categories[count < 2]
        raise DataError(
            f"need 2 rows or more of each condition, got one of {len(alone)} conditions (first {alone[0]}), which says "
            "nothing about what varies within: merge conditions, or drop their rows"
        )
    index = tuple(np.flatnonzero(own == number) for number in range(len(categories)))
    return SilentConditions(categories, index, likelihood.silences([rows.part(one) for one in index]))


def condition_points(rows: Rows, likelihood: RowLikelihood, *, seen: Classes | None = None) -> ConditionPoints:
    """Freezing points of rows of whose condition, a category, the decoder is told.

    Args:
        rows: with a condition.
        likelihood: of :func:`annealing.likelihoods.row_likelihood`, or one's own.
        seen: what the encoder sees of each row, an integer (N,): equal where it cannot tell rows apart, as
            :func:`distinct_rows` has it where it sees the row but not the condition, or a factor's class where the code
            is to be one of that factor. None: the row and its condition.

    Raises:
        DataError: no condition, one that is no category or has a single row, rows that the likelihood cannot draw, or
            none that varies within its condition.
    """
    if rows.condition is None:
        raise DataError("need rows with a condition, got none: annealing.score_spectrum has their freezing points")
    silent = silent_conditions(rows, likelihood)
    require_varying(np.any([silence.varying for silence in silent.silences], axis=0))
    points = np.array([leading_modes(one.scores, one.curvature, 1)[0][0] for one in silent.silences])
    if seen is None:
        pooled, largest = float(leading_modes(silent.scores, silent.curvature, 1)[0][0]), float(points.max())
    else:
        classes = np.unique(_checked(seen, len(rows)), return_inverse=True)[1]
        pooled, largest = _seen_pooled(silent, classes), seen_value(silent, classes)
    notes = tuple(dict.fromkeys(note for silence in silent.silences for note in silence.notes))
    return ConditionPoints(pooled, largest, silent.categories, silent.shares, points, notes)


def distinct_rows(rows: Rows) -> Classes:
    """A number of each row, equal for equal rows, whatever their condition: what an encoder without it sees, (N,)."""
    if isinstance(rows.values, np.ndarray):
        return np.unique(rows.values, axis=0, return_inverse=True)[1].reshape(-1)
    stored = rows.values.sorted_indices()
    stored.eliminate_zeros()
    pieces = zip(np.split(stored.indices, stored.indptr[1:-1]), np.split(stored.data, stored.indptr[1:-1]), strict=True)
    names: dict[bytes, int] = {}
    return np.array([names.setdefault(where.tobytes() + b"|" + what.tobytes(), len(names)) for where, what in pieces])


def seen_value(silent: SilentConditions, classes: Classes) -> float:
    """The kernel's largest eigenvalue, of an encoder that sees the class of each row, 0, 1, ... (N,)."""
    count = torch.from_numpy(np.bincount(classes))
    parts = ((torch.from_numpy(there), torch.from_numpy(courses)) for there, courses, _ in _courses(silent, classes))
    if len(count) > _GRAM:
        return shared_code_value_by_courses(list(parts), count)
    gram = torch.zeros(len(count), len(count), dtype=torch.float64)
    for there, courses in parts:
        gram[there[:, None], there] += courses @ courses.T
    return shared_code_value(gram, count)


def _courses(silent: SilentConditions, classes: Classes) -> Iterator[tuple[Classes, Array, Array]]:
    r"""Of each condition: the classes there, :math:`n(c)^{1/2} P(\xi|c) H(c)^{-1/2} S(\xi, c)`, and their sums of s."""
    for own, silence in zip(silent.index, silent.silences, strict=True):
        there, place = np.unique(classes[own], return_inverse=True)
        sums = np.empty((silence.scores.shape[1], len(there)))
        for start in range(0, len(there), _BLOCK):
            codes = place[:, None] == np.arange(start, min(start + _BLOCK, len(there)))
            sums[:, start : start + _BLOCK] = silence.scores.transposed_times(codes.astype(np.float64))
        yield there, np.ascontiguousarray(silence.curvature.whiten_transposed(sums).T) / np.sqrt(len(own)), sums


def _seen_pooled(silent: SilentConditions, classes: Classes) -> float:
    r"""The largest of :math:`E_\xi(w^\top E[s|\xi])^2 / w^\top E_c H(c)\, w`."""
    count = np.bincount(classes)
    sums = np.zeros((silent.scores.shape[1], len(count)))
    for there, _, own in _courses(silent, classes):
        sums[:, there] += own
    courses = silent.curvature.whiten_transposed(sums) / np.sqrt(count * len(classes))
    return float(np.linalg.norm(courses, 2) ** 2)


def _checked(seen: Classes, rows: int) -> Classes:
    given = np.asarray(seen)
    if given.shape != (rows,) or given.dtype.kind not in "biu":
        raise DataError(f"need an integer of what the encoder sees for each of {rows} rows, got shape {given.shape}")
    return given
