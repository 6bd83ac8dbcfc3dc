"""Rows of real numbers, drawn by their mean: the variance given, learned, or decoded too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.distributions import Normal

from annealing.curvature import DiagonalCurvature
from annealing.errors import IFPError
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder
from annealing.rows import Rows
from annealing.scores import DenseScores, Scores, SparseScores, of_entries

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Gaussian(RowLikelihood):
    """What the forms of the variance share."""

    parameters: tuple[str, ...] = field(default=("mean",), init=False, repr=False)

    def _of_variance(
        self, parts: Sequence[Rows], variance: Array, free: Mapping[str, Array]
    ) -> tuple[SilentDecoder, ...]:
        precision = _inverse(variance)
        silences = []
        for rows in parts:
            mean, varying, centred = _centred(rows)
            silences.append(
                SilentDecoder(mean[None], centred.scaled(precision), DiagonalCurvature(precision), varying, free)
            )
        return tuple(silences)

    def _variance_within(self, parts: Sequence[Rows]) -> Array:
        """Variance of each feature about the mean of its part; 0 exactly where it never varies."""
        for rows in parts:
            self.refuse_exposure(rows)
        return np.average([_variance(rows) for rows in parts], axis=0, weights=[len(rows) for rows in parts])


@dataclass(frozen=True)
class GaussianRows(_Gaussian):
    r"""Variance :math:`\sigma^2` given: s = (x - mean)/sigma^2, H = 1/sigma^2; the values are those of C/sigma^2.

    Half the squared error, summed over features, is its loss with a variance of 1.

    Raises:
        IFPError: a variance that is not above 0.
    """

    variance: float = 1.0
    name: str = field(default="gaussian", init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.variance < np.inf:
            raise IFPError(f"need a Gaussian variance above 0, got {self.variance}")

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`, constants included."""
        return -Normal(outputs[..., 0, :], self.variance**0.5).log_prob(values).sum(-1)

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        return rng.normal(silence.outputs[0], self.variance**0.5, (len(exposure), silence.outputs.shape[1]))

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """The features' means."""
        for rows in parts:
            self.refuse_exposure(rows)
        return self._of_variance(parts, np.full(parts[0].features, self.variance), {})


