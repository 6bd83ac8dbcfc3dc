r"""The encoder that is best at one pressure: Newton's method on its means and log standard deviations.

With the best decoder throughout (:mod:`annealing.optimal_decoder`), what is minimised at pressure beta is

.. math:: F = R + \beta \sum_k \mathrm{KL}_k, \qquad \mathrm{KL}_k = \frac1n \sum_i
    \tfrac12 (\mu_{ik}^2 + \sigma_{ik}^2 - 1) - \ln \sigma_{ik},

scaled to :math:`n F / \beta`, whose curvature is about 1 where silence is stable. Near a freezing point one direction
turns flat, which the exact curvature takes in its stride. The last curvature also shows that a minimum is one: where
a direction of descent is left, the encoder leaves along it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from annealing.errors import IFPError
from annealing.optimal_decoder import Array, ImageSet, reconstruction

NEAR = 0.01  # a curvature vouches for a minimum as far as this from the encoder it was taken at
_LONGEST = 0.7  # of a step, in any mean or log sd
_FASTEST = 0.5  # slope after a step over slope before, above which the curvature is taken anew
_FLAT = 1e-5  # a curvature below this is tried out with finite steps: one that is truly flat, or leads down
_STEPS = 25  # at most: minima near a freezing point take 3 to 10


@dataclass(frozen=True)
class State:
    """An encoder at a pressure, and the curvature that was met near it."""

    beta: float
    encoder: Array  # means and log standard deviations, (2, n, K)
    reconstruction: float  # nats
    slope: Array  # of n F / beta, (2, n, K)
    bend: Array | None = None  # second derivatives of n R, (2 n K, 2 n K)
    bent_at: Array | None = None  # the encoder they belong to

    @property
    def kl(self) -> Array:
        """Nats of each latent, mean over the images, (K,)."""
        return _kl(self.encoder)

    @property
    def loss(self) -> float:
        """F, in nats."""
        return self.reconstruction + self.beta * float(self.kl.sum())

    @property
    def steepest(self) -> float:
        """The largest slope by any number of the encoder."""
        return float(np.abs(self.slope).max())


def _kl(encoder: Array) -> Array:
    mean, log_sd = encoder
    # expm1 keeps the digits of a nearly silent latent
    return ((np.square(mean) + np.expm1(2 * log_sd)) / 2 - log_sd).mean(axis=0)


def measured(images: ImageSet, beta: float, encoder: Array, *, curvature: bool = False) -> State | None:
    """The state of an encoder; None where it is too far out to be worth a grid.

    n codes that share the prior's range without touching, 6 deviations apart, have deviations of about 1/n: far
    narrower ones cost KL and gain nothing. They only occur in steps that are too long.
    """
    mean, log_sd = encoder
    if log_sd.min() < math.log(0.03 / len(images)) or log_sd.max() > 3 or np.abs(mean).max() > 30:
        return None
    loss = reconstruction(images, encoder, curvature=curvature)
    slope = len(images) / beta * loss.slope + np.stack([mean, np.expm1(2 * log_sd)])
    bend = None if loss.curvature is None else len(images) * loss.curvature
    return State(beta, encoder, loss.value, slope, bend, encoder if curvature else None)


def _curvature(images: ImageSet, state: State) -> Array:
    """Second derivatives of n R at the state's encoder."""
    bend = reconstruction(images, state.encoder, curvature=True).curvature
    assert bend is not None  # it was asked for
    return len(images) * bend


