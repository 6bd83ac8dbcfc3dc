"""Rows of counts, drawn by their log-rates, times each row's exposure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Poisson

from annealing.curvature import DiagonalCurvature
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder, exposures, require_counts
from annealing.rows import Rows
from annealing.scores import of_entries

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PoissonRows(RowLikelihood):
    r"""Counts of mean :math:`l e^\eta`, l a row's exposure: s = x - l b, H = E[l b], b = sum x / sum l."""

    name: str = field(default="poisson", init=False, repr=False)
    parameters: tuple[str, ...] = field(default=("log_rate",), init=False, repr=False)

    @property
    def counts(self) -> bool:
        """Always."""
        return True

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        return -Poisson(self.mean(outputs, exposure), validate_args=False).log_prob(values).sum(-1)

    def mean(self, outputs: Tensor, exposure: Tensor | None = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`: rates, times the exposure."""
        return outputs[..., 0, :].exp() * (1.0 if exposure is None else exposure)

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        return rng.poisson(exposure * np.exp(silence.outputs[0])).astype(np.float64)

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; nothing is shared."""
        return tuple(self._silent(rows) for rows in parts)

    def _silent(self, rows: Rows) -> SilentDecoder:
        """The log-rates of the sums over all rows.

        Raises:
            DataError: values that are no counts.
        """
        require_counts(rows, self.name)
        exposure = exposures(rows)
        rate = rows.column_mean() / exposure.mean()
        low, high = rows.column_range()
        varying = (high > 0) if rows.exposure is not None else low < high
        with np.errstate(divide="ignore"):
            outputs = np.log(rate)[None]
        scores = of_entries(rows.values, [(exposure, rate)])
        return SilentDecoder(outputs, scores, DiagonalCurvature(exposure.mean() * rate), varying)
