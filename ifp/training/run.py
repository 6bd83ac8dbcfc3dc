"""Training runs: open a new one or one to resume, and train it to its end."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.plain_json import json_bytes
from analysis.records import require_settings
from analysis.stage_plan import StagePlan
from annealing.errors import DivergenceError, IFPError
from ifp.datasets.arrays import Data
from ifp.datasets.batches import require_images_fit
from ifp.datasets.dataset import Dataset
from ifp.machine.data_parallel import Workers, from_first, joined
from ifp.machine.device import exact_floats, require_compiler, require_device
from ifp.machine.progress import Progress
from ifp.machine.threads import use_threads
from ifp.models.networks import Network
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import newest_run
from ifp.run_directory.opening import Place, asked_dataset, new_run, require_same, resumed_run, run_dataset
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.checkpoint import STATE_FILE, has_state, initialise_from, write_checkpoint
from ifp.training.config import TrainConfig, recorded_config
from ifp.training.drawing import drawing_of
from ifp.training.events import open_events, require_tensorboard
from ifp.training.learner import Learner, build_learner, networks_for, require_networks
from ifp.training.loop import Course, recorded_steps, timing_bytes
from ifp.training.plan import PLAN_FILE, require_factors, require_fitting, resumed_plan, run_plan
from ifp.training.probe import probe_images
from ifp.training.results import metrics_bytes, write_results
from ifp.training.trial import tried_threads

_HELD = 16  # bytes of a pixel value in a step: images, outputs and the gradients of both, float32


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """An open training run.

    Attributes:
        dataset: what it trains on.
        config: its settings, fully resolved.
        plan: its stages, if it has any.
        run: its directory.
        learner: for a new run; None if a saved state may follow, or if another process has begun the run.
        network: the user's own, where the config says so.
    """

    dataset: Dataset
    config: TrainConfig
    plan: StagePlan | None
    run: RunDirectory
    learner: Learner | None = None
    network: Network | None = None


def open_training_run(
    data: Data | None,
    plan: StagePlan | None,
    given: Mapping[str, Any],
    place: Place,
    *,
    force: bool = False,
    network: Network | None = None,
) -> TrainingRun:
    """Open a new training run, or one to resume.

    Args:
        data: a data set, its name or the path of the user's own; None: the plan's.
        plan: the stages; a run that is resumed uses its own plan.json.
        given: settings of :class:`TrainConfig` by name. If threads are not among them, a short trial on the CPU decides
            between the default number and one.
        place: where the run is, or will be.
        force: use a plan made for other data.
        network: the user's own, if the settings say so.

    Raises:
        IFPError: a setting is out of range, the plan does not fit or is missing, or the directory or its settings do
            not fit.
    """
    if place.resume:
        opened = resumed_run(Kind.TRAINING, TrainConfig, data, given, place, resolved=_as_recorded)
        own = resumed_plan(opened.run, plan)
        config = recorded_config(opened.run).resolved(opened.dataset, own)
        asked = given.get("parameters") or {}
        resolved = replace(config, parameters=asked).resolved(opened.dataset, own).parameters
        require_same(opened.run.path, config.parameters, {name: resolved[name] for name in asked})
        if network is not None:
            require_networks(opened.dataset, config, own, network)
        return TrainingRun(opened.dataset, config, own, opened.run, network=network)
    wanted = "a data set: --dataset NAME, e.g. --dataset dsprites, or a plan"
    dataset = asked_dataset(planned_data(data, given, plan), given, place.data_dir, wanted, rows=True)
    require_settings(TrainConfig, given)
    asked = TrainConfig(**{**given, "dataset": dataset.reference, "data_options": dataset.options})
    require_device(asked.device)
    require_tensorboard(asked.tensorboard)
    if plan is not None and not force:
        require_fitting(plan, dataset, asked.likelihood)
        require_factors(plan, dataset)
    config = asked.resolved(dataset, plan)
    path = place.path(Kind.TRAINING, dataset)
    if config.init_from is not None and Path(config.init_from) == path.resolve():
        raise IFPError(f"need another run to start from than the one to be written, got {path} for both")
    require_compiler(config.compile)
    require_images_fit(dataset, min(config.probe, len(dataset)), "records on the probe set", 4)
    require_images_fit(dataset, config.batch_size, "a step of training", _HELD)
    require_networks(dataset, config, plan, network)
    learner = start_learner(dataset, config, plan, network=network)  # what does not fit is told before writing
    learner.objective.require_model(learner.model)
    if "threads" not in given and (config.device, config.compile, config.processes) == ("cpu", False, 1):
        config = replace(config, threads=tried_threads(learner, dataset, config.loop, config.threads))
    files = {PLAN_FILE: json_bytes(plan)} if plan is not None else {}
    run = new_run(Kind.TRAINING, dataset, config, place, files).run
    return TrainingRun(dataset, config, plan, run, learner, network)


def planned_data(data: Data | None, given: Mapping[str, Any], plan: StagePlan | None) -> Data | None:
    """The data asked for, or those that the plan names; IFPError if the plan names a folder."""
    data = given.get("dataset") if data is None else data
    if data is not None or plan is None:
        return data
    if plan.dataset in (".", ".."):
        raise IFPError(f"need --dataset with a plan for {plan.dataset!r}")
    return plan.dataset


def _as_recorded(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings to compare with a run's config.json: an automatic precision was resolved there, and settings of the
    objective are compared with what the run means by those that it has none of."""
    left_out = ("parameters", *(["precision"] if given.get("precision") == "auto" else []))
    found = {name: value for name, value in given.items() if name not in left_out}
    if "init_from" in found:
        found["init_from"] = str(Path(found["init_from"]).resolve())
    return found


