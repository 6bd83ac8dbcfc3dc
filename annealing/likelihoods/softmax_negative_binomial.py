"""Rows of counts drawn by one softmax times each row's exposure, more dispersed than Poisson's: scVI's likelihood."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from annealing.constrained_scores import ConstrainedScores
from annealing.curvature import LowRankCurvature
from annealing.errors import DataError, IFPError
from annealing.likelihoods.dispersed_counts import DispersedCounts
from annealing.likelihoods.likelihood import SilentDecoder, require_counts
from annealing.likelihoods.negative_binomial import (
    DispersedRows,
    dispersed_nats,
    dispersion_of,
    drawn_counts,
    given_or_fitted,
    notes_of,
)
from annealing.rows import Rows

Array = NDArray[np.float64]

_STEPS = 2000


@dataclass(frozen=True)
class SoftmaxNegativeBinomialRows(DispersedRows):
    r"""Counts of mean :math:`l\, \mathrm{softmax}(\eta)`, l the row's exposure, its depth where none is given.

    With :math:`s_r` the scores of free log-rates, :math:`H_r` their curvature and :math:`J = 1 - 1 p^\top`,

    .. math:: s = J^\top s_r, \qquad H = J^\top H_r J + (1^\top E s_r) (\mathrm{diag}\, p - p p^\top).

    At the best shares :math:`E s_r = p\, (1^\top E s_r)`, which need not be 0.
    Source of the model: Lopez et al. 2018, doi 10.1038/s41592-018-0229-2.

    ``dispersion`` is :class:`annealing.likelihoods.negative_binomial.DispersedRows`'s.
    """

    name: str = field(default="softmax-negative-binomial", init=False, repr=False)
    parameters: tuple[str, ...] = field(default=("logit",), init=False, repr=False)

    @property
    def coupled(self) -> bool:
        """Always: shares sum to 1."""
        return True

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; ``free`` has a fitted dispersion."""
        scale = values.sum(-1, keepdim=True) if exposure is None else exposure
        return dispersed_nats(outputs[..., 0, :].log_softmax(-1), values, scale, dispersion_of(self.dispersion, free))

    def mean(self, outputs: Tensor, exposure: Tensor | None = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`: shares, times the exposure."""
        return outputs[..., 0, :].softmax(-1) * (1.0 if exposure is None else exposure)

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        return drawn_counts(exposure * np.exp(silence.outputs[0]), silence.free["dispersion"], rng)

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """The best shares, and dispersions that all parts share.

        Raises:
            DataError: values that are no counts, or a row without any and without exposure.
        """
        counts = []
        for rows in parts:
            require_counts(rows, self.name)
            exposure = rows.row_sums() if rows.exposure is None else rows.exposure
            if not (exposure > 0).all():
                raise DataError(
                    "need rows of one count or more, got a row of none: drop empty rows, or give an exposure"
                )
            counts.append(DispersedCounts(rows, exposure))
        dispersion = given_or_fitted(self.dispersion, counts, best_shares)
        return tuple(self._silent(part, dispersion) for part in counts)

    def _silent(self, counts: DispersedCounts, dispersion: Array) -> SilentDecoder:
        shares = best_shares(counts, dispersion)
        scores = ConstrainedScores(counts.scores(shares, dispersion), shares)
        curvature = _curvature(counts, shares, dispersion)
        with np.errstate(divide="ignore"):
            outputs = np.log(shares)[None]
        free = {"dispersion": dispersion}
        return SilentDecoder(outputs, scores, curvature, counts.varying, free, notes_of(self, dispersion))


def best_shares(counts: DispersedCounts, dispersion: Array, start: Array | None = None) -> Array:
    """The shares p, sum 1, at which the constrained scores sum to 0, by Newton's method on their logits."""
    shares = counts.rate_given(dispersion) if start is None else start
    shares = shares / shares.sum()
    for _ in range(_STEPS):
        slope = counts.slope(shares, dispersion)
        uphill = slope - shares * slope.sum()
        # no less curved than it is: what is left out of H is negative, and steps only get shorter
        curvature = _curvature(counts, shares, dispersion, least=0.0)
        step = curvature.whiten(curvature.whiten_transposed(uphill))
        shares = np.where(counts.varying, shares * np.exp(np.clip(step, -1, 1)), 0.0)
        shares = shares / shares.sum()
        if np.abs(step - shares @ step).max() < 1e-12:
            return shares
    raise IFPError(f"need shares that converge within {_STEPS} steps, got none: are exposures far from the row sums?")


def _curvature(counts: DispersedCounts, shares: Array, dispersion: Array, least: float = -np.inf) -> LowRankCurvature:
    own = counts.curvature(shares, dispersion)
    total = max(float(counts.slope(shares, dispersion).sum()), least)
    middle = np.array([[own.sum() - total, -1.0], [-1.0, 0.0]])
    return LowRankCurvature(own + total * shares, np.stack([shares, own], axis=1), middle)
