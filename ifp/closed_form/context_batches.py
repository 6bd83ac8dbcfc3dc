"""The images behind conditional values: in batches, context by context, with the nuisances of a context held.

What is painted over the factors (a colour, noise, a background) is known, as the factors are that froze before: all
images of a context show the nuisances of one of them. A context of many images is looked at under several such draws,
32 in all where contexts are few. Left as they are, nuisances of a cell of few images would pass for the factor's: on
noisy-dsprites, where every cell has one image, the noise alone would be worth a hundred nats to whichever factor
freezes last. Which of several images of a cell is shown means nothing to another cell, and is averaged over.

Where the painting is affine in what is painted over (:class:`ifp.datasets.dataset.PaintedDataset`), that is read, and
its means are painted: the same numbers as from every image under every draw, for a fraction of the reading. Of more
than 4,096 contexts so many are drawn. Data that only repaint whole images are read under each draw, a part of n images
in the place of all where contexts are few; that adds about tr(V^-1 C) / n to a value, for C their covariance and V the
decoder's variance: a fraction of a nat.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ifp.datasets.batches import batch_size, read_images
from ifp.datasets.dataset import Dataset, Index, PaintedDataset, is_painted
from ifp.datasets.source import DataSource

_SUMS = 2**22  # values of the sums over the classes of several contexts: 16 MiB
_DRAWS = 32  # of nuisances at least, over all contexts
_ENOUGH = 2**14  # images of a context under each draw, where it has more
_CONTEXTS = 4096  # painted ones at most
PARTS = 16  # of the draws, whose scatter is the error of what all of them give


@dataclass(frozen=True)
class Painting:
    """Nuisances of contexts, several draws of each.

    Attributes:
        shown_as: images (contexts, draws) whose nuisances are shown.
        part: (contexts, draws), which of ``PARTS`` each belongs to, by chance.
    """

    shown_as: Index
    part: NDArray[np.int64]

    @property
    def draws(self) -> int:
        """Of each context."""
        return self.shown_as.shape[1]

    def of(self, dataset: Dataset, means: Tensor, contexts: NDArray[np.int64]) -> Iterator[tuple[int, Tensor]]:
        """Mean images (contexts, classes, pixels) of the canvas as each draw paints them, after the draw's number."""
        assert is_painted(dataset)  # else there is no painting
        canvases = means.numpy().reshape(*means.shape[:2], *dataset.canvas.image_shape)
        for draw, shown in enumerate(self.shown_as[contexts].T):
            painted = torch.from_numpy(dataset.painted(canvases, shown))
            yield draw, painted.reshape(*means.shape[:2], -1)


@dataclass(frozen=True)
class ContextImages:
    """Which images a step looks at, and how each is shown.

    Attributes:
        source: the data set; where its means are painted, the canvas is read.
        index: images (n,), by their factors.
        context: (n,), which context each belongs to, under each draw of nuisances another.
        shown_as: (n,), images whose nuisances are shown; None: their own.
        painting: how means of each context are painted; None: the images are as they are read.
    """

    source: DataSource
    index: Index
    context: NDArray[np.int64]
    shown_as: Index | None = None
    painting: Painting | None = None

    @property
    def read_from(self) -> Dataset:
        """The data set or, where its means are painted, the canvas."""
        whole = self.source.open()
        return whole.canvas if self.painting is not None and is_painted(whole) else whole

    def at(self, rows: NDArray[np.int64]) -> "ContextImages":
        """Only these of them."""
        shown_as = None if self.shown_as is None else self.shown_as[rows]
        return replace(self, index=self.index[rows], context=self.context[rows], shown_as=shown_as)


@dataclass(frozen=True)
class ContextBatch:
    """Images of some whole contexts, or a part of one, and how far the pass has come; they are read when asked for."""

    done: int
    total: int
    doing: str
    source: ContextImages
    rows: NDArray[np.int64]  # of the source, (n,)
    slot: Tensor  # which of the batch's contexts each image belongs to, (n,)
    contexts: NDArray[np.int64]  # their numbers
    complete: bool  # no more images of these contexts follow

    @property
    def index(self) -> Index:
        """Of the images, (n,)."""
        return self.source.index[self.rows]

    def read(self) -> Tensor:
        """Flat images (n, pixels), float32 in 0..1."""
        shown_as = self.source.shown_as
        return read_images(self.source.read_from, self.index, None if shown_as is None else shown_as[self.rows])


