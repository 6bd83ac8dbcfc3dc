r"""The log-likelihood of rows as sums of terms: dense rows as they are, sparse ones by what is stored.

A sparse row's zeros are those of all rows, by exposure, less those where something is stored; so nothing is made dense.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from annealing.errors import DataError
from annealing.likelihoods.likelihood import exposures
from annealing.rows import Rows
from annealing.scores import DenseScores, SparseScores

Array = NDArray[np.float64]
LogProb = Callable[[Tensor, Sequence[Tensor], Tensor | None], Tensor]

MOST_EXPOSURES = 256  # different ones of sparse rows


@dataclass(frozen=True)
class Terms:
    """Rows of some features.

    Attributes:
        rows: how many.
        values: (rows, features) of dense rows; (stored,) of sparse ones.
        exposure: of each value, broadcasting; None where they are exposed alike.
        columns: features of stored values; None of dense rows.
        row: rows of stored values.
        at_zero: exposures of zeros (exposures, 1), with the number of rows that have each.
        group: which of these exposures each row has.
    """

    rows: int
    values: Tensor
    exposure: Tensor | None
    columns: Tensor | None = None
    row: Tensor | None = None
    at_zero: tuple[Tensor, Tensor] | None = None
    group: NDArray[np.integer] | None = None

    @classmethod
    def of(cls, rows: Rows, kept: NDArray[np.integer], exposed: bool, *, whole: bool) -> "Terms":
        """The terms of these features; whole: of a likelihood that has a value of each row, which wants them dense."""
        exposure = torch.from_numpy(exposures(rows)) if exposed else None
        if isinstance(rows.values, np.ndarray):
            values = torch.from_numpy(rows.values[:, kept].astype(np.float64))
            return cls(len(rows), values, None if exposure is None else exposure[:, None])
        if whole:
            raise DataError("need dense rows for a likelihood with a value of each row, got sparse ones: .toarray()")
        stored = sparse.coo_array(rows.values[:, kept])
        distinct, group, count = np.unique(exposures(rows), return_inverse=True, return_counts=True)
        if exposed and len(distinct) > MOST_EXPOSURES:
            raise DataError(
                f"need at most {MOST_EXPOSURES} different exposures of sparse rows for a likelihood of one's own, got "
                f"{len(distinct)}: round them, or give dense rows"
            )
        row, columns = (torch.from_numpy(one.astype(np.int64)) for one in stored.coords)
        return cls(
            rows=len(rows),
            values=torch.from_numpy(stored.data.astype(np.float64)),
            exposure=None if exposure is None else exposure[row],
            columns=columns,
            row=row,
            at_zero=(torch.from_numpy(distinct)[:, None], torch.from_numpy(count.astype(np.float64))[:, None]),
            group=group,
        )

    def mean_nats(self, log_prob: LogProb, parameters: Tensor) -> Tensor:
        """-log p of a row, on average, at common parameters (parameters, features)."""
        if self.columns is None or self.at_zero is None:
            return -log_prob(self.values, self._spread(parameters), self.exposure).sum() / self.rows
        own = tuple(parameters[:, self.columns])
        stored = log_prob(self.values, own, self.exposure) - log_prob(0 * self.values, own, self.exposure)
        _, count = self.at_zero
        return -(stored.sum() + (count * self.of_zeros(log_prob, tuple(parameters[:, None]))).sum()) / self.rows

    def of_zeros(self, log_prob: LogProb, parameters: Sequence[Tensor]) -> Tensor:
        """log p of a 0 at every exposure, (exposures, features)."""
        assert self.at_zero is not None
        exposure, _ = self.at_zero
        zeros = torch.zeros(len(exposure), parameters[0].shape[-1], dtype=torch.float64)
        return log_prob(zeros, parameters, None if self.exposure is None else exposure).expand_as(zeros)

    def _spread(self, parameters: Tensor) -> tuple[Tensor, ...]:
        return tuple(parameters[:, None].expand(-1, self.rows, -1))


def row_scores(
    terms: Terms, log_prob: LogProb, decoded: Tensor, learned: Tensor, kept: NDArray[np.integer], features: int
) -> DenseScores | SparseScores:
    """Scores of every row by its outputs, in columns of all features, 0 at those not kept."""
    count = len(decoded)

    def gradient(values: Tensor, exposure: Tensor | None, own: Tensor, beside: Tensor) -> Array:
        leaf = own.detach().clone().requires_grad_()
        total = log_prob(values, (*leaf, *beside), exposure).sum()
        return torch.autograd.grad(total, leaf)[0].numpy()

    if terms.columns is None or terms.row is None or terms.at_zero is None or terms.group is None:
        shape = (-1, terms.rows, -1)
        found = gradient(terms.values, terms.exposure, decoded[:, None].expand(shape), learned[:, None].expand(shape))
        whole = np.zeros((terms.rows, count, features))
        whole[:, :, kept] = found.transpose(1, 0, 2)
        return DenseScores(whole.reshape(terms.rows, -1), features)
    own, beside = decoded[:, terms.columns], learned[:, terms.columns]
    entries = gradient(terms.values, terms.exposure, own, beside) - gradient(
        0 * terms.values, terms.exposure, own, beside
    )
    exposure, _ = terms.at_zero
    shape = (-1, len(exposure), -1)
    at = None if terms.exposure is None else exposure
    zeros = torch.zeros(len(exposure), decoded.shape[1], dtype=torch.float64)
    of_zeros = gradient(zeros, at, decoded[:, None].expand(shape), learned[:, None].expand(shape))
    right = np.zeros((len(exposure), count, features))
    right[:, :, kept] = -of_zeros.transpose(1, 0, 2)
    columns = np.concatenate([kept[terms.columns.numpy()] + p * features for p in range(count)])
    rows = np.tile(terms.row.numpy(), count)
    stored = sparse.csr_array((entries.ravel(), (rows, columns)), (terms.rows, count * features))
    return SparseScores(stored, np.eye(len(exposure))[terms.group], right.reshape(len(exposure), -1), features)
