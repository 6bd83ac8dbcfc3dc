"""Rows of counts that vary more than Poisson's, drawn by their log-rates, times each row's exposure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import elementwise
from torch import Tensor
from torch.distributions import NegativeBinomial

from annealing.curvature import DiagonalCurvature
from annealing.errors import DataError, IFPError
from annealing.likelihoods.dispersed_counts import LEAST, MOST, DispersedCounts
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder, exposures, require_counts
from annealing.rows import Rows

Array = NDArray[np.float64]

RateGiven = Callable[[DispersedCounts, Array, Array | None], Array]

_ROUNDS = 200
_STEP = 0.05  # of log theta: where the next round looks first


@dataclass(frozen=True)
class DispersedRows(RowLikelihood):
    r"""Counts that vary more than Poisson's: variance :math:`m + m^2/\theta` at mean m.

    Attributes:
        dispersion: theta, of all features or of each; None fits one of each feature at silence, as scVI learns it.

    Raises:
        IFPError: a dispersion that is not above 0.
    """

    dispersion: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.dispersion is not None and not (np.asarray(self.dispersion) > 0).all():
            raise IFPError(f"need a dispersion above 0, got {self.dispersion}")

    @property
    def counts(self) -> bool:
        """Always."""
        return True

    @property
    def learned(self) -> tuple[str, ...]:
        """The dispersion, where none is given."""
        return ("dispersion",) if self.dispersion is None else ()


@dataclass(frozen=True)
class NegativeBinomialRows(DispersedRows):
    r"""Counts of mean :math:`m = l e^\eta`, variance :math:`m + m^2/\theta`.

    .. math:: s = \frac{\theta (x - m)}{\theta + m}, \qquad H = E \frac{m \theta (\theta + x)}{(\theta + m)^2}

    ``dispersion`` is :class:`DispersedRows`'s.
    """

    name: str = field(default="negative-binomial", init=False, repr=False)
    parameters: tuple[str, ...] = field(default=("log_rate",), init=False, repr=False)

    def nats(self, outputs: Tensor, values: Tensor, exposure: Tensor | None = None, free: object = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`; ``free`` has a fitted dispersion."""
        return dispersed_nats(outputs[..., 0, :], values, exposure, dispersion_of(self.dispersion, free))

    def mean(self, outputs: Tensor, exposure: Tensor | None = None) -> Tensor:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`: rates, times the exposure."""
        return outputs[..., 0, :].exp() * (1.0 if exposure is None else exposure)

    def draw(self, silence: SilentDecoder, exposure: Array, depth: Array, rng: np.random.Generator) -> Array:
        """As of :class:`~annealing.likelihoods.likelihood.RowLikelihood`."""
        return drawn_counts(exposure * np.exp(silence.outputs[0]), silence.free["dispersion"], rng)

    def silences(self, parts: Sequence[Rows]) -> tuple[SilentDecoder, ...]:
        """The log-rates at which every feature's scores sum to 0, and dispersions that all parts share.

        Raises:
            DataError: values that are no counts, or dispersions of another number of features.
        """
        for rows in parts:
            require_counts(rows, self.name)
        counts = [DispersedCounts(rows, exposures(rows)) for rows in parts]
        dispersion = given_or_fitted(self.dispersion, counts, DispersedCounts.rate_given)
        return tuple(self._silent(part, dispersion) for part in counts)

    def _silent(self, counts: DispersedCounts, dispersion: Array) -> SilentDecoder:
        rate = counts.rate_given(dispersion)
        low, high = counts.rows.column_range()
        varying = counts.varying if counts.rows.exposure is not None else low < high
        with np.errstate(divide="ignore"):
            outputs = np.log(rate)[None]
        curvature = DiagonalCurvature(counts.curvature(rate, dispersion))
        free = {"dispersion": dispersion}
        return SilentDecoder(
            outputs, counts.scores(rate, dispersion), curvature, varying, free, notes_of(self, dispersion)
        )


def given_or_fitted(
    given: float | tuple[float, ...] | None, parts: Sequence[DispersedCounts], rate_given: RateGiven
) -> Array:
    """Theta of each feature (features,): the given one, or that of the largest likelihood, together with the rates.

    In turn the best thetas for the rates and the best rates for the thetas, until nothing moves: the two hardly depend
    on each other.

    Raises:
        DataError: dispersions of another number of features.
        IFPError: no convergence.
    """
    features = parts[0].rows.features
    if given is not None:
        if np.ndim(given) and np.size(given) != features:
            raise DataError(f"need a dispersion for each of {features} features, got {np.size(given)}")
        return np.broadcast_to(np.asarray(given, np.float64), features).copy()
    theta = np.ones(features)
    rates = [rate_given(part, theta, None) for part in parts]
    for _ in range(_ROUNDS):
        before, theta = theta, _dispersion_given(parts, rates, theta)
        if np.abs(np.log(theta / before)).max() < 1e-10:
            return theta
        rates = [rate_given(part, theta, rate) for part, rate in zip(parts, rates, strict=True)]
    raise IFPError(f"need dispersions that converge within {_ROUNDS} rounds, got none: give one (dispersion=...)")


def _dispersion_given(parts: Sequence[DispersedCounts], rates: Sequence[Array], near: Array) -> Array:
    """Theta of each feature at which the log-likelihood at these rates is at its top."""
    theta = np.full(parts[0].rows.features, MOST)

    def slope(log_theta: Array, index: Array) -> Array:
        theta[index.astype(int)] = np.exp(log_theta)
        slopes = [len(part.rows) * part.dispersion_slope(rate, theta) for part, rate in zip(parts, rates, strict=True)]
        return np.sum(slopes, axis=0)[index.astype(int)]

    index = np.flatnonzero(np.any([part.varying for part in parts], axis=0)).astype(np.float64)
    low, high = np.full(len(index), np.log(LEAST)), np.full(len(index), np.log(MOST))
    at_low, at_high = slope(low, index), slope(high, index)
    guess = np.log(near[index.astype(int)])
    below, above = np.maximum(guess - _STEP, low), np.minimum(guess + _STEP, high)
    at_below, at_above = slope(below, index), slope(above, index)  # one end of a narrower bracket each, where it is
    low, high = np.where(at_below > 0, below, low), np.where(at_above < 0, above, high)
    high, low = np.where(at_below <= 0, below, high), np.where(at_above >= 0, above, low)
    theta[index.astype(int)] = np.where(at_high >= 0, MOST, LEAST)
    inside = (at_low > 0) & (at_high < 0)
    if inside.any():
        ends = (low[inside], high[inside])
        tops = elementwise.find_root(slope, ends, args=(index[inside],), tolerances={"xatol": 1e-12, "xrtol": 1e-13})
        theta[index[inside].astype(int)] = np.exp(tops.x)
    return theta


def dispersed_nats(log_rate: Tensor, values: Tensor, exposure: Tensor | None, dispersion: Tensor) -> Tensor:
    """-log of the negative binomial of mean exposure times the rate, summed over features."""
    dispersion = dispersion.to(values.device)
    logits = log_rate - dispersion.log() if exposure is None else log_rate + exposure.log() - dispersion.log()
    return -NegativeBinomial(dispersion, logits=logits, validate_args=False).log_prob(values).sum(-1)


def drawn_counts(mean: Array, dispersion: Array, rng: np.random.Generator) -> Array:
    """Counts of these means: Poisson's, of rates that are Gamma distributed."""
    return rng.poisson(rng.gamma(dispersion, mean / dispersion)).astype(np.float64)


def dispersion_of(given: float | tuple[float, ...] | None, free: object) -> Tensor:
    """The dispersion given with the likelihood, or the one fitted beside the decoder; IFPError where there is none."""
    fitted = free.get("dispersion") if isinstance(free, dict) else None
    if given is None and fitted is None:
        raise IFPError("need the dispersion that is learned beside the decoder, got none: free={'dispersion': ...}")
    return torch.as_tensor(given if fitted is None else fitted, dtype=torch.float64)


def notes_of(likelihood: RowLikelihood, dispersion: Array) -> tuple[str, ...]:
    """That features are no more dispersed than Poisson counts, where they are fitted so."""
    if getattr(likelihood, "dispersion", None) is not None or not (dispersion >= MOST).any():
        return ()
    return (f"{int((dispersion >= MOST).sum())} of {len(dispersion)} features vary no more than Poisson counts",)
