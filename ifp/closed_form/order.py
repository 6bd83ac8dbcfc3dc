"""The order in which factors freeze where each latent holds one factor: greedily, by conditional value."""

from collections import deque
from collections.abc import Collection, Generator, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.modes import DEGENERATE
from annealing.choices import LikelihoodName, Nuisance
from annealing.conditional import (
    context_courses,
    context_gram,
    shared_code_error,
    shared_code_value,
    shared_code_value_by_courses,
)
from annealing.errors import IFPError
from annealing.likelihood import likelihood_named
from ifp.closed_form.context_batches import (
    PARTS,
    ContextBatch,
    ContextImages,
    context_batches,
    context_images,
    context_parts,
)
from ifp.closed_form.contexts import require_nuisance
from ifp.datasets.dataset import Dataset, require_labelled
from ifp.machine.pool import HERE, Event, Outcome, Pool, Tally, Task, jobs_for
from ifp.machine.progress import UNWATCHED, Progress, Watch
from ifp.machine.threads import side_by_side, use_threads

_TIE = 1e-9  # values as near as this, relatively, are equal: rounding must not choose the order
_PARTS = 16  # of the contexts
_LITTLE = 2**28  # pixels of a step that are looked at before a process has begun
_Sums: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]  # (parts, classes, classes), (parts,)
_MANY = 2048  # classes up to which a matrix of classes by classes, of 32 MiB, is always held


@dataclass(frozen=True)
class OrderRecord:
    """What one factor is worth at one step of the order."""

    step: int  # from 0
    factor: str
    given: tuple[str, ...]  # frozen before, in this order; none at step 0
    value: float  # nats: marginal at step 0, then conditional on the given factors
    freezes: bool  # the largest of its step: given from the next step on
    # nats, the standard error, at most, of a canvas's nuisances and contexts that were drawn; 0: nothing was, or it is
    # not known, as of data that repaint whole images
    error: float = 0.0


