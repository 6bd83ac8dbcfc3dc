"""Contexts and their action sequences: one factor runs through its values while the others stay.

What is no factor but varies from image to image (a colour, noise, which object of a category) is drawn once in a
context and held, as the context's own image has it. Redrawn for every image it freezes by itself, and at a pressure of
its own, whatever the factor does.
"""

import typing
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annealing.choices import LikelihoodName, Nuisance, Order, require_count, require_one_of, require_seed
from annealing.errors import IFPError
from annealing.landau import transition
from annealing.likelihoods.pixels import likelihood_named
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import freezing_point
from ifp.datasets.batches import require_images_fit
from ifp.datasets.dataset import Dataset, DataWarning, require_labelled, to_float
from ifp.datasets.source import DataSource
from ifp.machine.pool import HERE, Event, Outcome, Pool, Task
from ifp.machine.threads import use_threads

_TOGETHER = 2**26  # bytes of the images that a worker holds at once
_SEQUENCES = 50  # of them at most
_HELD = 20  # bytes of a pixel value of a sequence, which stands there as float32 and as float64 twice
_MANY = 1000  # cases, from which on processes are made for them: fewer are done before one has begun


def draw_contexts(dataset: Dataset, contexts: int, seed: int) -> NDArray[np.int64]:
    """Image indices (contexts,) of random contexts, without repeats while there are enough images.

    The first n of a longer draw are the draw of n: measured contexts are the first of those planned over.
    """
    order = np.random.default_rng([seed, 0]).permutation(len(dataset))
    return np.resize(order, contexts).astype(np.int64)


def action_sequence(dataset: Dataset, factor: str, context: int, nuisance: Nuisance = "held") -> Tensor:
    """Images (n, H, W, C), float32 in 0..1, of the context (an image index) with the factor at each value in turn.

    Values for which there is no image are left out.

    Args:
        dataset: labelled; its lattice may have gaps, and several images in a cell.
        factor: the one that varies.
        context: an image; the other factors stay as it has them.
        nuisance: ``held``, every image with the nuisances of the context's own; or ``redrawn``, with those of another
            image each, drawn from the context and the factor.

    Raises:
        IFPError: an unlabelled data set, an unknown factor or another ``nuisance``.
    """
    require_nuisance(nuisance)
    labelled = require_labelled(dataset)
    factors = labelled.factors
    column = factors.position(factor)
    labels = labelled.factors_at([int(context)])
    rows = np.repeat(labels, factors.sizes[column], axis=0)
    rows[:, column] = np.arange(len(rows))
    rows = rows[dataset.holds(rows)]
    if not dataset.nuisances:
        return torch.from_numpy(to_float(dataset.images(dataset.lookup(rows))))
    shown = np.full(len(rows), context, np.int64)
    if nuisance == "redrawn":
        shown = np.random.default_rng([dataset.options.seed, 7, column, context]).integers(0, len(dataset), len(rows))
    return torch.from_numpy(to_float(dataset.images(dataset.lookup(rows, shown), shown)))


def require_draw(contexts: int, seed: int) -> None:
    """IFPError where so many contexts cannot be drawn, or from no such seed."""
    if contexts < 1:
        raise IFPError(f"need one context or more, got {contexts}")
    require_count("contexts", contexts)
    require_seed(seed)


def require_nuisance(nuisance: Nuisance) -> None:
    """IFPError where nuisances are neither held nor redrawn."""
    require_one_of("a nuisance", nuisance, typing.get_args(Nuisance))


@dataclass(frozen=True)
class SpectralRecord:
    """Closed form of one case: its freezing point, the bound above it, and the kind of transition between."""

    dataset: str
    factor: str
    context: int  # number in the draw
    index: int  # image index of the context
    spectral_beta: float  # nats; silence is unstable below it
    beta_rd: float  # nats; silence is the global optimum above it
    second_ratio: float  # lambda_2 / lambda_1
    transition: Order  # degenerate: second_ratio above 0.9
    slope: float  # g of KL = g ln(beta_c / beta) just below; NaN where that law does not hold
    slope_rough: bool  # the transition is nearly of first order, and the slope off by much
    values: int  # of the factor in this context


