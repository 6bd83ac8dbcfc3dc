"""Whole-data annealing: one network with many latents sees the whole data set while the pressure moves."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from analysis.records import require_settings
from annealing.choices import OWN
from annealing.errors import IFPError
from annealing.likelihoods.likelihood import RowLikelihood
from ifp.closed_form.factors import require_images
from ifp.datasets.arrays import Data
from ifp.datasets.dataset import Dataset
from ifp.datasets.row_dataset import is_rows
from ifp.machine.device import exact_floats, require_device
from ifp.machine.precision import resolved_precision
from ifp.machine.progress import UNWATCHED, Progress, Watch
from ifp.machine.threads import use_threads
from ifp.models.networks import ROWS_NETWORK, Network, convolutional, dense, network_named
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import newest_run
from ifp.run_directory.opening import OpenRun, Place, asked_dataset, new_run, resumed_run
from ifp.run_directory.run import open_run, require_place
from ifp.training.checkpoint import has_state
from ifp.training.drawing import drawing_of
from ifp.training.learner import Learner, around_rows, build_learner, require_own
from ifp.training.loop import Course, recorded_steps, timing_bytes
from ifp.training.loop_config import LoopConfig
from ifp.training.probe import probe_images
from ifp.training.trial import tried_threads
from ifp.whole_annealing.config import WholeConfig, phases, swept_range
from ifp.whole_annealing.predictions import with_predictions
from ifp.whole_annealing.results import write_whole_results


@dataclass(frozen=True)
class Own:
    """What a run has of the user's own, and its settings only name.

    Attributes:
        network: its encoder and decoder.
        likelihood: of rows.
    """

    network: Network | None = None
    likelihood: RowLikelihood | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What a run records of them."""
        found: dict[str, Any] = {} if self.network is None else {"network": OWN}
        if self.likelihood is None:
            return found
        own = self.likelihood
        told = {"name": own.name, "parameters": ", ".join(own.parameters), "learned": ", ".join(own.learned)}
        return {**found, "likelihood": OWN, "likelihood_settings": told}

    def loop(self, config: WholeConfig) -> LoopConfig:
        """What the training loop is told."""
        return replace(config.loop, own_likelihood=self.likelihood)


def open_whole_run(
    data: Data | None,
    given: Mapping[str, Any],
    place: Place,
    watch: Watch = UNWATCHED,
    jobs: int | None = None,
    own: Own = Own(),
) -> OpenRun[WholeConfig]:
    """A new run, or one that goes on.

    Args:
        data: a data set, its name or the path of the user's own; with ``place.resume`` it may be left out.
        given: settings by name, of :class:`WholeConfig`, and ``steps`` (:func:`ifp.whole_annealing.config.phases`);
            what closed forms predict is computed first, unless given
            (:func:`ifp.whole_annealing.predictions.with_predictions`).
        place: where the run stands, or is to stand.
        watch: follows what is computed first.
        jobs: processes that compute it side by side.
        own: the user's network and likelihood, if any.

    Raises:
        IFPError: a setting is out of range, the data set is unknown, the directory is in use, or a resumed run
            has other settings or data.
    """
    given = {**given, **own.settings}
    if place.resume:
        asked_of = partial(_asked, place=place)
        resumed = resumed_run(Kind.WHOLE_ANNEALING, WholeConfig, data, given, place, resolved=asked_of)
        if not resumed.run.finished:
            require_networks(resumed.dataset, resumed.config, own)
        return resumed
    given = phases(given)
    if place.out is not None:  # what is computed first takes its time
        require_place(place.out, overwrite=place.overwrite)
    dataset = asked_dataset(
        data, given, place.data_dir, "a data set: --dataset NAME, e.g. --dataset dsprites", rows=True
    )
    require_images(dataset)
    if is_rows(dataset):
        given = {"network": ROWS_NETWORK, **given}
    require_settings(WholeConfig, given)
    opened = {"dataset": dataset.reference, "data_options": dataset.options}
    asked = {**given, **opened}
    checked = WholeConfig(**{"pressures": swept_range({}), **asked})  # what does not fit is told before the predictions
    require_networks(dataset, checked, own)
    known = with_predictions(dataset, asked, drawing_of(dataset, own.loop(checked)), watch, jobs)
    config = WholeConfig(**{"pressures": swept_range(known.get("predicted", {})), **known})
    if dataset.factors is not None and not is_rows(dataset):
        for name in config.predicted:
            dataset.factors.position(name)
    config = replace(config, precision=resolved_precision(config.precision, require_device(config.device)))
    if "threads" not in given and config.device == "cpu":
        learner = start_annealing(dataset, config, own)
        config = replace(config, threads=tried_threads(learner, dataset, own.loop(config), config.threads))
    return new_run(Kind.WHOLE_ANNEALING, dataset, config, place)


