"""Contexts and their action sequences: one factor runs through its values while the others stay."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annealing.errors import IFPError
from annealing.landau import transition
from annealing.likelihood import Likelihood, likelihood_named
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import freezing_point
from ifp.datasets.dataset import Dataset, Factors, to_float
from ifp.threads import one_thread

_TOGETHER = 100  # contexts whose images are held at once


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
    """Closed form of one case: its freezing point, the bound above it, and the kind of transition between."""

    dataset: str
    factor: str
    context: int  # number in the draw
    index: int  # image index of the context
    spectral_beta: float  # nats; silence is unstable below it
    beta_rd: float  # nats; silence is the global optimum above it
    second_ratio: float  # lambda_2 / lambda_1
    transition: str  # continuous, first_order, degenerate (second_ratio above 0.9) or none
    slope: float  # g of KL = g ln(beta_c / beta) just below; NaN where that law does not hold


def _spectral_records(
    dataset: Dataset, factor: str, contexts: Mapping[int, int], likelihood: Likelihood
) -> list[SpectralRecord]:
    """Records of the contexts, number to image index, of one factor; the bounds are found together, which is faster."""
    found = []
    with one_thread():
        sequences = [action_sequence(dataset, factor, index) for index in contexts.values()]
        bounds = rate_distortion_bound(sequences, likelihood)
        for (context, index), images, bound in zip(contexts.items(), sequences, bounds, strict=True):
            kind = transition(images, likelihood)
            found.append(
                SpectralRecord(
                    dataset.name, factor, context, index, freezing_point(images, likelihood), bound, kind.second_ratio,
                    kind.order, kind.slope,
                )
            )  # fmt: skip
    return found


def spectrum(
    dataset: Dataset,
    *,
    factors: Sequence[str] | None = None,
    contexts: int = 1000,
    seed: int = 0,
    likelihood: str = "bernoulli",
) -> Iterator[SpectralRecord]:
    """Closed-form freezing points of every factor over shared contexts: no training, some hundred a second.

    Raises:
        IFPError: an unlabelled data set, an unknown factor or likelihood, or no context.
    """
    if contexts < 1:
        raise IFPError(f"need one context or more, got {contexts}")
    names = tuple(factors) if factors is not None else require_factors(dataset).names
    chosen = likelihood_named(likelihood)
    for factor in names:
        drawn = list(enumerate(draw_contexts(dataset, contexts, seed).tolist()))
        for start in range(0, len(drawn), _TOGETHER):
            yield from _spectral_records(dataset, factor, dict(drawn[start : start + _TOGETHER]), chosen)
