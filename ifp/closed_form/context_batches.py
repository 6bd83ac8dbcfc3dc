"""The images behind conditional values: in batches, context by context, with the nuisances of a context held.

What is painted over the factors (a colour, noise, a background) is known, as the factors are that froze before: all
images of a context show the nuisances of one of them. A context of many images is looked at under several such draws.
Left as they are, nuisances of a cell of few images would pass for the factor's: on noisy-dsprites, where every cell has
one image, the noise alone would be worth a hundred nats to whichever factor freezes last. Which of several images of a
cell is shown means nothing to another cell, and is averaged over.

Draws are few, 32 where nothing is given, and differ: from one data seed to another the marginal value of posX is 85 to
87 nats in color-dsprites, 10.1 to 12.3 in scream-dsprites (at 32x32). A part of n images in the place of all adds about
tr(V^-1 C) / n to a value, for C their covariance and V the decoder's variance: a fraction of a nat.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ifp.datasets.batches import Batch, batch_size, read_images
from ifp.datasets.dataset import Dataset, Index

_SUMS = 2**22  # values of the sums over the classes of several contexts: 16 MiB
_DRAWS = 32  # of nuisances at least, over all contexts
_ENOUGH = 2**14  # images of a context under each draw, where it has more


@dataclass(frozen=True)
class ContextImages:
    """Which images a step looks at, and how each is shown.

    Attributes:
        index: images (n,), by their factors.
        context: (n,), which context each belongs to, under each draw of nuisances another.
        shown_as: (n,), images whose nuisances are shown; None: their own.
    """

    index: Index
    context: NDArray[np.int64]
    shown_as: Index | None


@dataclass(frozen=True)
class ContextBatch(Batch):
    """Images of some whole contexts, or a part of one."""

    index: Tensor  # of the images, (n,)
    slot: Tensor  # which of the batch's contexts each image belongs to, (n,)
    contexts: int
    complete: bool  # no more images of these contexts follow


def context_images(dataset: Dataset, context: NDArray[np.int64], *, held: bool) -> ContextImages:
    """Every image as it is or, with painted nuisances held, contexts under draws of them.

    These are as many images, or more where contexts are few: up to 32 times as many of 16,384 images or fewer.

    Args:
        dataset: labelled.
        context: (images of the data set,), numbers from 0.
        held: whether nuisances are, where the data set paints any.
    """
    images = len(dataset)
    if not (held and dataset.nuisances and dataset.repaints):
        return ContextImages(np.arange(images), context, None)
    contexts = int(context.max()) + 1
    draws = -(-_DRAWS // contexts)
    kept = min(images, max(-(-images // draws), _ENOUGH * contexts))
    found = []
    for draw in range(draws):
        shuffled = np.random.default_rng([dataset.options.seed, 8, contexts, draw]).permutation(images)
        of_context = shuffled[np.unique(context[shuffled], return_index=True)[1]]
        index = np.sort(shuffled[:kept])
        found.append((index, context[index] * draws + draw, of_context[context[index]]))
    index, own, shown_as = (np.concatenate(part) for part in zip(*found, strict=True))
    return ContextImages(index, np.unique(own, return_inverse=True)[1], shown_as)


def context_batches(dataset: Dataset, chosen: ContextImages, classes: int, doing: str) -> Iterator[ContextBatch]:
    """Images context by context, small contexts several at a time; single-image contexts are skipped.

    Args:
        dataset: labelled.
        chosen: the images.
        classes: how many sums over images are held of each context.
        doing: what the batches tell that they are for.
    """
    size = batch_size(dataset)
    most = max(_SUMS // (classes * int(np.prod(dataset.image_shape))), 1)  # contexts at a time
    images = np.bincount(chosen.context)
    order = np.argsort(chosen.context, kind="stable")
    order = order[images[chosen.context[order]] > 1]
    images = images[images > 1]
    ends = np.cumsum(images)
    first = 0
    while first < len(ends):
        start = int(ends[first] - images[first])
        last = int(np.clip(np.searchsorted(ends, start + size, side="right"), first + 1, first + most))
        stop = int(ends[last - 1])
        for begin in range(start, stop, size):
            end = min(begin + size, stop)
            rows = order[begin:end]
            index, shown_as = chosen.index[rows], None if chosen.shown_as is None else chosen.shown_as[rows]
            slot = np.searchsorted(ends[first:last], np.arange(begin, end), side="right")
            yield ContextBatch(
                done=end, total=len(order), doing=doing, images=read_images(dataset, index, shown_as),
                index=torch.from_numpy(index), slot=torch.from_numpy(slot), contexts=last - first,
                complete=end == stop,
            )  # fmt: skip
        first = last
