r"""Freezing points of nuisances: of what varies from image to image and is no factor (a background, noise, a colour).

Two images of one cell of the factors, each with nuisances of its own draw, differ by the nuisances alone. These freeze
at the eigenvalues of

.. math:: V^{-1/2} C_w V^{-1/2}, \qquad C_w = \tfrac12 E[(x_a - x_b)(x_a - x_b)^\top],

with C_w the covariance of images within a cell and V the decoder's variance at the mean of the whole set. Where the
first lies above a factor's freezing point, latents take the nuisance before that factor.

The largest eigenvalues of a covariance of few samples lie too high (those of white noise in as many pixels as there
are pairs by a factor of 4: Marchenko & Pastur 1967), so that none is taken as it comes out: directions are found on
four fifths of the pairs, and the variance along them is that of the last fifth, for each fifth in turn (Bartz 2016,
arXiv:1611.00798; Lam 2016, doi 10.1214/15-AOS1393). What is left is an error of about 3% of each, and that directions
which pairs cannot tell apart share the mean of their values.
"""

from collections.abc import Iterator

import numpy as np
import scipy.linalg
import scipy.optimize
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.findings import NuisanceFindings
from annealing.choices import LikelihoodName
from annealing.errors import IFPError
from annealing.likelihoods.pixels import likelihood_named
from ifp.datasets.batches import Batch, batch_size, read_images, require_images_fit
from ifp.datasets.dataset import Dataset, Index, LabelledDataset, nuisance_names, require_labelled
from ifp.machine.progress import UNWATCHED, Watch

_PAIRS, _FEWEST = 2000, 200  # of images of one cell; and where images are large
_HELD = 2**26  # pixels of all pairs, 256 MiB
_MEAN = 2**13  # images that the mean is of, where there are more
_FOLDS = 5
_NONE = 1e-9  # of the largest eigenvalue: what rounding leaves of one that is none
_OF_PAIR = 12  # bytes of a pixel value of a pair: float32, and a copy of some columns in float64


def nuisance_findings(
    dataset: Dataset, *, likelihood: LikelihoodName = "bernoulli", seed: int = 0, watch: Watch = UNWATCHED
) -> NuisanceFindings | None:
    """Names and freezing points of a data set's nuisances, all of them together; None where nothing but factors varies.

    Args:
        dataset, likelihood, seed, watch: as :func:`nuisance_values` takes them.

    Raises:
        IFPError: as :func:`nuisance_values`.
    """
    if not dataset.nuisances:
        return None
    values = nuisance_values(dataset, likelihood=likelihood, seed=seed, watch=watch)
    return NuisanceFindings(nuisance_names(dataset), values) if values else None


