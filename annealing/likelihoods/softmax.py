"""Rows of counts that share a depth, drawn by one softmax over all features."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.distributions import Multinomial, Poisson

from annealing.constrained_scores import MultinomialScores
from annealing.curvature import LowRankCurvature
from annealing.errors import DataError
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder, require_counts
from annealing.rows import Rows
from annealing.scores import of_entries

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SoftmaxRows(RowLikelihood):
    r"""Counts of depth N = sum x, output the logits: s = x - N p, :math:`H = E[N] (\mathrm{diag}\, p - p p^\top)`.

    p = sum x / sum N over all rows, whatever N goes with. H has no curvature along the constant, which changes no
    share, nor has any score a part along it.

    Attributes:
        per_token: the loss is a mean over each row's tokens, another model: s = x/N - p, p = E[x/N],
            H = diag p - p p'.
    """

    per_token: bool = False
    name: str = field(default="softmax", init=False, repr=False)
    parameters: tuple[str, ...] = field(default=("logit",), init=False, repr=False)

    @property
    def counts(self) -> bool:
        """Always."""
        return True

    @property
    def coupled(self) -> bool:
        """Always: shares sum to 1."""
        return True

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`: multinomial of each row's own depth."""
        shares = Multinomial(1, logits=outputs[..., 0, :], validate_args=False)  # its log_prob takes any depth
        total = -shares.log_prob(values)
        return total / values.sum(-1) if self.per_token else total

    def mean(self, outputs: Tensor, exposure: Tensor | None = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`: shares, times the exposure."""
        return outputs[..., 0, :].softmax(-1) * (1.0 if exposure is None else exposure)

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        return rng.multinomial(depth.astype(np.int64), np.exp(silence.outputs[0])).astype(np.float64)

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; nothing is shared."""
        return tuple(self._silent(rows) for rows in parts)

    def _silent(self, rows: Rows) -> SilentDecoder:
        """The logits of the shares of all counts.

        Raises:
            DataError: values that are no counts, rows without any where they are averaged.
        """
        require_counts(rows, self.name)
        self._require_exposure(rows)
        depth = rows.row_sums()
        if not self.per_token:
            return self._at(rows.values, depth, depth)
        if not (depth > 0).all():
            raise DataError("need rows of one token or more for a mean over them, got a row of none: drop empty rows")
        values = rows.values / depth[:, None] if isinstance(rows.values, np.ndarray) else _over(rows.values, depth)
        return self._at(values, np.ones(len(rows)), 1 / depth)

    def _at(self, values: NDArray[Any] | sparse.csr_array, weight: Array, noise: Array) -> SilentDecoder:
        """Of rows that are counted with these weights, and vary by so much over p (1 - p)."""
        total = np.asarray(values.sum(axis=0, dtype=np.float64)).ravel()
        varying = total > 0
        shares, mean = total / max(total.sum(), np.finfo(np.float64).tiny), weight.mean()
        scores = MultinomialScores(of_entries(values, [(weight, shares)]), noise, shares)
        curvature = LowRankCurvature(mean * shares, shares[:, None], np.array([[-mean]]))
        with np.errstate(divide="ignore"):
            return SilentDecoder(np.log(shares)[None], scores, curvature, varying)

    def _require_exposure(self, rows: Rows) -> None:
        self.refuse_exposure(rows)


@dataclass(frozen=True)
class SoftmaxRatesRows(SoftmaxRows):
    """Poisson counts of mean l softmax(eta), l the row's exposure: the scores and curvature of :class:`SoftmaxRows`.

    The exposure is in the nats alone, as shares sum to 1; without one it is the row's depth.
    """

    name: str = field(default="softmax-rates", init=False, repr=False)

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        scale = values.sum(-1, keepdim=True) if exposure is None else exposure
        return -Poisson(self.mean(outputs, scale), validate_args=False).log_prob(values).sum(-1)

    def _require_exposure(self, rows: Rows) -> None:
        if self.per_token:
            raise DataError("need a loss summed over tokens for softmax-rates, got per_token: take softmax")


def _over(counts: sparse.csr_array, depth: Array) -> sparse.csr_array:
    shares = counts.astype(np.float64)
    shares.data /= np.repeat(depth, np.diff(counts.indptr))
    return shares