def read_training_run(path: Path, data_dir: Path | None = None, network: Network | None = None) -> TrainingRun:
    """An existing training run, with the user's own network if it was begun with one; nothing in it is changed."""
    run = open_run(path)
    return TrainingRun(run_dataset(run, data_dir), recorded_config(run), run_plan(run), run, network=network)


@contextmanager
def joined_run(
    data: Data | None,
    plan: StagePlan | None,
    given: Mapping[str, Any],
    place: Place,
    *,
    force: bool = False,
    network: Network | None = None,
) -> Iterator[tuple[Workers, TrainingRun]]:
    """:func:`open_training_run` under ``torchrun``: the first process opens the run, the others follow it.

    Raises:
        IFPError: as in that function; also if batches cannot be divided evenly among the processes, or if the run was
            begun with another number of them.
    """
    device = given.get("device", "cpu")
    if place.resume:
        found = open_run(place.out) if place.out else newest_run(place.runs, Kind.TRAINING, finished=False)
        place = replace(place, out=found.path)
        device = recorded_config(found).device
    with joined(require_device(device)) as workers:
        if given.get("processes", workers.count) != workers.count:
            raise IFPError(
                f"need processes to be those that torchrun started, {workers.count}, got {given['processes']}"
            )
        opened = None
        if workers.first:
            known = {**given, "processes": workers.count}
            opened = open_training_run(data, plan, known, place, force=force, network=network)
        path = from_first("" if opened is None else str(opened.run.path), require_device(device))
        # in the others: the run is there now, with the settings and the plan that all share
        yield workers, opened or read_training_run(Path(path), place.data_dir, network)


def start_learner(
    dataset: Dataset,
    config: TrainConfig,
    plan: StagePlan | None,
    *,
    initialise: bool = True,
    network: Network | None = None,
) -> Learner:
    """The learner that the settings describe, before its first step.

    Args:
        initialise: whether to read the parameters of the run that ``init_from`` names; False if a saved state follows.
        network: the user's own, if the config says so.

    Raises:
        IFPError: parameters to start from do not fit.
    """
    learner = build_learner(
        config.objective_for(dataset, plan),
        networks_for(dataset, config, network, begins=initialise),
        dataset.image_shape,
        config.learning_rate,
        device=require_device(config.device),
    )
    if initialise and config.init_from is not None:
        initialise_from(learner.model, config.init_from)
    if config.compile:
        for part in (*learner.model.encoders, learner.model.decoder):
            part.compile(dynamic=False)
    return learner


def train_run(opened: TrainingRun, workers: Workers | None = None) -> Iterator[Progress]:
    """Train from the run's last state, if it has one, to its end, and write its results.

    Torch and BLAS use the config's number of threads meanwhile.

    Raises:
        DivergenceError: the loss is no longer finite.
        RunError: the state to resume from is damaged, or another process is writing to the run.
    """
    workers = workers or Workers()
    dataset, config, run, loop = opened.dataset, opened.config, opened.run, opened.config.loop
    with use_threads(config.threads), exact_floats(), run.writing() if workers.first else nullcontext():
        learner = opened.learner or start_learner(
            dataset, config, opened.plan, initialise=not has_state(run), network=opened.network
        )
        course = Course.restored(run, learner, probe_images(dataset, config.probe, config.seed))
        if not course.trace:
            course.record(learner.objective.at(0), 0, drawing_of(dataset, loop))
            course.losses.close_record()
            if workers.first and config.init_from is not None:  # what it starts from may change or go
                run.write(STATE_FILE, course.state(0))
        events = open_events(run, config.tensorboard and workers.first, course.step)

        def write_metrics() -> None:
            run.write("metrics.csv", metrics_bytes(course.trace, course.losses.records))

        started = time.perf_counter()
        try:
            yield from recorded_steps(
                course,
                dataset,
                loop,
                run,
                workers=workers,
                recorded=lambda: events.add(course.trace[-1], course.losses.means),
                saved=write_metrics,
            )
        except DivergenceError as error:
            advice = f"start again with a lower --learning-rate, perhaps with --init-from {run.path} in another --out"
            raise DivergenceError(f"{error}: {advice}", error.step) from error
        finally:
            events.close()
        if not workers.first:
            return
        taken = config.steps - course.step
        run.write("timing.csv", timing_bytes(taken, time.perf_counter() - started, config.batch_size))
        write_metrics()  # again: the last state may have come without it
        write_results(run, dataset, learner.model, course.trace, course.probe, config)
        write_checkpoint(run, learner, config.network or "", dataset.image_shape, config.steps)
