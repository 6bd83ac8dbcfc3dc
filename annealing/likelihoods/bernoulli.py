"""Rows of 0 and 1, or of shares between them, drawn by their logits."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Bernoulli

from annealing.curvature import DiagonalCurvature
from annealing.errors import DataError
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder
from annealing.rows import Rows
from annealing.scores import of_entries

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BernoulliRows(RowLikelihood):
    """Values in 0..1, output the logit: s = x - p, H = p (1 - p); :class:`annealing.likelihoods.pixels.Bernoulli`."""

    name: str = field(default="bernoulli", init=False, repr=False)
    parameters: tuple[str, ...] = field(default=("logit",), init=False, repr=False)

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; shares between 0 and 1 are taken, too."""
        return -Bernoulli(logits=outputs[..., 0, :], validate_args=False).log_prob(values).sum(-1)

    def mean(self, outputs: Tensor, exposure: Tensor | None = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`: shares of 1."""
        return outputs[..., 0, :].sigmoid()

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        mean = torch.from_numpy(silence.outputs[0]).sigmoid().numpy()
        return (rng.random((len(exposure), len(mean))) < mean).astype(np.float64)

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; nothing is shared."""
        return tuple(self._silent(rows) for rows in parts)

    def _silent(self, rows: Rows) -> SilentDecoder:
        """The logits of the features' means.

        Raises:
            DataError: values outside 0..1 or an exposure.
        """
        self.refuse_exposure(rows)
        low, high = rows.column_range()
        if low.min() < 0 or high.max() > 1:
            raise DataError(
                f"need values in 0..1 for a bernoulli likelihood, got {low.min():g}..{high.max():g}: rescale them, or "
                "take gaussian, or poisson of counts"
            )
        varying = low < high
        mean = np.where(varying, rows.column_mean(), low)
        scores = of_entries(rows.values, [(np.ones(len(rows)), mean)])
        outputs = torch.logit(torch.from_numpy(mean)).numpy()[None]
        return SilentDecoder(outputs, scores, DiagonalCurvature(mean * (1 - mean)), varying)
