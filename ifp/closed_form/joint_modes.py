"""Modes of two factors of a data set together, with the factors known that freeze before them."""

from collections.abc import Sequence

import numpy as np
import torch

from annealing.choices import LikelihoodName, Nuisance
from annealing.errors import IFPError
from annealing.joint_modes import JointMode, joint_modes
from ifp.closed_form.context_batches import context_images, divided
from ifp.closed_form.grams import HELD, MANY, OrderStep, added_grams
from ifp.datasets.batches import require_images_fit
from ifp.datasets.dataset import Dataset, require_labelled
from ifp.machine.pool import HERE, Pool, jobs_for
from ifp.machine.progress import UNWATCHED, Watch

_NUMBER = 8  # of modes


def pair_modes(
    dataset: Dataset,
    pair: Sequence[str],
    given: Sequence[str] = (),
    *,
    likelihood: LikelihoodName = "bernoulli",
    nuisance: Nuisance = "held",
    number: int = _NUMBER,
    pool: Pool = HERE,
    jobs: int | None = None,
    watch: Watch = UNWATCHED,
) -> tuple[JointMode, ...]:
    """The leading modes of two factors together, one code for all contexts: see :mod:`annealing.joint_modes`.

    Args:
        dataset: labelled.
        pair: the two factors.
        given: factors that are known: each combination of their values is a context; all others are averaged over.
        likelihood, nuisance, pool, jobs, watch: as in :func:`ifp.closed_form.order.freezing_order`.
        number: how many modes at most.

    Raises:
        IFPError: an unlabelled data set, unknown factors, others than two that are not given, or more than 2,048
            combinations of their values.
    """
    require_pair(dataset, pair)
    if set(pair) & set(given):
        raise IFPError(f"need two factors that are not given, got {' and '.join(pair)} given {', '.join(given)}")
    labelled = require_labelled(dataset)
    known = labelled.factors
    first, second = (known.sizes[known.position(name)] for name in pair)
    labels = labelled.factors_at(np.arange(len(dataset)))
    context = np.zeros(len(dataset), np.int64)
    for name in given:
        column = known.position(name)
        context = divided(context, labels[:, column], known.sizes[column])
    images = context_images(dataset, context, held=nuisance == "held")
    columns = labels[images.index][:, [known.position(name) for name in pair]]
    together = np.ascontiguousarray(columns[:, 0] * second + columns[:, 1], np.int64)
    name = " and ".join(pair)
    doing = f"{name} given {', '.join(given)}" if given else name
    require_images_fit(dataset, first * second, "the modes of two factors", HELD)
    step = OrderStep(images, {name: together}, {name: first * second}, likelihood, doing)
    sums, _ = added_grams(step, pool, jobs_for(jobs), watch)[name].sums()
    counts = np.bincount(together, minlength=first * second).reshape(first, second)
    return joint_modes(torch.from_numpy(sums.sum(axis=0)), torch.from_numpy(counts), number)


def require_pair(dataset: Dataset, pair: Sequence[str]) -> None:
    """IFPError unless these are two factors of a labelled data set that are not too many values together."""
    known = require_labelled(dataset).factors
    if len(pair) != 2 or pair[0] == pair[1]:
        raise IFPError(f"need two factors, e.g. {','.join(known.names[:2])}, got {', '.join(pair) or 'none'}")
    first, second = (known.sizes[known.position(name)] for name in pair)
    if first * second > MANY:
        raise IFPError(
            f"need two factors with {MANY:,} combinations of values or fewer, {' and '.join(pair)} have "
            f"{first * second:,}"
        )