def freezing_order(
    dataset: Dataset,
    *,
    factors: Sequence[str] | None = None,
    likelihood: LikelihoodName = "bernoulli",
    nuisance: Nuisance = "held",
    pool: Pool = HERE,
    jobs: int | None = None,
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
        pool: where parts of the contexts are looked at, of many images.
        jobs: threads that read and add the images of few contexts side by side; None: as many as the cores at hand
            allow. The same numbers for any.
        watch: follows the batches of each step.

    Raises:
        IFPError: an unlabelled data set, no factor, an unknown one, an unknown likelihood or ``nuisance``, or pixels
            outside 0..1.
    """
    require_nuisance(nuisance)
    labelled = require_labelled(dataset)
    known = labelled.factors
    likelihood_named(likelihood)
    names = known.names if factors is None else tuple(dict.fromkeys(factors))
    if not names:
        raise IFPError(f"need one factor or more out of {', '.join(known.names)}, got none")
    columns = [known.position(name) for name in names]
    labels = labelled.factors_at(np.arange(len(dataset)))
    classes = dict(zip(names, np.ascontiguousarray(labels[:, columns].T), strict=True))
    numbers = dict(zip(names, (known.sizes[column] for column in columns), strict=True))
    context = np.zeros(len(dataset), np.int64)
    given: tuple[str, ...] = ()
    while len(given) < len(names):
        rest = [name for name in names if name not in given]
        sizes = {name: numbers[name] for name in rest}
        images = context_images(dataset, context, held=nuisance == "held")
        doing = f"given {', '.join(given)}" if given else "marginal values"
        own = {name: classes[name][images.index] for name in rest}
        step = _Step(images, own, sizes, likelihood, doing)
        values = {name: gram.value() for name, gram in _grams(step, pool, jobs_for(jobs), watch).items()}
        largest = max(value for value, _ in values.values())
        frozen = next(name for name in rest if values[name][0] >= (1 - _TIE) * largest)
        for name in rest:
            value, error = values[name]
            yield OrderRecord(len(given), name, given, value, name == frozen, error)
        given = (*given, frozen)
        cell = context * numbers[frozen] + classes[frozen]
        context = np.unique(cell, return_inverse=True)[1]  # numbered anew: no overflow, however many factors


@dataclass(frozen=True)
class _Step:
    """What a step of the order looks at: images, their classes of each factor (n,), and how many there are of each."""

    images: ContextImages
    classes: Mapping[str, NDArray[np.int64]]
    sizes: Mapping[str, int]
    likelihood: LikelihoodName
    doing: str

    def batches(self) -> Iterator[ContextBatch]:
        """The images, batch by batch."""
        return context_batches(self.images, sum(self.sizes.values()), self.doing)

    def grams(self) -> dict[str, "_Gram"]:
        """Each factor's matrix, nothing added yet."""
        return {name: _Gram(self, name) for name in self.sizes}

    def parts(self) -> list["_Step"]:
        """Parts of the contexts, the same for any number of cores, so that sums are; or one, where they are few."""
        found = []
        for rows in context_parts(self.images, _PARTS):
            classes = {name: labels[rows] for name, labels in self.classes.items()}
            found.append(replace(self, images=self.images.at(rows), classes=classes))
        return found if len(found) == _PARTS else [self]


class _Gram:
    """One factor's matrix B, times the number of images, as batches come in.

    Of a factor of many classes the courses whose products it is the sum of are kept instead, while they are smaller.
    Of painted data the sum over some of the draws stands beside that over others, for the error.
    """

    def __init__(self, step: _Step, factor: str) -> None:
        self.classes, self.size, self.images = torch.from_numpy(step.classes[factor]), step.sizes[factor], step.images
        self.likelihood = likelihood_named(step.likelihood)
        size, painting = self.size, self.images.painting
        self._parts: list[tuple[Tensor, Tensor]] | None = [] if size > _MANY else None
        self._held = 0  # numbers in the parts
        parts = PARTS if painting is not None and size <= _MANY else 1
        self._grams = torch.zeros(parts, *((size, size) if size <= _MANY else (0, 0)), dtype=torch.float64)
        self._images = torch.zeros(parts, dtype=torch.float64)  # behind each part
        self._incomplete: tuple[Tensor, Tensor] | None = None  # sums and counts of a context that goes on

    def sums(self) -> "_Sums":
        """The matrix, in the parts that its error is of, and the images behind each."""
        return self._grams.numpy(), self._images.numpy()

    def join(self, sums: "_Sums") -> None:
        """Add what another has of other contexts."""
        for own, others in zip((self._grams, self._images), sums, strict=True):
            own += torch.from_numpy(others)

    def add(self, batch: ContextBatch, images: Tensor) -> None:
        """Add a batch, and the images that were read for it."""
        cell = batch.slot * self.size + self.classes[torch.from_numpy(batch.rows)]
        contexts = len(batch.contexts)
        cells = contexts * self.size
        # float32 within a batch, exact for binary pixels; float64 from batch to batch
        sums = torch.zeros(cells, images.shape[1]).index_add_(0, cell, images)
        counts = torch.bincount(cell, minlength=cells)
        if self._incomplete is not None:
            before, counted = self._incomplete
            sums, counts = before.to(torch.float64).add_(sums), counted + counts
        self._incomplete = None if batch.complete else (sums, counts)
        if batch.complete:
            means = sums.div_(counts.clamp(min=1)[:, None]).reshape(contexts, self.size, -1)
            self._add(means, counts.reshape(contexts, self.size), batch.contexts)

    def _add(self, means: Tensor, counts: Tensor, contexts: NDArray[np.int64]) -> None:
        painting = self.images.painting
        if painting is None:
            if self._parts is None:
                self._grams[0] += context_gram(means, counts, self.likelihood)
            else:
                self._keep(self._parts, context_courses(means, counts, self.likelihood), counts)
            return
        draws = painting.draws
        for draw, painted in painting.of(self.images.source.open(), means.to(torch.float32), contexts):
            if self._parts is not None:
                self._keep(self._parts, context_courses(painted, counts, self.likelihood) / draws**0.5, counts)
                continue
            part = painting.part[contexts, draw]
            for number in np.unique(part):
                own, place = torch.from_numpy(part == number), number % len(self._grams)
                self._grams[place] += context_gram(painted[own], counts[own], self.likelihood) / draws
                self._images[place] += float(counts[own].sum()) / draws

    def _keep(self, parts: list[tuple[Tensor, Tensor]], courses: Tensor, counts: Tensor) -> None:
        there = [count.nonzero()[:, 0] for count in counts]
        found = [(rows, course[rows]) for rows, course in zip(there, courses, strict=True)]
        parts += found
        self._held += sum(course.numel() for _, course in found)
        if self._held > self.size**2:
            self._grams = torch.zeros(1, self.size, self.size, dtype=torch.float64)
            for rows, course in parts:
                self._grams[0, rows[:, None], rows] += course @ course.T
            self._parts = None

    def value(self) -> tuple[float, float]:
        """The factor's value and its error."""
        counts = torch.bincount(self.classes, minlength=self.size)  # images of each class
        if self._parts is not None:
            return shared_code_value_by_courses(self._parts, counts), 0.0
        if len(self._grams) == 1:
            return shared_code_value(self._grams[0], counts), 0.0
        return shared_code_value(self._grams.sum(dim=0), counts), shared_code_error(self._grams, counts, self._images)


def _grams(step: _Step, pool: Pool, jobs: int, watch: Watch) -> dict[str, _Gram]:
    """Every factor's matrix, with all images added: parts of the contexts side by side or, of few, the factors."""
    grams = step.grams()
    parts = step.parts() if max(step.sizes.values()) <= _MANY else [step]
    if len(parts) == 1:
        with side_by_side(jobs) as workers, ThreadPoolExecutor(1) as reader:
            _add_factors(watch.follow(step.batches(), "freezing order"), list(grams.values()), workers, reader)
        return grams
    tasks = [Task(str(number), _part_sums, (part,)) for number, part in enumerate(parts)]
    small = len(step.images.index) * int(np.prod(step.images.read_from.image_shape)) < _LITTLE
    come: dict[str, Mapping[str, _Sums]] = {}
    events = _counted((HERE if small or not pool.sees_files else pool).outcomes(tasks), len(tasks), step.doing, come)
    for _ in watch.follow(events, "freezing order"):
        pass
    for task in tasks:  # in their order, whichever came first
        for name, sums in come[task.name].items():
            grams[name].join(sums)
    return grams


def _counted(
    events: Iterator[Event], total: int, doing: str, come: MutableMapping[str, Mapping[str, _Sums]]
) -> Iterator[Progress]:
    """Progress over the parts; what they give is put into ``come``."""
    tally = Tally(total)
    for event in events:
        if isinstance(event, Outcome):
            come[event.name] = event.value
        yield tally.after(event, doing)


def _part_sums(part: _Step) -> Generator[ContextBatch, None, dict[str, _Sums]]:
    """Every factor's matrix over a part of the contexts."""
    grams = part.grams()
    with use_threads(1):
        for batch in part.batches():
            images = batch.read()
            for gram in grams.values():
                gram.add(batch, images)
            yield batch
    return {name: gram.sums() for name, gram in grams.items()}


def _add_factors(
    batches: Iterator[ContextBatch], grams: Collection[_Gram], workers: ThreadPoolExecutor, reader: ThreadPoolExecutor
) -> None:
    """Add the batches to every factor's matrix, in their order: factors side by side, and a batch read ahead.

    One thread reads: images of a user's own class may come from an open file.
    """
    reading: deque[tuple[ContextBatch, Future[Tensor]]] = deque()

    def add() -> None:
        batch, images = reading.popleft()
        read = images.result()
        for adding in [workers.submit(gram.add, batch, read) for gram in grams]:
            adding.result()

    for batch in batches:
        reading.append((batch, reader.submit(batch.read)))
        if len(reading) > 1:
            add()
    while reading:
        add()


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
