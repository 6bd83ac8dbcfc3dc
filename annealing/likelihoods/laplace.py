"""Rows of real numbers under the absolute error, drawn by their median."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.distributions import Laplace

from annealing.curvature import DiagonalCurvature
from annealing.errors import DataError, IFPError
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder
from annealing.rows import Rows
from annealing.scores import DenseScores

Array = NDArray[np.float64]

TIES = 0.01  # of the rows at the median: more than rounding leaves there
NOTE = "laplace: the density at the median is a kernel estimate, and with it the freezing points"


@dataclass(frozen=True)
class LaplaceRows(RowLikelihood):
    r"""Scale b given, output the median: s = sign(x - median)/b, H = 2 f(median)/b, f the density there.

    f is a Gaussian kernel estimate, its width Silverman's :math:`0.9\, n^{-1/5} \min(\sigma, \mathrm{IQR}/1.34)`
    (Density Estimation, 1986, equation 3.31). Where the median is an atom (sparse counts, binary pixels) H is
    infinite: silence is locally stable at every pressure, freezing, if any, is a jump, and there is no such point.

    Raises:
        IFPError: a scale that is not above 0.
    """

    scale: float = 1.0
    name: str = field(default="laplace", init=False, repr=False)
    parameters: tuple[str, ...] = field(default=("median",), init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.scale < np.inf:
            raise IFPError(f"need a Laplace scale above 0, got {self.scale}")

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`, constants included."""
        return -Laplace(outputs[..., 0, :], self.scale).log_prob(values).sum(-1)

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        return rng.laplace(silence.outputs[0], self.scale, (len(exposure), silence.outputs.shape[1]))

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; nothing is shared."""
        return tuple(self._silent(rows) for rows in parts)

    def _silent(self, rows: Rows) -> SilentDecoder:
        """The features' medians.

        Raises:
            DataError: a feature whose median is an atom or an exposure.
        """
        self.refuse_exposure(rows)
        low, high = rows.column_range()
        varying = low < high
        values = rows.values if isinstance(rows.values, np.ndarray) else _dense(rows.values)
        median: Array = np.median(values, axis=0)
        ties = np.isclose(values, median, rtol=1e-12, atol=0.0).sum(axis=0)
        atoms = np.flatnonzero(varying & (ties > max(1.0, TIES * len(rows))))
        if len(atoms):
            raise DataError(
                f"need features without ties at their median for a laplace likelihood, got {ties[atoms[0]]} of "
                f"{len(rows)} rows there in feature {atoms[0]} ({len(atoms)} such features): silence is stable at "
                "every pressure there, and freezing a jump; take gaussian, or poisson of counts"
            )
        density = _density_at(values, median, varying)
        scores = np.where(varying, np.sign(values - median) / self.scale, 0.0)
        curvature = DiagonalCurvature(2 * density / self.scale)
        return SilentDecoder(median[None], DenseScores(scores, rows.features), curvature, varying, notes=(NOTE,))


def _dense(values: sparse.csr_array) -> Array:
    """Sparse rows without atoms are nearly full: they are made dense; DataError where any feature is mostly 0."""
    filled = np.asarray((values != 0).sum(axis=0)).ravel()
    if (filled < values.shape[0] / 2).any():
        raise DataError(
            "need features that are not 0 in most rows for a laplace likelihood, got sparse ones, whose median is an "
            "atom: take poisson, negative-binomial or softmax of counts"
        )
    return values.toarray().astype(np.float64)


def _density_at(values: Array, median: Array, varying: NDArray[np.bool_]) -> Array:
    upper, lower = np.percentile(values, [75, 25], axis=0)
    spread = np.minimum(values.std(axis=0), np.where(upper > lower, (upper - lower) / 1.34, np.inf))
    width = np.where(varying, 0.9 * len(values) ** -0.2 * spread, 1.0)
    kernel = np.exp(-np.square((values - median) / width) / 2).mean(axis=0)
    return np.where(varying, kernel / (width * np.sqrt(2 * np.pi)), 0.0)
