"""``ifp.spectrum``: closed-form freezing points of a data set."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annealing.choices import LikelihoodName, Nuisance
from annealing.errors import IFPError
from annealing.likelihoods.pixels import likelihood_named
from annealing.loss_forms import LossName, LossScale
from ifp.closed_form.contexts import SpectralRecord, closed_forms, require_draw, require_nuisance
from ifp.closed_form.factors import chosen_factors
from ifp.closed_form.joint_modes import pair_modes, require_pair
from ifp.closed_form.spectrum import Spectrum
from ifp.closed_form.whole import whole_spectrum
from ifp.datasets.arrays import Data
from ifp.datasets.source import pool_for
from ifp.machine.pool import require_jobs
from ifp.machine.progress import UNWATCHED, Watch
from ifp.run_directory.opening import asked_dataset


@dataclass(frozen=True)
class _Counted:
    done: int
    total: int
    doing: str
    record: SpectralRecord


def spectrum(
    dataset: Data,
    *,
    factors: Sequence[str] | None = None,
    contexts: int = 1000,
    seed: int = 0,
    likelihood: LikelihoodName = "bernoulli",
    nuisance: Nuisance = "held",
    loss: LossName | None = None,
    batch_size: int | None = None,
    kl_mean_over: int | None = None,
    data_dir: str | Path | None = None,
    data_options: Mapping[str, Any] | None = None,
    order: bool = False,
    pair: Sequence[str] | None = None,
    jobs: int | None = None,
    watch: Watch = UNWATCHED,
) -> Spectrum:
    """Closed-form freezing points: of every factor over shared contexts, or of unlabelled data as a whole.

    The largest eigenvalue of V^-1/2 C V^-1/2 of each case's images, with C their covariance and V the decoder's own
    variance at the mean image (:mod:`annealing.spectral`), and the bound beta_rd above it: no training, some hundred
    a second. Of unlabelled data the leading eigenvalues of all images (:mod:`annealing.leading`).

    >>> import ifp
    >>> found = ifp.spectrum("dsprites-tiny", factors=["scale"], contexts=3)
    >>> len(found), found[0].factor, round(found[0].spectral_beta, 1)
    (3, 'scale', 169.9)

    Args:
        dataset: a data set, its name, the path of the user's own, or arrays: images, or (images, factors).
        factors: names; None for all.
        contexts: drawn, and shared by all factors.
        seed: of the draw.
        likelihood: bernoulli or gaussian.
        nuisance: held within a context, or redrawn for each image; in the freezing order, too.
        loss: your own loss, by its name in :mod:`annealing.loss_forms`; freezing points are then also given as weights
            of its KL.
        batch_size: B of that loss, if it sums one of its terms over the batch and averages the other.
        kl_mean_over: how many latents the KL of that loss is a mean over; None if it is their sum.
        data_dir: folder of the data set's public files.
        data_options: how a data set given by its name is opened: as :class:`ifp.datasets.dataset.DataOptions`.
        order: compute the freezing order at once, in the same processes, not when it is first asked for.
        pair: two factors whose modes together are computed at once, too: see :meth:`Spectrum.joint_modes`.
        jobs: how many processes compute side by side; None: as many as the cores allow. Any number gives the same
            result.
        watch: follows the work.

    Raises:
        IFPError: one image, factors of unlabelled data, an unknown factor or one of a single value, an unknown
            likelihood, ``nuisance`` or loss, a loss of another likelihood, or no context.
    """
    likelihood_named(likelihood)
    require_nuisance(nuisance)
    require_jobs(jobs)
    require_draw(contexts, seed)
    given = {"data_options": data_options or {}}
    _scale(loss, (1, 1, 1), batch_size, kl_mean_over, likelihood)  # what does not fit is told before data are opened
    found = asked_dataset(dataset, given, None if data_dir is None else Path(data_dir), "a data set")
    scale = _scale(loss, found.image_shape, batch_size, kl_mean_over, likelihood)
    if found.factors is None and factors is None:
        if pair is not None:
            raise IFPError(f"need labels for the modes of {' and '.join(pair)}, {found.name} has none")
        watch.begun(f"{found.name}: {found.source}")
        values = whole_spectrum(found, likelihood=likelihood, watch=watch)
        return Spectrum(found, (), seed, likelihood, nuisance, eigenvalues=tuple(values), watch=watch, loss=scale)
    names = chosen_factors(found, factors)
    if pair is not None:
        require_pair(found, pair)
    watch.begun(f"{found.name}: {found.source}")
    with pool_for(found, jobs) as pool:
        records = closed_forms(
            found, factors=names, contexts=contexts, seed=seed, likelihood=likelihood, nuisance=nuisance, pool=pool
        )
        counted = watch.follow(_counted(records, len(names) * contexts), "action sequences")
        kept = tuple(step.record for step in counted)
        result = Spectrum(found, kept, seed, likelihood, nuisance, names, jobs=jobs, watch=watch, loss=scale)
        if order or pair is not None:
            result = replace(result, computed=tuple(result.order_in(pool)))
        if pair is None:
            return result
        before = result.before(*pair)
        joint = pair_modes(
            found, pair, before, likelihood=likelihood, nuisance=nuisance, pool=pool, jobs=jobs, watch=watch
        )
        return replace(result, pair=tuple(pair), joint=joint)


def _scale(
    loss: LossName | None,
    image_shape: tuple[int, int, int],
    batch_size: int | None,
    kl_mean_over: int | None,
    likelihood: LikelihoodName,
) -> LossScale | None:
    """The user's own loss on images of a shape; None where none is named."""
    if loss is None:
        if batch_size is not None or kl_mean_over is not None:
            raise IFPError("need a loss whose batch size or mean over latents that is: --loss NAME, e.g. mse-mean")
        return None
    scale = LossScale(loss, math.prod(image_shape), batch_size, kl_mean_over)
    if scale.likelihood == "laplace":
        raise IFPError(
            f"need a loss of a likelihood that freezing points of images are computed with, got {loss}, of laplace: "
            "ifp suggest takes it; or take mse-mean with likelihood gaussian, the nearest"
        )
    scale.require_likelihood(likelihood)
    return scale


def _counted(records: Iterator[SpectralRecord], total: int) -> Iterator[_Counted]:
    for number, record in enumerate(records, start=1):
        yield _Counted(number, total, record.factor, record)