def _asked(given: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """Settings that a run to go on with is asked to have.

    Its own protocol, which a run of before does not name, says which ``steps`` are meant.
    """
    if not {"steps", "protocol"} & set(given):
        return given
    run = open_run(place.out) if place.out else newest_run(place.runs, Kind.WHOLE_ANNEALING, finished=False)
    asked, config = dict(given), run.settings(WholeConfig)
    if asked.get("protocol") == config.protocol:
        del asked["protocol"]
    if "steps" in asked:
        asked["heat_steps" if config.heats else "cool_steps"] = asked.pop("steps")
    return asked


def require_networks(dataset: Dataset, config: WholeConfig, own: Own = Own()) -> None:
    """IFPError where the network that the settings name is none for the data, or the user's own does not fit."""
    if own.network is None:
        if config.network == OWN:
            network_named(OWN)
        if is_rows(dataset) and config.network != ROWS_NETWORK:
            raise IFPError(f"need the network {ROWS_NETWORK} for rows, or your own (ifp.Network), got {config.network}")
        drawing_of(dataset, own.loop(config))  # a likelihood that is none of theirs
        return
    groups = config.objective_for(dataset).groups
    require_own(own.network, dataset, own.loop(config), groups, device=require_device(config.device))


def start_annealing(dataset: Dataset, config: WholeConfig, own: Own = Own(), *, begins: bool = True) -> Learner:
    """One encoder for all latents and a decoder of the same size, initialised from the seed alone.

    Args:
        begins: whether no state follows.

    Raises:
        DataError: rows that the likelihood cannot draw.
    """
    return build_learner(
        config.objective_for(dataset),
        around_rows(own.network or _NAMED[config.network](config), dataset, own.loop(config), begins=begins),
        dataset.image_shape,
        config.learning_rate,
        device=require_device(config.device),
    )


_NAMED: Mapping[str, Callable[[WholeConfig], Network]] = {
    "conv": lambda config: convolutional(config.channels, config.hidden),
    "dense": lambda config: dense(config.hidden),
    OWN: lambda config: network_named(OWN),
}


def whole_annealing(opened: OpenRun[WholeConfig], own: Own = Own()) -> Iterator[Progress]:
    """Learn, heat and cool, or hold and cool, from the run's last state, if it has one, to the end; write the results.

    An interrupted run goes on to the same bytes. Cooling lags: freezing points are lower bounds, slower cooling raises
    them; heating lags little (see the protocol's name in freezing.csv). Torch and BLAS use the config's threads
    while it goes on.

    Raises:
        IFPError: the loss is no longer finite.
    """
    dataset, config, run, loop = opened.dataset, opened.config, opened.run, own.loop(opened.config)
    with use_threads(config.threads), exact_floats(), run.writing():
        learner = start_annealing(dataset, config, own, begins=not has_state(run))
        course = Course.restored(run, learner, probe_images(dataset, config.probe, config.seed))
        started = time.perf_counter()
        yield from recorded_steps(course, dataset, loop, run)
        taken = config.steps - course.step
        run.write("timing.csv", timing_bytes(taken, time.perf_counter() - started, config.batch_size))
        write_whole_results(opened, course, drawing_of(dataset, loop))
