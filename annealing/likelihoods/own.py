r"""A likelihood of one's own, from its log-probability alone: scores and curvature by automatic differentiation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annealing.curvature import BlockCurvature, Curvature, DiagonalCurvature, FullCurvature
from annealing.errors import DataError, IFPError
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder
from annealing.likelihoods.own_terms import Terms, row_scores
from annealing.likelihoods.silent_fit import newton, silent_fit
from annealing.rows import Rows
from annealing.scores import DenseScores

Array = NDArray[np.float64]
Index = NDArray[np.integer]

MOST_COUPLED = 1500  # outputs of a decoder whose curvature is one whole matrix


@dataclass(frozen=True)
class Likelihood(RowLikelihood):
    """A likelihood of rows given by its log-probability.

    ``log_prob(values, *parameters)`` gets float64 tensors that broadcast against one another, and ``exposure=`` where
    it is exposed. It gives the log-probability of each value, in nats; with per_row, where features are not independent
    given the outputs, of each row (last axis summed). It has to be twice differentiable in the parameters. All that a
    decoder draws of one feature couples through its whole block of the curvature: of a zero-inflated count the diagonal
    alone would give another freezing point.

    >>> from torch.distributions import Poisson
    >>> own = Likelihood(lambda x, log_rate: Poisson(log_rate.exp()).log_prob(x), ("log_rate",))

    Attributes:
        log_prob: the function above.
        parameters: names of what the decoder draws of each feature, unconstrained numbers.
        learned: names of what is fitted beside the decoder, a number of each feature; given after the parameters.
        start: a value of each parameter, then of each that is learned, where the fit of the silent decoder begins; None
            for 0 of all.
        exposed: ``log_prob`` takes the rows' exposure.
        per_row: ``log_prob`` gives a number of each row.
        name: what it is called.

    Raises:
        IFPError: no parameter, a name given twice, or a start of another length.
    """

    log_prob: Callable[..., Tensor]
    parameters: tuple[str, ...]
    learned: tuple[str, ...] = ()
    start: tuple[float, ...] | None = None
    exposed: bool = False
    per_row: bool = False
    name: str = "own"

    def __post_init__(self) -> None:
        names = (*self.parameters, *self.learned)
        if not self.parameters or len(set(names)) < len(names):
            raise IFPError(f"need one parameter or more, each with its own name, got {', '.join(names) or 'none'}")
        if self.start is not None and len(self.start) != len(names):
            raise IFPError(f"need a start of each of {', '.join(names)}, got {len(self.start)} numbers")

    @property
    def coupled(self) -> bool:
        """Where the log-probability is of each row."""
        return self.per_row

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; ``free`` has what is learned."""
        fitted = free if isinstance(free, dict) else {}
        missing = [name for name in self.learned if name not in fitted]
        if missing:
            raise IFPError(f"need the {missing[0]} that is learned beside the decoder, got none: free={{...}}")
        learned = [torch.as_tensor(fitted[name]) for name in self.learned]
        found = self._log_prob(values, (*outputs.unbind(-2), *learned), exposure)
        return -(found if self.per_row else found.sum(-1))

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """The best outputs by L-BFGS and Newton's method.

        Raises:
            DataError: rows with an exposure that ``log_prob`` does not take, or sparse ones with a value of each row or
                with hundreds of exposures.
            IFPError: a log-probability that is not finite, or that has no maximum near the start.
        """
        for rows in parts:
            if rows.exposure is not None and not self.exposed:
                raise DataError(f"need rows without exposure for {self.name}, got one: exposed=True takes it")
        if not self.learned:
            return tuple(silence for rows in parts for silence in self._fitted((rows,)))
        return self._fitted(parts)

    def _fitted(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        features, count = parts[0].features, len(self.parameters)
        varying = [self._varying(rows) for rows in parts]
        # what never varies may have no finite silent decoder, and adds nothing
        kept = np.flatnonzero(np.any(varying, axis=0))
        if not len(kept):
            return tuple(self._nothing(rows) for rows in parts)
        if self.per_row and len(kept) * count > MOST_COUPLED:
            raise DataError(f"need at most {MOST_COUPLED} outputs that all couple (per_row), got {len(kept) * count}")
        terms = [Terms.of(rows, kept, self.exposed, whole=self.per_row) for rows in parts]
        start = torch.tensor(self.start or [0.0] * (count + len(self.learned)), dtype=torch.float64)
        guess = start[:, None].expand(-1, len(kept)).contiguous()
        decoded, learned = silent_fit(terms, self._log_prob, guess, count, self.per_row)
        free = dict(zip(self.learned, _embedded(learned.numpy(), kept, features), strict=True))
        return tuple(
            SilentDecoder(
                _embedded(own.numpy(), kept, features),
                row_scores(term, self._log_prob, own, learned, kept, features),
                self._curvature(term, own, learned, kept, features),
                vary,
                free,
            )
            for term, own, vary in zip(terms, decoded, varying, strict=True)
        )

    def _nothing(self, rows: Rows) -> SilentDecoder:
        """The silent decoder of rows that are all the same: no score, no curvature."""
        features, count = rows.features, len(self.parameters)
        none = np.zeros((features, count, count))
        scores = DenseScores(np.zeros((len(rows), count * features)), features)
        outputs = np.full((count, features), np.nan)
        return SilentDecoder(outputs, scores, self._of_blocks(none), np.zeros(features, np.bool_))

    def _of_blocks(self, blocks: Array) -> Curvature:
        if self.per_row:
            size = blocks.shape[0] * blocks.shape[1]
            return FullCurvature(np.zeros((size, size)))
        return DiagonalCurvature(blocks[:, 0, 0]) if blocks.shape[1] == 1 else BlockCurvature(blocks)

    def _curvature(self, terms: Terms, decoded: Tensor, learned: Tensor, kept: Index, features: int) -> Curvature:
        count = len(decoded)
        _, hessian = newton(terms, self._log_prob, torch.cat([decoded, learned]), self.per_row)
        if self.per_row:
            size = count * len(kept)
            columns = np.concatenate([kept + p * features for p in range(count)])
            matrix = np.zeros((count * features, count * features))
            matrix[np.ix_(columns, columns)] = hessian[:size, :size].numpy()
            return FullCurvature(matrix)
        blocks = np.zeros((features, count, count))
        blocks[kept] = hessian[:, :count, :count].numpy()
        return self._of_blocks(blocks)

    def _log_prob(self, values: Tensor, parameters: Sequence[Tensor], exposure: Tensor | None) -> Tensor:
        if self.exposed:
            return self.log_prob(values, *parameters, exposure=exposure)
        return self.log_prob(values, *parameters)

    def _varying(self, rows: Rows) -> NDArray[np.bool_]:
        low, high = rows.column_range()
        # a constant count of an exposure that varies, or of a share, does vary
        return (low < high) | ((self.exposed or self.per_row) & (high != 0))


def _embedded(values: Array, kept: Index, features: int) -> Array:
    whole = np.full((len(values), features), np.nan)
    whole[:, kept] = values
    return whole
