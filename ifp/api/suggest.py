"""``ifp.suggest``: which beta to use on rows of any data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from annealing.chance import modes_above_chance
from annealing.choices import RowLikelihoodName, require_count, require_seed
from annealing.conditions import SilentConditions, condition_points, silent_conditions
from annealing.errors import IFPError
from annealing.leading_modes import leading_modes
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.loss_forms import LOSS_FORMS, LossName, LossScale
from annealing.rows import Rows
from ifp.closed_form.proposal import Proposal, proposed_likelihood
from ifp.closed_form.suggestion import LOCAL, Suggestion, leading
from ifp.datasets.samples import PerRow, SampleRows, Samples, sample_rows
from ifp.machine.progress import UNWATCHED, Watch
from ifp.machine.threads import use_threads

_OF_RATES = ("poisson", "negative-binomial")
_OF_ONE_SCALE = ("gaussian", "gaussian-shared", "laplace")  # under which a feature's own unit counts


def suggest(
    data: Samples,
    *,
    likelihood: RowLikelihoodName | RowLikelihood | None = None,
    loss: LossName | None = None,
    batch_size: int | None = None,
    kl_mean_over: int | None = None,
    exposure: PerRow | None = None,
    condition: PerRow | None = None,
    labels: Sequence[str] = (),
    layer: str | None = None,
    modes: int = 10,
    level: float = 0.05,
    seed: int = 0,
    watch: Watch = UNWATCHED,
) -> Suggestion:
    """Which beta to use: how many modes of rows stand above chance, and at which weight of the KL as many are awake.

    Nothing is trained. Freezing points are the eigenvalues of whitened scores (:mod:`annealing.score_spectrum`). A mode
    is tested against chance on rows that it was not chosen on (:mod:`annealing.chance`).

    >>> import ifp, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.standard_normal((400, 2)) @ rng.standard_normal((2, 8)) + 0.3 * rng.standard_normal((400, 8))
    >>> found = ifp.suggest(rows, loss="mse-mean")
    >>> found.above_chance, found.likelihood
    (2, 'gaussian')

    Args:
        data: rows (N, ...) of any features, a table, a sparse matrix, annotated counts, or the path of a file of these:
            :func:`ifp.datasets.samples.sample_rows`.
        likelihood: of the decoder; None: that of the loss, else one chosen by the values, which a note names.
        loss: your own loss, by its name in :mod:`annealing.loss_forms`; None: pressures in nats alone.
        batch_size: B of that loss, if it sums one of its terms over the batch and averages the other.
        kl_mean_over: how many latents the KL of that loss is a mean over; None if it is their sum.
        exposure: what each row's rates are multiplied by: (N,), the name of a column, ``total`` for the row's sum, or
            ``none``. None: none, but where the values suggest counts, their sum.
        condition: the category of each row, which the decoder gets as input: (N,), or the name of a column.
        labels: columns of a table that are not features.
        layer: for annotated counts, the layer to read instead of X.
        modes: how many modes to look at.
        level: of the test for chance.
        seed: for the split of the rows into halves.
        watch: follows the work.

    Raises:
        IFPError: rows that are no numbers or that the likelihood cannot draw, a loss of another likelihood, or a number
            out of its range.
    """
    require_count("modes", modes)
    require_seed(seed)
    if not 0 < level < 0.5:
        raise IFPError(f"need a level of the test above 0 and below 0.5, got {level}")
    # what does not fit is told before data are opened
    named = likelihood if likelihood is None or isinstance(likelihood, RowLikelihood) else row_likelihood(likelihood)
    name = None if named is None else named.name
    _scale(loss, 1, batch_size, kl_mean_over, name)
    samples = sample_rows(data, exposure=exposure, condition=condition, labels=labels, layer=layer, seed=seed)
    proposal = _chosen(samples, name, loss, exposure_named=exposure is not None)
    samples = samples.with_total() if proposal.total else samples
    scale = _scale(loss, samples.features, batch_size, kl_mean_over, proposal.likelihood)
    watch.begun(f"{samples.name}: {samples.source}; {len(samples):,} rows, {samples.features:,} features")
    rows = Rows(samples.values, samples.exposure, samples.condition)
    drawn = named or row_likelihood(cast(RowLikelihoodName, proposal.likelihood))
    with use_threads(1):
        silent = silent_conditions(rows, drawn)
        chance = modes_above_chance(rows, drawn, modes, level, seed, standardise=False, silent=silent)
        one_scale = proposal.likelihood in _OF_ONE_SCALE
        standardised = modes_above_chance(rows, drawn, modes, level, seed, silent=silent).above if one_scale else 0
        spectrum = _spectrum(rows, drawn, silent, modes + 1)  # one more: the last mode's suggestion looks at the next
    held_out = drawn.points(chance.held_out, rows.features)
    found = leading(spectrum.points.tolist(), held_out.tolist(), chance.z.tolist(), chance.above, scale)
    told = tuple(
        replace(mode, features=samples.largest(share)) for mode, share in zip(found, spectrum.shares, strict=False)
    )
    return Suggestion(
        data=samples.name,
        source=samples.source,
        rows=len(samples),
        features=samples.features,
        likelihood=proposal.likelihood,
        because=proposal.because,
        exposure=samples.exposed,
        conditions=len(samples.categories),
        modes=told,
        above_chance=chance.above,
        level=level,
        loss=scale,
        notes=(*_notes(samples, proposal, chance.above, standardised), *spectrum.notes, LOCAL),
    )


@dataclass(frozen=True)
class _Spectrum:
    """Leading freezing points, nats (modes,), each feature's share in them (modes, features), and what to know."""

    points: NDArray[np.float64]
    shares: NDArray[np.float64]
    notes: tuple[str, ...]