def divided(context: NDArray[np.int64], classes: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Contexts divided by the classes of a factor of so many, both (images,), and numbered anew from 0.

    Numbered anew they do not overflow, however many factors divide them.
    """
    return np.unique(context * size + classes, return_inverse=True)[1]


def context_images(dataset: Dataset, context: NDArray[np.int64], *, held: bool) -> ContextImages:
    """Every image as it is or, with painted nuisances held, contexts under draws of them.

    Where whole images are repainted these are as many images, or more where contexts are few: up to 32 times as many
    of 16,384 images or fewer.

    Args:
        dataset: labelled.
        context: (images of the data set,), numbers from 0.
        held: whether nuisances are, where the data set paints any.
    """
    images = len(dataset)
    if not (held and dataset.nuisances and dataset.repaints):
        return ContextImages(DataSource.of(dataset), np.arange(images), context)
    contexts = int(context.max()) + 1
    draws = -(-_DRAWS // contexts)
    if is_painted(dataset):
        return _canvas_images(dataset, context, draws)
    kept = min(images, max(-(-images // draws), _ENOUGH * contexts))
    found = []
    for draw in range(draws):
        shuffled, of_context = _drawn(dataset, context, draw)
        index = np.sort(shuffled[:kept])
        found.append((index, context[index] * draws + draw, of_context[context[index]]))
    index, own, shown_as = (np.concatenate(part) for part in zip(*found, strict=True))
    return ContextImages(DataSource.of(dataset), index, np.unique(own, return_inverse=True)[1], shown_as)


def context_parts(chosen: ContextImages, count: int) -> list[NDArray[np.int64]]:
    """So many parts of whole contexts, of about as many images each, by their rows; fewer where contexts are few."""
    ends = np.cumsum(np.bincount(chosen.context))
    part_of = np.searchsorted(np.arange(1, count) * ends[-1] / count, ends, side="left")  # of each context
    own = part_of[chosen.context]
    return [np.flatnonzero(own == number) for number in np.unique(own)]


def _canvas_images(dataset: PaintedDataset, context: NDArray[np.int64], draws: int) -> ContextImages:
    """Images of the canvas, all or those of some contexts, and the draws that paint them."""
    contexts = int(context.max()) + 1
    shuffled = np.random.default_rng([dataset.options.seed, 9, contexts]).permutation(contexts)
    shown_as = np.stack([_drawn(dataset, context, draw)[1] for draw in range(draws)], axis=1)
    part = (shuffled.argsort()[:, None] * draws + np.arange(draws)) % PARTS
    chosen = np.isin(context, shuffled[:_CONTEXTS])
    index = np.flatnonzero(chosen)
    return ContextImages(DataSource.of(dataset), index, context[index], painting=Painting(shown_as, part))


def _drawn(dataset: Dataset, context: NDArray[np.int64], draw: int) -> tuple[Index, Index]:
    """Images in an order of the draw's own, and the first of each context in it, (contexts,)."""
    contexts = int(context.max()) + 1
    shuffled = np.random.default_rng([dataset.options.seed, 8, contexts, draw]).permutation(len(dataset))
    return shuffled, shuffled[np.unique(context[shuffled], return_index=True)[1]]


def context_batches(chosen: ContextImages, classes: int, doing: str) -> Iterator[ContextBatch]:
    """Images context by context, small contexts several at a time; single-image contexts are skipped.

    Args:
        chosen: the images.
        classes: how many sums over images are held of each context.
        doing: what the batches tell that they are for.
    """
    size = batch_size(chosen.read_from)
    shape = chosen.source.open().image_shape
    most = max(_SUMS // (classes * int(np.prod(shape))), 1)  # contexts at a time
    images = np.bincount(chosen.context)
    order = np.argsort(chosen.context, kind="stable")
    order = order[images[chosen.context[order]] > 1]
    numbers = np.flatnonzero(images > 1)
    images = images[numbers]
    ends = np.cumsum(images)
    first = 0
    while first < len(ends):
        start = int(ends[first] - images[first])
        last = int(np.clip(np.searchsorted(ends, start + size, side="right"), first + 1, first + most))
        stop = int(ends[last - 1])
        for begin in range(start, stop, size):
            end = min(begin + size, stop)
            slot = np.searchsorted(ends[first:last], np.arange(begin, end), side="right")
            yield ContextBatch(
                done=end, total=len(order), doing=doing, source=chosen, rows=order[begin:end],
                slot=torch.from_numpy(slot), contexts=numbers[first:last], complete=end == stop,
            )  # fmt: skip
        first = last
