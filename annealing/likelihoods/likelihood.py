r"""Likelihoods of rows of any data, and what each says of a silent decoder.

A decoder draws outputs :math:`\eta` of each row, a likelihood gives :math:`\log p(x | \eta)`. The silent decoder draws
the same :math:`\eta_0` for all rows, the best. There the score :math:`s(x) = \partial \log p / \partial \eta` has mean
0, and with the curvature :math:`H = -E\, \partial^2 \log p / \partial \eta^2` a latent starts to carry information at

.. math:: \beta_c = \lambda_{\max}(H^{-1/2}\, \mathrm{Cov}(s)\, H^{-1/2})

nats, reconstruction summed over features, averaged over rows (:mod:`annealing.score_spectrum`). With the Bernoulli
likelihood :math:`s = x - p`, :math:`H = p (1 - p)`, which is :mod:`annealing.spectral`. A parameter that is free but
not decoded, a variance say, is fitted at silence and moves nothing else to second order. A likelihood that fits has
:math:`\mathrm{Cov}(s) = H`: rows without structure freeze at 1.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from annealing.curvature import Curvature
from annealing.errors import DataError, IFPError
from annealing.rows import Rows
from annealing.scores import Scores

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SilentDecoder:
    """The silent decoder of some rows.

    Attributes:
        outputs: eta_0 (parameters, features), NaN or infinite at features that never vary.
        scores: s of each row.
        curvature: H.
        varying: features that vary (features,).
        free: parameters that were fitted but are not decoded, each a number or (features,).
        notes: what a reader of the freezing points should know.
    """

    outputs: Array
    scores: Scores
    curvature: Curvature
    varying: NDArray[np.bool_]
    free: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class RowLikelihood(ABC):
    """log p(x | outputs) of rows.

    Attributes:
        name: as ``annealing.likelihoods.row_likelihood`` takes it.
        parameters: what the decoder draws of each feature.
    """

    name: str
    parameters: tuple[str, ...]

    @property
    def coupled(self) -> bool:
        """Whether features are not independent given the decoder's outputs, as counts that share a depth are not."""
        return False

    @property
    def counts(self) -> bool:
        """Whether values are counts, whose rates a decoder draws by their logs."""
        return False

    @property
    def learned(self) -> tuple[str, ...]:
        """What is learned beside the decoder, not decoded: names of ``free``, numbers above 0."""
        return ()

    @property
    def one_for_all(self) -> bool:
        """Whether what is learned is one number of all features, not one of each."""
        return False

    def mean(self, outputs: Tensor, exposure: Tensor | None = None) -> Tensor:
        """What the decoder draws of each feature (..., features), by its outputs (..., parameters, features).

        The first parameter where that is the mean or the median; shapes as in :meth:`nats`.
        """
        return outputs[..., 0, :]

    def outputs(self, features: int) -> int:
        """Size of the decoder's output for rows of so many features: outputs (..., parameters, features), flat."""
        return len(self.parameters) * features

    @abstractmethod
    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """-log p(x | outputs) of each row, in nats, summed over its features.

        Args:
            outputs: (..., parameters, features).
            values: (..., features).
            exposure: (..., 1) where rows are not exposed alike.
            free: values of what is not decoded, by name; None for what the likelihood was given.

        Returns:
            (...).
        """

    @abstractmethod
    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """The silent decoder of each part, which is told the parts apart: rows of one condition each, say.

        What is not decoded is fitted to all parts together.

        Raises:
            DataError: rows that the likelihood cannot draw.
        """

    def silence(self, rows: Rows) -> SilentDecoder:
        """The silent decoder of rows, of whose condition it is told nothing; errors as of :meth:`silences`."""
        return self.silences((rows,))[0]

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """Rows that the silent decoder draws, (n, features), float64.

        Args:
            silence: of rows of this likelihood.
            exposure: of each row, (n, 1).
            depth: sum of each row (n,), where the likelihood takes it as given.
            rng: the noise.

        Raises:
            IFPError: a likelihood that is known by its log-probability alone.
        """
        raise IFPError(f"need a likelihood that draws rows, got {self.name}: take signs of scores as the null")

    def points(self, values: Array, features: int) -> Array:
        """Freezing points of eigenvalues (k,) of the whitened scores, falling: themselves."""
        return values

    def refuse_exposure(self, rows: Rows) -> None:
        """DataError where rows have an exposure that this likelihood has no place for."""
        if rows.exposure is not None:
            raise DataError(
                f"need rows without exposure for a {self.name} likelihood, got one: of counts it is poisson, "
                "negative-binomial, softmax-rates or softmax-negative-binomial that take it"
            )


def require_counts(rows: Rows, name: str) -> None:
    """DataError where values are not whole numbers of 0 or more."""
    stored = rows.values if isinstance(rows.values, np.ndarray) else rows.values.data
    if stored.size and stored.min() < 0:
        raise DataError(f"need counts of 0 or more for a {name} likelihood, got {stored.min():g}")
    if stored.dtype.kind == "f" and (stored != np.floor(stored)).any():
        fraction = stored[stored != np.floor(stored)].flat[0]
        raise DataError(
            f"need whole numbers for a {name} likelihood, got {fraction:g}: give raw counts, not normalised ones, or "
            "take a gaussian likelihood"
        )


def exposures(rows: Rows) -> Array:
    """Each row's exposure (n,): 1 where rows are exposed alike."""
    return np.ones(len(rows)) if rows.exposure is None else rows.exposure
