"""Contexts and their action sequences: one factor runs through its values while the others stay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annealing.errors import IFPError
from annealing.likelihood import Likelihood, likelihood_named
from annealing.spectral import eigenvalues
from ifp.datasets.dataset import Dataset, Factors, to_float


def require_factors(dataset: Dataset) -> Factors:
    """The data set's factors; IFPError where it has none."""
    if dataset.factors is None:
        raise IFPError(f"need a data set with labelled factors for action sequences, {dataset.name} has none")
    return dataset.factors


def draw_contexts(dataset: Dataset, contexts: int, seed: int) -> NDArray[np.int64]:
    """Image indices (contexts,) of random contexts, without repeats while there are enough images.

    The first n of a longer draw are the draw of n: measured contexts are the first of those planned over.
    """
    order = np.random.default_rng([seed, 0]).permutation(len(dataset))
    return np.resize(order, contexts).astype(np.int64)


def action_sequence(dataset: Dataset, factor: str, context: int) -> Tensor:
    """Images (n, H, W, C), float32 in 0..1, of the context (an image index) with the factor at each value in turn."""
    factors = require_factors(dataset)
    column = factors.position(factor)
    labels = dataset.factors_at([int(context)])
    assert labels is not None  # the data set has factors
    rows = np.repeat(labels, factors.sizes[column], axis=0)
    rows[:, column] = np.arange(len(rows))
    return torch.from_numpy(to_float(dataset.images(dataset.lookup(rows))))


@dataclass(frozen=True)
class SpectralRecord:
    """Closed-form freezing point of one case, and how near its second eigenvalue stands."""

    dataset: str
    factor: str
    context: int  # number in the draw
    index: int  # image index of the context
    spectral_beta: float  # nats
    second_ratio: float  # lambda_2 / lambda_1


def spectral_record(dataset: Dataset, factor: str, context: int, index: int, likelihood: Likelihood) -> SpectralRecord:
    """Closed form of the action sequence of ``factor`` in the context that is image ``index``."""
    values = eigenvalues(action_sequence(dataset, factor, index), likelihood)
    first, second = float(values[0]), float(values[1])
    return SpectralRecord(dataset.name, factor, context, int(index), first, second / first if first else 0.0)


def spectrum(
    dataset: Dataset,
    *,
    factors: Sequence[str] | None = None,
    contexts: int = 1000,
    seed: int = 0,
    likelihood: str = "bernoulli",
) -> Iterator[SpectralRecord]:
    """Closed-form freezing points of every factor over shared contexts: no training, some thousand a second.

    Raises:
        IFPError: an unlabelled data set, an unknown factor or likelihood, or no context.
    """
    if contexts < 1:
        raise IFPError(f"need one context or more, got {contexts}")
    names = tuple(factors) if factors is not None else require_factors(dataset).names
    chosen = likelihood_named(likelihood)
    for factor in names:
        for context, index in enumerate(draw_contexts(dataset, contexts, seed)):
            yield spectral_record(dataset, factor, context, int(index), chosen)
