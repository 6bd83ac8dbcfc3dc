"""The order in which factors freeze where each latent holds one factor: greedily, by conditional value."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.modes import DEGENERATE
from annealing.conditional import context_courses, context_gram, shared_code_value, shared_code_value_by_courses
from annealing.errors import IFPError
from annealing.likelihood import Likelihood, likelihood_named
from ifp.contexts import require_factors
from ifp.datasets.dataset import Dataset
from ifp.image_batches import Batch, batch_size, read_images
from ifp.threads import side_by_side
from ifp.watching import Watch, unwatched

_TIE = 1e-9  # values as near as this, relatively, are equal: rounding must not choose the order
_SUMS = 2**22  # values of the sums over the classes of several contexts: 16 MiB
_MANY = 2048  # classes up to which a matrix of classes by classes, of 32 MiB, is always held


@dataclass(frozen=True)
class OrderRecord:
    """What one factor is worth at one step of the order."""

    step: int  # from 0
    factor: str
    given: tuple[str, ...]  # frozen before, in this order; none at step 0
    value: float  # nats: marginal at step 0, then conditional on the given factors
    freezes: bool  # the largest of its step: given from the next step on


def freezing_order(
    dataset: Dataset,
    *,
    factors: Sequence[str] | None = None,
    likelihood: str = "bernoulli",
    watch: Watch = unwatched,
) -> Iterator[OrderRecord]:
    """Values of every factor not yet frozen, step by step: the largest freezes, the rest are computed again given it.

    :mod:`annealing.conditional` has the values; those of step 0 are the marginal ones. The data need not be a full
    lattice: a cell may hold many images or none. A factor that has one value in every context is worth 0. Images are
    read in batches, once a step, and only sums over classes are kept.

    Args:
        dataset: a labelled data set.
        factors: the candidates; a factor left out is averaged over and never given. Default: all.
        likelihood: bernoulli or gaussian (variance 1).
        watch: passes the batches of each step through.

    Raises:
        IFPError: an unlabelled data set, no factor, an unknown one, an unknown likelihood, or pixels outside 0..1.
    """
    known, chosen = require_factors(dataset), likelihood_named(likelihood)
    names = known.names if factors is None else tuple(dict.fromkeys(factors))
    if not names:
        raise IFPError(f"need one factor or more out of {', '.join(known.names)}, got none")
    columns = [known.position(name) for name in names]
    labels = dataset.factors_at(np.arange(len(dataset)))
    assert labels is not None  # the data set has factors
    classes = dict(zip(names, torch.from_numpy(labels[:, columns].T.copy()), strict=True))
    counts = {
        name: torch.bincount(classes[name], minlength=known.sizes[column])
        for name, column in zip(names, columns, strict=True)
    }
    context = np.zeros(len(dataset), np.int64)
    given: tuple[str, ...] = ()
    while len(given) < len(names):
        rest = [name for name in names if name not in given]
        sizes = {name: len(counts[name]) for name in rest}
        batches = watch(_by_context(dataset, context, sum(sizes.values()), given))
        grams = _grams(batches, {name: classes[name] for name in rest}, sizes, chosen)
        values = {name: grams[name].value(counts[name]) for name in rest}
        largest = max(values.values())
        frozen = next(name for name in rest if values[name] >= (1 - _TIE) * largest)
        for name in rest:
            yield OrderRecord(len(given), name, given, values[name], name == frozen)
        given = (*given, frozen)
        cell = context * sizes[frozen] + classes[frozen].numpy()
        context = np.unique(cell, return_inverse=True)[1]  # numbered anew: no overflow, however many factors


@dataclass(frozen=True)
class _ContextBatch(Batch):
    """Images of some whole contexts, or a part of one."""

    index: Tensor  # of the images, (n,)
    slot: Tensor  # which of the batch's contexts each image belongs to, (n,)
    contexts: int
    complete: bool  # no more images of these contexts follow


def _by_context(
    dataset: Dataset, context: NDArray[np.int64], classes: int, given: tuple[str, ...]
) -> Iterator[_ContextBatch]:
    """Images context by context, small contexts several at a time; a context of one image says nothing, is not read."""
    doing = f"given {', '.join(given)}" if given else "marginal values"
    size = batch_size(dataset)
    most = max(_SUMS // (classes * int(np.prod(dataset.image_shape))), 1)  # contexts at a time
    images = np.bincount(context)
    order = np.argsort(context, kind="stable")
    order = order[images[context[order]] > 1]
    images = images[images > 1]
    ends = np.cumsum(images)
    first = 0
    while first < len(ends):
        start = int(ends[first] - images[first])
        last = int(np.clip(np.searchsorted(ends, start + size, side="right"), first + 1, first + most))
        stop = int(ends[last - 1])
        for begin in range(start, stop, size):
            end = min(begin + size, stop)
            index = order[begin:end]
            slot = np.searchsorted(ends[first:last], np.arange(begin, end), side="right")
            yield _ContextBatch(
                done=end, total=len(order), doing=doing, images=read_images(dataset, index),
                index=torch.from_numpy(index), slot=torch.from_numpy(slot), contexts=last - first, complete=end == stop,
            )  # fmt: skip
        first = last


class _Gram:
    """One factor's matrix B, times the number of images, as batches come in.

    Of a factor of many classes the courses whose products it is the sum of are kept instead, while they are smaller.
    """

    def __init__(self, classes: Tensor, size: int, likelihood: Likelihood) -> None:
        self.classes, self.size, self.likelihood = classes, size, likelihood
        self._parts: list[tuple[Tensor, Tensor]] | None = [] if size > _MANY else None
        self._held = 0  # numbers in the parts
        self._gram = torch.zeros(size, size, dtype=torch.float64) if self._parts is None else torch.empty(0)
        self._incomplete: tuple[Tensor, Tensor] | None = None  # sums and counts of a context that goes on

    def add(self, batch: _ContextBatch) -> None:
        cell = batch.slot * self.size + self.classes[batch.index]
        cells = batch.contexts * self.size
        # float32 within a batch, exact for binary pixels; float64 from batch to batch
        sums = torch.zeros(cells, batch.images.shape[1]).index_add_(0, cell, batch.images)
        counts = torch.bincount(cell, minlength=cells)
        if self._incomplete is not None:
            before, counted = self._incomplete
            sums, counts = before.to(torch.float64).add_(sums), counted + counts
        self._incomplete = None if batch.complete else (sums, counts)
        if batch.complete:
            means = sums.div_(counts.clamp(min=1)[:, None]).reshape(batch.contexts, self.size, -1)
            counts = counts.reshape(batch.contexts, self.size)
            if self._parts is None:
                self._gram += context_gram(means, counts, self.likelihood)
            else:
                self._keep(self._parts, context_courses(means, counts, self.likelihood), counts)

    def _keep(self, parts: list[tuple[Tensor, Tensor]], courses: Tensor, counts: Tensor) -> None:
        there = [count.nonzero()[:, 0] for count in counts]
        found = [(rows, course[rows]) for rows, course in zip(there, courses, strict=True)]
        parts += found
        self._held += sum(course.numel() for _, course in found)
        if self._held > self.size**2:
            self._gram = torch.zeros(self.size, self.size, dtype=torch.float64)
            for rows, course in parts:
                self._gram[rows[:, None], rows] += course @ course.T
            self._parts = None

    def value(self, counts: Tensor) -> float:
        """The factor's value, from the images of each class, (classes,)."""
        if self._parts is None:
            return shared_code_value(self._gram, counts)
        return shared_code_value_by_courses(self._parts, counts)


