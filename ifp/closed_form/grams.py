"""Matrices behind conditional values: each factor's B of :mod:`annealing.conditional`, summed batch by batch."""

from collections import deque
from collections.abc import Collection, Generator, Iterator, Mapping, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annealing.choices import LikelihoodName
from annealing.conditional import (
    context_courses,
    context_gram,
    shared_code_error,
    shared_code_value,
    shared_code_value_by_courses,
)
from annealing.likelihoods.pixels import likelihood_named
from ifp.closed_form.context_batches import PARTS, ContextBatch, ContextImages, context_batches, context_parts
from ifp.machine.pool import HERE, Event, Outcome, Pool, Tally, Task
from ifp.machine.progress import Progress, Watch
from ifp.machine.threads import side_by_side, use_threads

Sums: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]  # (parts, classes, classes), (parts,)

_PARTS = 16  # of the contexts
_LITTLE = 2**28  # pixels of a step that are looked at before a process has begun
HELD = 20  # bytes of a pixel value of a class's mean: a sum in float32, the mean and its course in float64
MANY = 2048  # classes up to which a matrix of classes by classes, of 32 MiB, is always held


@dataclass(frozen=True)
class OrderStep:
    """What a step of the order looks at.

    Attributes:
        images: those of all contexts, n of them.
        classes: of each factor that has not frozen, (n,).
        sizes: how many classes each has.
        likelihood: bernoulli or gaussian.
        doing: what the step tells that it is about.
    """

    images: ContextImages
    classes: Mapping[str, NDArray[np.int64]]
    sizes: Mapping[str, int]
    likelihood: LikelihoodName
    doing: str

    def batches(self) -> Iterator[ContextBatch]:
        """The images, batch by batch."""
        return context_batches(self.images, sum(self.sizes.values()), self.doing)

    def grams(self) -> dict[str, "Gram"]:
        """Each factor's matrix, nothing added yet."""
        return {name: Gram(self, name) for name in self.sizes}

    def parts(self) -> list["OrderStep"]:
        """Parts of the contexts, the same for any number of cores, so that sums are; or one, where they are few."""
        found = []
        for rows in context_parts(self.images, _PARTS):
            classes = {name: labels[rows] for name, labels in self.classes.items()}
            found.append(replace(self, images=self.images.at(rows), classes=classes))
        return found if len(found) == _PARTS else [self]


class Gram:
    """One factor's matrix B, times the number of images, as batches come in.

    Of a factor of many classes the courses whose products it is the sum of are kept instead, while they are smaller.
    Of painted data the sum over some of the draws stands beside that over others, for the error.

    Args:
        step: what is looked at.
        factor: one of its.
    """

    def __init__(self, step: OrderStep, factor: str) -> None:
        self.classes, self.size, self.images = torch.from_numpy(step.classes[factor]), step.sizes[factor], step.images
        self.likelihood = likelihood_named(step.likelihood)
        size, painting = self.size, self.images.painting
        self._parts: list[tuple[Tensor, Tensor]] | None = [] if size > MANY else None
        self._held = 0  # numbers in the parts
        parts = PARTS if painting is not None and size <= MANY else 1
        self._grams = torch.zeros(parts, *((size, size) if size <= MANY else (0, 0)), dtype=torch.float64)
        self._images = torch.zeros(parts, dtype=torch.float64)  # behind each part
        self._incomplete: tuple[Tensor, Tensor] | None = None  # sums and counts of a context that goes on

    def sums(self) -> Sums:
        """The matrix, in the parts that its error is of, and the images behind each."""
        return self._grams.numpy(), self._images.numpy()

    def join(self, sums: Sums) -> None:
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


def added_grams(step: OrderStep, pool: Pool, jobs: int, watch: Watch) -> dict[str, Gram]:
    """Every factor's matrix, with all images added: parts of the contexts side by side or, of few, the factors.

    Args:
        step: what is looked at.
        pool: where parts of the contexts are, of many images.
        jobs: threads side by side, where contexts are few.
        watch: follows the batches, or the parts.
    """
    grams = step.grams()
    parts = step.parts() if max(step.sizes.values()) <= MANY else [step]
    if len(parts) == 1:
        with side_by_side(jobs) as workers, ThreadPoolExecutor(1) as reader:
            _add_factors(watch.follow(step.batches(), "freezing order"), list(grams.values()), workers, reader)
        return grams
    tasks = [Task(str(number), part_sums, (part,)) for number, part in enumerate(parts)]
    small = len(step.images.index) * int(np.prod(step.images.read_from.image_shape)) < _LITTLE
    come: dict[str, Mapping[str, Sums]] = {}
    events = _counted((HERE if small or not pool.sees_files else pool).outcomes(tasks), len(tasks), step.doing, come)
    for _ in watch.follow(events, "freezing order"):
        pass
    for task in tasks:  # in their order, whichever came first
        for name, sums in come[task.name].items():
            grams[name].join(sums)
    return grams


def _counted(
    events: Iterator[Event], total: int, doing: str, come: MutableMapping[str, Mapping[str, Sums]]
) -> Iterator[Progress]:
    """Progress over the parts; what they give is put into ``come``."""
    tally = Tally(total)
    for event in events:
        if isinstance(event, Outcome):
            come[event.name] = event.value
        yield tally.after(event, doing)


def part_sums(part: OrderStep) -> Generator[ContextBatch, None, dict[str, Sums]]:
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
    batches: Iterator[ContextBatch], grams: Collection[Gram], workers: ThreadPoolExecutor, reader: ThreadPoolExecutor
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
