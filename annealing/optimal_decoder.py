r"""The best decoder there can be, in closed form, and the loss of an encoder that has it.

A set of n images is coded by one Gaussian each, :math:`q(z|x_i)`. Whatever they are, the best decoder draws the
mean image given the code,

.. math:: p(z) = \sum_i r_i(z)\, x_i, \qquad r_i = q(z|x_i) / (n\, q(z)), \qquad q(z) = \tfrac1n \sum_i q(z|x_i),

so that the loss is a function of the 2 n K means and log standard deviations alone. With :math:`L_i(z)` the nats
of image i under p(z), the reconstruction is :math:`R = \tfrac1n \sum_i \int q(z|x_i)\, L_i(z)\, dz`. The decoder being
optimal, only the posteriors move in its slope, and in its curvature there is one term more:

.. math:: -\int q\, \mathrm{d}r_i\, M_{ij}\, \mathrm{d}r_j, \qquad
    M_{ij}(z) = \sum_{\text{pixels}} (x_i - p)(x_j - p) / V(p), \qquad \mathrm{d}r_i = r_i\, \mathrm{d} \ln q(z|x_i).

The integral is the trapezoidal rule on a uniform grid, exact to exponentially few digits for smooth integrands that
fall off. Its spacing follows the narrowest posterior **of the encoder it evaluates**, so no encoder can gain by
fitting its codes to the nodes, as one trained on fixed nodes does.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annealing.likelihoods.pixels import Gaussian, Likelihood
from annealing.stack import merge_pixels

Array = NDArray[np.float64]

NODES_PER_SD = 3.0  # of the narrowest posterior: fewer leave slopes of 1e-3 once codes have parted
REACH = 7.0  # standard deviations of each posterior inside the grid: 3e-12 of its mass is outside
_NEGLIGIBLE = -32.0  # ln of the mass of a node that is left out
_BLOCK = 2**20  # numbers held at once while the curvature is summed


@dataclass(frozen=True)
class ImageSet:
    """Images as merged columns: pixels of one course count once, weighted with their number."""

    columns: Array  # (n, c)
    weight: Array  # (c,)
    likelihood: Likelihood

    @classmethod
    def of(cls, images: Tensor, likelihood: Likelihood) -> "ImageSet":
        """Of images (n, ...) in 0..1."""
        columns, weight = merge_pixels(images)
        return cls(columns.numpy().astype(np.float64), weight.numpy().astype(np.float64), likelihood)

    def __len__(self) -> int:
        return len(self.columns)

    def nats(self, drawn: Array) -> Array:
        """Nats (g, n) of each image under each of the drawn mean images (g, c), summed over pixels."""
        if isinstance(self.likelihood, Gaussian):
            square = np.square(drawn) @ self.weight
            cross = drawn @ (self.columns * self.weight).T
            return (np.square(self.columns) @ self.weight - 2 * cross + square[:, None]) / (2 * self.likelihood.sigma2)
        off = np.log1p(-drawn)
        return -(np.log(drawn) - off) @ (self.columns * self.weight).T - (off @ self.weight)[:, None]

    def precision(self, drawn: Array) -> Array:
        """Weight over the decoder's own variance V of each pixel, (g, c)."""
        # V below 1e-9 goes with responsibilities below 1e-9: no digit is lost, and the differences in M keep theirs
        within = torch.from_numpy(drawn.clip(1e-9, 1 - 1e-9))
        return self.weight / self.likelihood.variance(within).numpy()


@dataclass(frozen=True)
class Loss:
    """Reconstruction in nats (summed over pixels, mean over the images) and its derivatives by (mean, log sd)."""

    value: float
    slope: Array  # (2, n, K)
    curvature: Array | None  # (2 n K, 2 n K), in the order of the flattened slope


@dataclass(frozen=True)
class _Grid:
    """What the nodes of the grid see, the empty ones left out."""

    score: Array  # (g, n, 2 K): d ln q(z|x_i) by mean and log sd
    mass: Array  # (g,): q(z) times the cell
    share: Array  # (g, n): r_i(z)
    drawn: Array  # (g, c): p(z)


def _axis(mean: Array, sd: Array, nodes_per_sd: float, shift: float) -> tuple[Array, float]:
    step = sd.min() / nodes_per_sd
    low, high = (mean - REACH * sd).min(), (mean + REACH * sd).max()
    return low + step * (np.arange(int(np.ceil((high - low) / step)) + 1) + shift), step


def _grid(images: ImageSet, encoder: Array, nodes_per_sd: float, shift: float) -> _Grid:
    mean, sd = encoder[0], np.exp(encoder[1])
    axes, steps = zip(*(_axis(*each, nodes_per_sd, shift) for each in zip(mean.T, sd.T, strict=True)), strict=True)
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 1, len(axes))
    unit = (nodes - mean) / sd
    # logarithms throughout: far from every code all posteriors underflow, their shares do not
    log = -np.square(unit).sum(axis=2) / 2 - encoder[1].sum(axis=1)
    log += np.log(steps).sum() - np.log(len(images)) - np.log(2 * np.pi) * len(axes) / 2
    top = log.max(axis=1)
    kept = top > _NEGLIGIBLE
    unit, log, top = unit[kept], log[kept], top[kept]
    share = np.exp(log - top[:, None])
    total = share.sum(axis=1)
    share /= total[:, None]
    score = np.concatenate([unit / sd, np.square(unit) - 1], axis=2)
    drawn = share @ images.columns
    if not isinstance(images.likelihood, Gaussian):
        drawn = drawn.clip(1e-16, 1 - 1e-16)
    return _Grid(score, np.exp(top) * total, share, drawn)