def _spectrum(rows: Rows, likelihood: RowLikelihood, silent: SilentConditions, modes: int) -> _Spectrum:
    r"""As :func:`annealing.score_spectrum.score_spectrum`; with a condition those of one direction for all.

    A feature's share in a mode is :math:`w_j (H w)_j`, which sum to :math:`w^\top H w = 1`.
    """
    scores = silent.scores if len(silent.silences) > 1 else silent.silences[0].scores
    values, directions = leading_modes(scores, silent.curvature, modes)
    shares = (directions * silent.curvature.times(directions)).T.reshape(len(values), -1, rows.features).sum(axis=1)
    notes = tuple(dict.fromkeys(note for silence in silent.silences for note in silence.notes))
    if rows.condition is not None:
        notes = (
            "within conditions, one direction for all; a direction of one condition freezes from "
            f"{condition_points(rows, likelihood).largest:.4g} nats, and a network lies between",
            *notes,
        )
    return _Spectrum(likelihood.points(values, rows.features), shares, notes)


def _chosen(samples: SampleRows, named: str | None, loss: LossName | None, *, exposure_named: bool) -> Proposal:
    """The likelihood that was named, that of the loss, or the one that the rows suggest."""
    if named is not None:
        return Proposal(named, False, "")
    if loss is not None and LOSS_FORMS[loss].likelihood:
        return Proposal(LOSS_FORMS[loss].likelihood, False, f"{loss} is its loss")
    return proposed_likelihood(samples, exposure_named=exposure_named)


def _scale(
    loss: LossName | None, features: int, batch_size: int | None, kl_mean_over: int | None, likelihood: str | None
) -> LossScale | None:
    """The user's own loss on rows of so many features; None where none is named."""
    if loss is None:
        if batch_size is not None or kl_mean_over is not None:
            raise IFPError("need a loss whose batch size or mean over latents that is: --loss NAME, e.g. mse-mean")
        return None
    scale = LossScale(loss, features, batch_size, kl_mean_over)
    if likelihood is not None:
        scale.require_likelihood(likelihood)
    return scale


def _notes(samples: SampleRows, proposal: Proposal, above: int, standardised: int) -> tuple[str, ...]:
    """What was chosen for the user, and what the count may miss."""
    notes = []
    if proposal.because:
        exposed = f", exposed by {samples.exposed}" if samples.exposed else ""
        notes.append(f"likelihood {proposal.likelihood}{exposed}: {proposal.because}; --likelihood names another")
    elif proposal.likelihood in _OF_RATES and samples.exposure is None:
        notes.append("no exposure: how much was counted in a row is a mode itself; --exposure total takes it out")
    if standardised > above:
        notes.append(
            f"scaled to one variance, features share {standardised} modes above chance: here loud features of their "
            "own stand before them; scale features, or take gaussian-each"
        )
    return tuple(notes)