def spectral_records(
    source: DataSource, factor: str, contexts: Mapping[int, int], likelihood: LikelihoodName, nuisance: Nuisance
) -> list[SpectralRecord]:
    """Records of the contexts, number to image index, of one factor; the bounds are found together, which is faster."""
    dataset, chosen = source.open(), likelihood_named(likelihood)
    drawn = {context: action_sequence(dataset, factor, index, nuisance) for context, index in contexts.items()}
    sequences = {context: images for context, images in drawn.items() if len(images) > 1}
    found = []
    with use_threads(1):  # many small products
        bounds = rate_distortion_bound(list(sequences.values()), chosen) if sequences else []
        for (context, images), bound in zip(sequences.items(), bounds, strict=True):
            index = contexts[context]
            kind = transition(images, chosen)
            found.append(
                SpectralRecord(
                    dataset.name, factor, context, index, freezing_point(images, chosen), bound, kind.second_ratio,
                    kind.order, kind.slope, kind.slope_rough, len(images),
                )
            )  # fmt: skip
    return found


def closed_forms(
    dataset: Dataset,
    *,
    factors: Sequence[str] | None = None,
    contexts: int = 1000,
    seed: int = 0,
    likelihood: LikelihoodName = "bernoulli",
    nuisance: Nuisance = "held",
    pool: Pool = HERE,
) -> Iterator[SpectralRecord]:
    """Closed-form freezing points of every factor over shared contexts: no training, some hundred a second.

    A context in which a factor has fewer than two values (the lattice has gaps there) says nothing about it: such
    cases are left out, and a :class:`ifp.datasets.dataset.DataWarning` counts them.

    Args:
        dataset: labelled.
        factors: names; None for all.
        contexts: drawn from the ``seed``, the same for all factors.
        likelihood, nuisance: as :func:`ifp.spectrum` has them.
        pool: where they are computed, some contexts at a time; few cases are computed here.

    Raises:
        IFPError: an unlabelled data set, an unknown factor, likelihood or ``nuisance``, or no context.
    """
    require_draw(contexts, seed)
    require_nuisance(nuisance)
    likelihood_named(likelihood)
    known = require_labelled(dataset).factors
    names = tuple(factors) if factors is not None else known.names
    longest = max(known.sizes[known.position(name)] for name in names)
    require_images_fit(dataset, longest, "action sequences", _HELD)
    drawn = list(enumerate(draw_contexts(dataset, min(contexts, len(dataset)), seed).tolist()))
    source, pieces = DataSource.of(dataset), list[tuple[str, dict[int, int]]]()
    for factor in names:
        sequence = 4 * int(np.prod(dataset.image_shape)) * known.sizes[known.position(factor)]
        together = int(np.clip(_TOGETHER // sequence, 1, _SEQUENCES))
        pieces += [(factor, dict(drawn[start : start + together])) for start in range(0, len(drawn), together)]
    tasks = (Task(str(n), spectral_records, (source, *piece, likelihood, nuisance)) for n, piece in enumerate(pieces))
    here = len(names) * len(drawn) < _MANY or not pool.sees_files  # a cluster's workers are for what takes longer
    yield from _in_order(names, contexts, len(drawn), pieces, (HERE if here else pool).outcomes(tasks))


def _in_order(
    names: Sequence[str], contexts: int, distinct: int, pieces: Sequence[tuple[str, object]], events: Iterator[Event]
) -> Iterator[SpectralRecord]:
    """The records of pieces that come in any order, factor by factor; what is left out is said.

    Of fewer images than contexts each is drawn again and again, and computed once: those after the distinct ones are
    the same over again.
    """
    missing, come, following = dict.fromkeys(names, contexts), dict[int, list[SpectralRecord]](), 0
    own: list[SpectralRecord] = []  # of the factor, so far
    for event in events:
        if not isinstance(event, Outcome):
            continue
        come[int(event.name)] = event.value
        while following in come:
            factor, records = pieces[following][0], come.pop(following)
            following += 1
            own += records
            yield from records
            if following < len(pieces) and pieces[following][0] == factor:
                continue
            again = [
                replace(record, context=record.context + start)
                for start in range(distinct, contexts, distinct)
                for record in own
                if record.context + start < contexts
            ]
            yield from again
            missing[factor] -= len(own) + len(again)
            own = []
            if missing[factor]:
                warnings.warn(
                    f"{factor} has fewer than two values in {missing[factor]} of {contexts} contexts: left out there",
                    DataWarning,
                    stacklevel=2,
                )