def _pairs(images: ImageSet, grid: _Grid) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    r"""sum over nodes of mass r_i M_ij r_j score_i score_j, of the pairs i <= j: their numbers and (pairs, 2K, 2K)."""
    first, second = np.triu_indices(len(images))
    x, parameters = images.columns, grid.score.shape[2]
    found = np.zeros((len(first), parameters, parameters))
    nodes, columns = max(1, _BLOCK // len(first)), max(1, 4 * _BLOCK // len(first))
    for start in range(0, len(grid.mass), nodes):
        part = slice(start, start + nodes)
        drawn = grid.drawn[part]
        precision = images.precision(drawn)
        cross = (precision * drawn) @ x.T
        coupling = (precision * np.square(drawn)).sum(axis=1)[:, None] - cross[:, first] - cross[:, second]
        for begin in range(0, x.shape[1], columns):
            some = slice(begin, begin + columns)
            coupling += precision[:, some] @ (x[first, some] * x[second, some]).T
        signal = (np.sqrt(grid.mass[part])[:, None] * grid.share[part])[:, :, None] * grid.score[part]
        for a in range(parameters):
            left = coupling * signal[:, first, a]
            for b in range(parameters):
                found[:, a, b] += np.einsum("gp,gp->p", left, signal[:, second, b])
    return first, second, found


def reconstruction(
    images: ImageSet,
    encoder: Array,
    *,
    curvature: bool = False,
    nodes_per_sd: float = NODES_PER_SD,
    shift: float = 0.0,
) -> Loss:
    """Reconstruction of an encoder with its best decoder; see the module for the equations.

    Args:
        encoder: mean and log standard deviation of each image's code, (2, n, K).
        curvature: whether to give second derivatives; their cost grows as n^2.
        nodes_per_sd: density of the grid; ``shift`` moves it by a part of its spacing. To test the quadrature.
    """
    grid = _grid(images, encoder, nodes_per_sd, shift)
    nats = images.nats(grid.drawn) * grid.share * grid.mass[:, None]
    slope = np.einsum("gi,gia->ai", nats, grid.score)  # (2K, n)
    n, latents = encoder.shape[1:]
    by_part = slope.reshape(2, latents, n).transpose(0, 2, 1)
    if not curvature:
        return Loss(float(nats.sum()), by_part, None)
    first, second, pairs = _pairs(images, grid)
    matrix = np.zeros((2 * latents, n, 2 * latents, n))
    matrix[:, first, :, second] = -pairs
    matrix[:, second, :, first] = -pairs.transpose(0, 2, 1)
    own = np.einsum("gi,gia,gib->iab", nats, grid.score, grid.score)
    total, latent = nats.sum(axis=0), np.arange(latents)
    own[:, latent, latent] -= (total / np.exp(2 * encoder[1]).T).T
    own[:, latent, latents + latent] -= 2 * by_part[0]
    own[:, latents + latent, latent] -= 2 * by_part[0]
    own[:, latents + latent, latents + latent] -= 2 * (by_part[1] + total[:, None])
    image = np.arange(n)
    matrix[:, image, :, image] += own
    order = (0, 2, 1, 3, 5, 4)
    size = 2 * latents * n
    return Loss(
        float(nats.sum()), by_part, matrix.reshape(2, latents, n, 2, latents, n).transpose(order).reshape(size, size)
    )


def next_freezing_point(images: ImageSet, encoder: Array) -> float:
    r"""Pressure below which one more latent starts to carry information, the encoder's own latents as they are.

    .. math:: \lambda_{\max}\Bigl( n \int q(z)\, r_i(z)\, M_{ij}(z)\, r_j(z)\, dz \Bigr)

    The spectrum of what the latents leave unexplained, in the variance of what they draw: the new latent's decoder
    direction may depend on z in any way. Of a silent encoder it is :func:`annealing.spectral.freezing_point`. The
    encoder moves with the pressure, so the point is where this value, of the encoder at beta, equals beta.

    Args:
        encoder: mean and log standard deviation, (2, n, K).
    """
    grid = _grid(images, encoder, NODES_PER_SD, 0.0)
    first, second, pairs = _pairs(images, _Grid(np.ones((*grid.share.shape, 1)), grid.mass, grid.share, grid.drawn))
    matrix = np.zeros((len(images), len(images)))
    matrix[first, second] = matrix[second, first] = pairs[:, 0, 0] * len(images)
    return float(np.linalg.eigvalsh(matrix)[-1])
