"""The order in which factors freeze where each latent holds one factor: greedily, by conditional value."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.modes import DEGENERATE
from annealing.choices import LikelihoodName, Nuisance
from annealing.conditional import context_courses, context_gram, shared_code_value, shared_code_value_by_courses
from annealing.errors import IFPError
from annealing.likelihood import Likelihood, likelihood_named
from ifp.closed_form.context_batches import ContextBatch, context_batches, context_images
from ifp.closed_form.contexts import require_nuisance
from ifp.datasets.dataset import Dataset, require_labelled
from ifp.machine.progress import UNWATCHED, Watch
from ifp.machine.threads import side_by_side

_TIE = 1e-9  # values as near as this, relatively, are equal: rounding must not choose the order
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
    likelihood: LikelihoodName = "bernoulli",
    nuisance: Nuisance = "held",
    watch: Watch = UNWATCHED,
) -> Iterator[OrderRecord]:
    """Values of every factor not yet frozen, step by step: the largest freezes, the rest are computed again given it.

    :mod:`annealing.conditional` has the values; those of step 0 are the marginal ones. The data need not be a full
    lattice: a cell may hold many images or none. A factor that has one value in every context is worth 0. Images are
    read in batches, and only sums over classes are kept.

    Args:
        dataset: a labelled data set.
        factors: the candidates; a factor left out is averaged over and never given. Default: all.
        likelihood: bernoulli or gaussian (variance 1).
        nuisance: held, what is painted is known as the factors are that froze before
            (:mod:`ifp.closed_form.context_batches`); or redrawn, every image with its own.
        watch: follows the batches of each step.

    Raises:
        IFPError: an unlabelled data set, no factor, an unknown one, an unknown likelihood or ``nuisance``, or pixels
            outside 0..1.
    """
    require_nuisance(nuisance)
    labelled = require_labelled(dataset)
    known = labelled.factors
    chosen = likelihood_named(likelihood)
    names = known.names if factors is None else tuple(dict.fromkeys(factors))
    if not names:
        raise IFPError(f"need one factor or more out of {', '.join(known.names)}, got none")
    columns = [known.position(name) for name in names]
    labels = labelled.factors_at(np.arange(len(dataset)))
    classes = dict(zip(names, torch.from_numpy(labels[:, columns].T.copy()), strict=True))
    numbers = dict(zip(names, (known.sizes[column] for column in columns), strict=True))
    context = np.zeros(len(dataset), np.int64)
    given: tuple[str, ...] = ()
    while len(given) < len(names):
        rest = [name for name in names if name not in given]
        sizes = {name: numbers[name] for name in rest}
        images = context_images(dataset, context, held=nuisance == "held")
        doing = f"given {', '.join(given)}" if given else "marginal values"
        batches = watch.follow(context_batches(dataset, images, sum(sizes.values()), doing), "freezing order")
        grams = _grams(batches, {name: classes[name] for name in rest}, sizes, chosen)
        looked_at = torch.from_numpy(images.index)
        values = {
            name: grams[name].value(torch.bincount(classes[name][looked_at], minlength=sizes[name])) for name in rest
        }
        largest = max(values.values())
        frozen = next(name for name in rest if values[name] >= (1 - _TIE) * largest)
        for name in rest:
            yield OrderRecord(len(given), name, given, values[name], name == frozen)
        given = (*given, frozen)
        cell = context * numbers[frozen] + classes[frozen].numpy()
        context = np.unique(cell, return_inverse=True)[1]  # numbered anew: no overflow, however many factors


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

    def add(self, batch: ContextBatch) -> None:
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
    batches: Iterator[ContextBatch], classes: Mapping[str, Tensor], sizes: Mapping[str, int], likelihood: Likelihood
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

    The value at the step in which it freezes, or that of a step before where that is lower: what rests on others being
    known cannot freeze above them, and where it is worth more, it freezes with them. A factor whose value is within 5%
    of that at which the step's first freezes does so in the same step, at its own value: nothing at quadratic order
    tells their modes apart, and neither waits for the other.
    """
    found: dict[str, float] = {}
    reached = np.inf  # pressure at which all that is given has frozen
    for step in range(max((each.step for each in order), default=-1) + 1):
        records = [each for each in order if each.step == step]
        largest = max(each.value for each in records)
        for each in records:
            if each.freezes or each.value > (1 - DEGENERATE) * min(largest, reached) > 0:
                found.setdefault(each.factor, min(each.value, reached))
        # what never freezes keeps nothing else from freezing
        reached = min([reached, *(found[each.factor] for each in records if each.freezes and each.value > 0)])
    return found
