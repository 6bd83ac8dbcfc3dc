"""The scores behind predicted mixing: each factor's leading direction, and every image along it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from analysis.mixing import PairMixing, predicted_mixing
from annealing.choices import LikelihoodName
from annealing.likelihoods.pixels import Likelihood, likelihood_named
from ifp.datasets.batches import batch_size, read_images
from ifp.datasets.dataset import Dataset, require_labelled

_IMAGES = 20_000  # drawn without repeats where there are more
_SURELY = 2.0  # times what chance makes of it, above which a factor's mean images have a direction


def data_mixing(
    dataset: Dataset, *, factors: Sequence[str] | None = None, likelihood: LikelihoodName = "bernoulli", seed: int = 0
) -> tuple[PairMixing, ...]:
    """What the code of each factor tells of the others by itself: see :mod:`analysis.mixing`.

    A factor whose mean images differ no more than those of shuffled labels has no direction: its code tells nothing.

    Args:
        dataset: labelled.
        factors: default: all.
        likelihood: bernoulli or gaussian (variance 1).
        seed: of the images drawn, 20,000 at most.

    Raises:
        IFPError: an unlabelled data set, an unknown factor or likelihood.
    """
    labelled = require_labelled(dataset)
    names = labelled.factors.names if factors is None else tuple(factors)
    columns = [labelled.factors.position(name) for name in names]
    chosen = likelihood_named(likelihood)
    if len(names) < 2:  # there is no pair, and the images need not be read
        return ()
    index = np.arange(len(dataset))
    if len(index) > _IMAGES:
        index = np.sort(np.random.default_rng([seed, 9]).choice(index, _IMAGES, replace=False))
    classes = torch.from_numpy(labelled.factors_at(index)[:, columns])
    order = torch.from_numpy(np.random.default_rng([seed, 10]).permutation(len(index)))
    sizes = [labelled.factors.sizes[column] for column in columns]
    parts = np.array_split(index, -(-len(index) // batch_size(dataset)))
    both = torch.cat([classes, classes[order]], dim=1)  # the second half: what chance alone makes of every factor
    sums = _class_sums(dataset, parts, both, sizes + sizes)
    leading = [_leading(*each, chosen) for each in sums]
    directions, values = [], []
    for (direction, value), (_, chance) in zip(leading[: len(names)], leading[len(names) :], strict=True):
        directions.append(direction if value > _SURELY * chance else torch.zeros_like(direction))
        values.append(value)
    matrix = torch.stack(directions, dim=1).to(torch.float32)
    scores = torch.cat([read_images(dataset, part) @ matrix for part in parts])
    return predicted_mixing(names, scores.double().numpy(), classes.numpy(), values)


def _class_sums(
    dataset: Dataset, parts: Sequence[np.ndarray], classes: Tensor, sizes: Sequence[int]
) -> list[tuple[Tensor, Tensor]]:
    """Mean image (classes, pixels) and number of images (classes,) of each factor's classes."""
    pixels = int(np.prod(dataset.image_shape))
    sums = [torch.zeros(size, pixels, dtype=torch.float64) for size in sizes]
    start = 0
    for part in parts:
        images = read_images(dataset, part).double()
        for k, total in enumerate(sums):
            total.index_add_(0, classes[start : start + len(part), k], images)
        start += len(part)
    counts = [torch.bincount(classes[:, k], minlength=size) for k, size in enumerate(sizes)]
    return [(total / count.clamp(min=1)[:, None], count) for total, count in zip(sums, counts, strict=True)]


def _leading(means: Tensor, counts: Tensor, likelihood: Likelihood) -> tuple[Tensor, float]:
    """V^-1/2 y (pixels,) of a factor, and its marginal freezing point, nats."""
    centre = (counts.double() @ means) / counts.sum()
    variance = likelihood.variance(centre)
    whitening = torch.where(variance > 0, variance, torch.inf).rsqrt()
    courses = (means - centre) * whitening * (counts / counts.sum()).sqrt()[:, None]
    _, lengths, directions = torch.linalg.svd(courses, full_matrices=False)
    return directions[0] * whitening, float(lengths[0].square())