class _Metric:
    """Curvature of n F / beta at an encoder, ready to turn slopes into steps."""

    def __init__(self, bend: Array, encoder: Array, beta: float) -> None:
        self._matrix = bend / beta
        diagonal = np.stack([np.ones_like(encoder[1]), 2 * np.exp(2 * encoder[1])]).ravel()
        self._matrix.flat[:: len(self._matrix) + 1] += diagonal - _FLAT
        try:
            cho_factor(self._matrix, check_finite=False)
            self.firm = True  # curved upwards in every direction
        except LinAlgError:
            self.firm = False
        self._matrix.flat[:: len(self._matrix) + 1] += _FLAT
        if self.firm:
            self._factor = cho_factor(self._matrix, check_finite=False)
        else:
            self._values, self._vectors = np.linalg.eigh(self._matrix)

    def step(self, slope: Array) -> Array:
        """Newton's step; along directions of descent as long as against an ascent of that curvature."""
        if self.firm:
            return -cho_solve(self._factor, slope.ravel(), check_finite=False).reshape(slope.shape)
        length = np.maximum(np.abs(self._values), 1e-4)
        return -(self._vectors @ (self._vectors.T @ slope.ravel() / length)).reshape(slope.shape)

    def ways_out(self, slope: Array) -> list[Array]:
        """Directions, of length 1, that lead down or are flat: the steepest mixture of all that lead down first."""
        if self.firm:
            return []
        low = self._vectors[:, self._values < _FLAT]
        mixed = low @ (low.T @ slope.ravel())
        mixed /= max(float(np.linalg.norm(mixed)), 1e-300)
        return [each.reshape(slope.shape) for each in (mixed, *low.T)]


def _descend(images: ImageSet, state: State, step: Array) -> State | None:
    """The state after the step, or a part of it, that lowers the loss."""
    gain = float((state.slope * step).sum())
    share = min(1.0, _LONGEST / float(np.abs(step).max()))
    n, beta = len(images), state.beta
    while gain < 0 and share > 1e-6:
        new = measured(images, beta, state.encoder + share * step)
        # the slack is what moving the grid may change
        if (
            new is not None
            and (new.loss - state.loss) * n / beta <= 1e-4 * share * gain + 1e-10 * n * state.loss / beta
        ):
            return new
        share /= 3
    return None


def _leave(images: ImageSet, state: State, ways: list[Array]) -> State | None:
    """A state some way out along a direction without curvature, on its lower side, if the loss falls there."""
    for way in ways:
        for size in (0.2, 0.05, 0.01):
            sides = [measured(images, state.beta, state.encoder + sign * size * way) for sign in (1, -1)]
            best = min((side for side in sides if side is not None), key=lambda side: side.loss, default=None)
            if best is not None and best.loss < state.loss * (1 - 1e-10):
                return best
    return None


def settle(images: ImageSet, beta: float, start: State, tolerance: float = 1e-6) -> State:
    """The minimum of the loss at pressure beta that lies downhill from an encoder.

    Args:
        start: state to start from, of any pressure; its curvature serves for the first steps.
        tolerance: largest slope of n F / beta by any mean or log sd.

    Returns:
        A state whose slope is within the tolerance and whose curvature has no direction of descent; or, where the
        landscape is flat and bent over a long way, as it is far below a freezing point where codes rearrange, the
        state that a bounded number of steps has reached: ``steepest`` says how far it has come.

    Raises:
        IFPError: an encoder to start from that is far outside the prior's range.
    """
    state = measured(images, beta, start.encoder)
    if state is None:
        raise IFPError("need an encoder with codes within the prior's range to start from, got one far outside")
    bend, bent_at = start.bend, start.bent_at
    metric = None if bend is None or bent_at is None else _Metric(bend, bent_at, beta)
    for _ in range(_STEPS):
        close = state.steepest < 1e3 * tolerance
        if metric is None or bent_at is None or (close and np.abs(state.encoder - bent_at).max() > NEAR):
            bend, bent_at = _curvature(images, state), state.encoder
            metric = _Metric(bend, bent_at, beta)
        if close and not metric.firm:
            left = _leave(images, state, metric.ways_out(state.slope))
            if left is not None:
                state, metric = left, None
                continue
        if state.steepest <= tolerance:
            break
        new = _descend(images, state, metric.step(state.slope))
        if new is None or new.steepest > _FASTEST * state.steepest:
            # a direction that fails with the curvature of this very encoder fails for good
            if new is None and bent_at is state.encoder:
                break
            metric = None
        state = new or state
    return replace(state, bend=bend, bent_at=bent_at)