def _grams(
    batches: Iterator[_ContextBatch], classes: Mapping[str, Tensor], sizes: Mapping[str, int], likelihood: Likelihood
) -> dict[str, _Gram]:
    """Each factor's matrix B, times the number of images: factors side by side, one batch after the other."""
    grams = {name: _Gram(classes[name], size, likelihood) for name, size in sizes.items()}
    adding: list[Future[None]] = []
    with side_by_side() as workers:
        for batch in batches:  # is read while the one before is added
            for each in adding:
                each.result()
            adding = [workers.submit(gram.add, batch) for gram in grams.values()]
        for each in adding:
            each.result()
    return grams


def predicted_values(order: Sequence[OrderRecord]) -> dict[str, float]:
    """Pressure at which each factor is predicted to freeze, in nats, from the records of :func:`freezing_order`.

    The value at the step in which it freezes; a factor whose value is within 5% of the step's largest freezes in the
    same step: nothing at quadratic order tells their modes apart, and neither waits for the other.
    """
    found: dict[str, float] = {}
    for step in range(max((each.step for each in order), default=-1) + 1):
        records = [each for each in order if each.step == step]
        largest = max(each.value for each in records)
        for each in records:
            if each.freezes or each.value > (1 - DEGENERATE) * largest > 0:
                found.setdefault(each.factor, each.value)
    return found
