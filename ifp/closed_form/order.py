"""The order in which factors freeze where each latent holds one factor: greedily, by conditional value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.modes import DEGENERATE
from annealing.choices import LikelihoodName, Nuisance
from annealing.errors import IFPError
from annealing.likelihoods.pixels import likelihood_named
from ifp.closed_form.context_batches import context_images, divided
from ifp.closed_form.contexts import require_nuisance
from ifp.closed_form.grams import HELD, OrderStep, added_grams
from ifp.datasets.batches import require_images_fit
from ifp.datasets.dataset import Dataset, require_labelled
from ifp.machine.pool import HERE, Pool, jobs_for
from ifp.machine.progress import UNWATCHED, Watch

_TIE = 1e-9  # values as near as this, relatively, are equal: rounding must not choose the order


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
        step = OrderStep(images, own, sizes, likelihood, doing)
        require_images_fit(dataset, max(sizes.values()), "the freezing order", HELD)
        values = {name: gram.value() for name, gram in added_grams(step, pool, jobs_for(jobs), watch).items()}
        largest = max(value for value, _ in values.values())
        frozen = next(name for name in rest if values[name][0] >= (1 - _TIE) * largest)
        for name in rest:
            value, error = values[name]
            yield OrderRecord(len(given), name, given, value, name == frozen, error)
        given = (*given, frozen)
        context = divided(context, classes[frozen], numbers[frozen])


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