@dataclass(frozen=True)
class _LearnedGaussian(_Gaussian):
    """What forms of a variance that is learned, not decoded, share."""

    @property
    def learned(self) -> tuple[str, ...]:
        """The variance."""
        return ("variance",)

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; ``free`` has the variance."""
        return -Normal(outputs[..., 0, :], _free(free, "variance").sqrt()).log_prob(values).sum(-1)

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        deviation = np.sqrt(silence.free["variance"])
        return rng.normal(silence.outputs[0], deviation, (len(exposure), silence.outputs.shape[1]))


@dataclass(frozen=True)
class GaussianSharedRows(_LearnedGaussian):
    r"""One variance of all features, learned: at silence tr C / D.

    The values of the whitened scores are :math:`D \lambda_k / \mathrm{tr}\, C`, and the first is the freezing point.
    By the time that the k-th mode freezes those before have lowered the variance, and it freezes at

    .. math:: \beta_k = \frac{D \lambda_k}{\sum_{i \ge k} \lambda_i + (k - 1) \lambda_k}.

    D counts features that never vary, too: the variance is theirs as well.
    """

    name: str = field(default="gaussian-shared", init=False, repr=False)

    @property
    def one_for_all(self) -> bool:
        """Always: one variance."""
        return True

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """The features' means, and the mean of their variances, of which all parts have one."""
        variance = self._variance_within(parts).mean()
        return self._of_variance(parts, np.full(parts[0].features, variance), {"variance": np.asarray(variance)})

    def points(self, values: Array, features: int) -> Array:
        """The equation of this class, of values whose sum over all modes is D."""
        before = np.concatenate([[0.0], np.cumsum(values)[:-1]])
        remaining = features - before + np.arange(len(values)) * values
        return features * values / np.maximum(remaining, np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class GaussianEachRows(_LearnedGaussian):
    """A variance of each feature, learned but not decoded: the values are those of the correlation matrix."""

    name: str = field(default="gaussian-each", init=False, repr=False)

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """The features' means and variances; all parts have the same variances."""
        variance = self._variance_within(parts)
        return self._of_variance(parts, variance, {"variance": variance})


@dataclass(frozen=True)
class GaussianDecodedRows(_Gaussian):
    r"""Mean and log-variance both decoded: a feature whose *spread* depends on a hidden factor can freeze.

    .. math:: s = \left( \frac{x - \mu}{\sigma^2}, \frac{(x - \mu)^2/\sigma^2 - 1}{2} \right), \qquad
        H = \mathrm{diag}(1/\sigma^2, 1/2)

    A single heavy-tailed feature freezes at (kurtosis - 1)/2 with no factor shared.
    """

    name: str = field(default="gaussian-decoded", init=False, repr=False)
    parameters: tuple[str, ...] = field(default=("mean", "log_variance"), init=False, repr=False)

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        return -Normal(outputs[..., 0, :], (outputs[..., 1, :] / 2).exp()).log_prob(values).sum(-1)

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        deviation = np.exp(silence.outputs[1] / 2)
        return rng.normal(silence.outputs[0], deviation, (len(exposure), silence.outputs.shape[1]))

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """The features' means and variances."""
        return tuple(self._silent(rows) for rows in parts)

    def _silent(self, rows: Rows) -> SilentDecoder:
        self.refuse_exposure(rows)
        mean, varying, centred = _centred(rows)
        variance = _variance(rows)
        precision = _inverse(variance)
        curvature = DiagonalCurvature(np.concatenate([precision, np.where(varying, 0.5, 0.0)]))
        with np.errstate(divide="ignore"):
            outputs = np.stack([mean, np.log(variance)])
        return SilentDecoder(outputs, _with_squares(centred, mean, variance, precision), curvature, varying)


def _centred(rows: Rows) -> tuple[Array, NDArray[np.bool_], DenseScores | SparseScores]:
    """Means, which features vary, and x - mean, 0 exactly where none does."""
    low, high = rows.column_range()
    varying = low < high
    mean = np.where(varying, rows.column_mean(), low)
    return mean, varying, of_entries(rows.values, [(np.ones(len(rows)), mean)])


def _variance(rows: Rows) -> Array:
    low, high = rows.column_range()
    return np.where(low < high, rows.column_variance(), 0.0)


def _inverse(variance: Array) -> Array:
    there = variance > 0
    return np.where(there, 1 / np.where(there, variance, 1.0), 0.0)


def _with_squares(centred: DenseScores | SparseScores, mean: Array, variance: Array, precision: Array) -> Scores:
    """Scores of the mean, and beside them those of the log-variance."""
    features = centred.features
    if isinstance(centred, DenseScores):
        spread = (np.square(centred.values) - variance) * (precision / 2)
        return DenseScores(np.hstack([centred.values * precision, spread]), features)
    first = centred.scaled(precision)
    products = sparse.csr_array(
        centred.entries.multiply(centred.entries) - centred.entries @ sparse.diags_array(2 * mean)
    )
    spreads = SparseScores(products, centred.left, (variance - np.square(mean))[None], features)
    second = spreads.scaled(precision / 2)
    entries = sparse.csr_array(sparse.hstack([first.entries, second.entries]))
    return SparseScores(entries, centred.left, np.hstack([first.right, second.right]), features)


def _free(free: object, name: str) -> Tensor:
    if not isinstance(free, Mapping) or name not in free:
        raise IFPError(f"need the {name} that is learned beside the decoder, got none: pass free={{'{name}': ...}}")
    return torch.as_tensor(free[name])