def nuisance_values(
    dataset: Dataset,
    *,
    count: int = 20,
    likelihood: LikelihoodName = "bernoulli",
    seed: int = 0,
    watch: Watch = UNWATCHED,
) -> tuple[float, ...]:
    r"""The largest eigenvalues of :math:`V^{-1/2} C_w V^{-1/2}`, falling, in nats; none where no nuisance varies.

    From 2,000 pairs of images, fewer of images above 33,000 pixels, and the mean of 8,192 images at most.

    Args:
        dataset: labelled.
        count: how many values at most.
        likelihood: bernoulli or gaussian (variance 1).
        seed: of the pairs.
        watch: follows the pairs as they are read.

    Raises:
        IFPError: an unlabelled data set with nuisances, an unknown likelihood, or images that do not fit into memory.
    """
    chosen = likelihood_named(likelihood)
    if not dataset.nuisances:
        return ()
    pairs = int(np.clip(_HELD // np.prod(dataset.image_shape), _FEWEST, _PAIRS))
    require_images_fit(dataset, pairs, "freezing points of nuisances", _OF_PAIR)
    stream = np.random.default_rng([dataset.options.seed, seed, 11])
    variance = chosen.variance(_mean(dataset, stream))
    whitening = torch.where(variance > 0, variance, torch.inf).rsqrt().to(torch.float32)  # no variance: never varies
    batches = watch.follow(_differences(require_labelled(dataset), pairs, stream), "nuisances")
    differences = torch.cat([batch.images * whitening for batch in batches])
    values = validated_eigenvalues(differences, count) / 2
    return tuple(values[values > _NONE * values.max(initial=0.0)].tolist())


def validated_eigenvalues(samples: Tensor, count: int) -> NDArray[np.float64]:
    """The largest eigenvalues, falling, of the second moment of samples drawn independently, in random order.

    Each direction is found without the samples along which its variance is measured (the module's first lines). Values
    that come out of order, as only chance can have them, share their mean.

    Args:
        samples: (n, dimensions), of float32 or float64.
        count: how many; fewer come back of few samples or dimensions.

    Raises:
        IFPError: fewer than two samples.
    """
    number, dimensions = samples.shape
    if number < 2:
        raise IFPError(f"need two samples or more for eigenvalues, got {number}")
    fold = torch.arange(number) % _FOLDS
    count = min(count, number - number // _FOLDS - 1, dimensions)
    sums = np.zeros(count)
    gram = _gram(samples) if number <= dimensions else None
    moments = [] if gram is not None else [_gram(samples[fold == own].T) for own in range(_FOLDS)]
    for own in range(_FOLDS):
        if gram is not None:
            found, left = (np.flatnonzero(chosen.numpy()) for chosen in (fold != own, fold == own))
            squares, vectors = _leading(gram[np.ix_(found, found)], count)
            along = ((gram[np.ix_(left, found)] @ vectors) ** 2).sum(axis=0)
        else:
            squares, vectors = _leading(sum(moments) - moments[own], count)
            along = squares * (vectors * (moments[own] @ vectors)).sum(axis=0)
        there = squares > _NONE * squares[0]
        sums[there] += along[there] / squares[there]
    falling = scipy.optimize.isotonic_regression(sums / number, increasing=False)
    return np.asarray(falling.x, np.float64)


def _leading(matrix: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest eigenvalues, falling, and their vectors, (n, count)."""
    last = len(matrix) - 1
    values, vectors = scipy.linalg.eigh(matrix, subset_by_index=(last - count + 1, last))
    return values[::-1], vectors[:, ::-1]


def _mean(dataset: Dataset, stream: np.random.Generator) -> Tensor:
    """The mean image, float64 (pixels,): of all images, or of some drawn without repeats."""
    images = len(dataset)
    index = np.arange(images) if images <= _MEAN else np.sort(stream.choice(images, _MEAN, replace=False))
    size = batch_size(dataset)
    parts = (read_images(dataset, index[start : start + size]) for start in range(0, len(index), size))
    total = torch.zeros(int(np.prod(dataset.image_shape)), dtype=torch.float64)
    for part in parts:
        total += part.sum(dim=0, dtype=torch.float64)
    return total / len(index)


def _differences(dataset: LabelledDataset, pairs: int, stream: np.random.Generator) -> Iterator[Batch]:
    """x_a - x_b of images of one cell, a random image's, with two independent draws of its nuisances, (n, pixels)."""
    first = stream.integers(len(dataset), size=pairs)
    if dataset.repaints:
        shown = stream.integers(len(dataset), size=(2, pairs))
    else:
        second = _of_same_cells(dataset, first, stream)
    size = batch_size(dataset)
    for start in range(0, pairs, size):
        rows = slice(start, min(start + size, pairs))
        if dataset.repaints:
            one, other = (read_images(dataset, first[rows], own[rows]) for own in shown)
        else:
            one, other = (read_images(dataset, index[rows]) for index in (first, second))
        yield Batch(rows.stop, pairs, "pairs of images", one - other)


def _of_same_cells(dataset: LabelledDataset, index: Index, stream: np.random.Generator) -> Index:
    """For each image any of its cell, by chance, itself among them."""
    labels = dataset.factors_at(np.arange(len(dataset)))
    cell = np.ravel_multi_index(tuple(labels.T), dataset.factors.sizes)
    order = np.argsort(cell, kind="stable")
    start = np.searchsorted(cell[order], cell[index], side="left")
    end = np.searchsorted(cell[order], cell[index], side="right")
    return np.asarray(order[stream.integers(start, end)], np.int64)


def _gram(rows: Tensor) -> NDArray[np.float64]:
    """Products of every two rows, float64 (n, n)."""
    total = torch.zeros(len(rows), len(rows), dtype=torch.float64)
    for columns in rows.split(2**10, dim=1):
        wide = columns.to(torch.float64)
        total.addmm_(wide, wide.T)
    return np.asarray(total.numpy())
