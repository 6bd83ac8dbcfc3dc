"""Whole-data annealing: one network with many latents sees the whole data set while the pressure falls once."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.records import require_settings
from annealing.errors import IFPError
from annealing.likelihood import likelihood_named
from ifp.closed_form.factors import require_images
from ifp.datasets import load_dataset
from ifp.datasets.dataset import Dataset, describe
from ifp.files.plain import csv_bytes
from ifp.machine.device import require_device
from ifp.machine.memory import keep_freed_memory
from ifp.machine.precision import resolved_precision
from ifp.machine.progress import Progress
from ifp.machine.threads import use_threads
from ifp.models.networks import convolutional
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import new_run_path
from ifp.run_directory.resume import continued_run, reopen_run
from ifp.run_directory.run import RunDirectory, create_run
from ifp.training.checkpoint import STATE_FILE, restore, state_bytes
from ifp.training.learner import Learner, build_learner
from ifp.training.loop import train_steps
from ifp.training.loss_log import Losses
from ifp.training.probe import evaluate, probe_images
from ifp.whole_annealing.config import WholeConfig, swept_range
from ifp.whole_annealing.results import write_whole_results


def start_cooling(dataset: Dataset, config: WholeConfig) -> Learner:
    """One encoder for all latents and a decoder of the same size, initialised from the seed alone."""
    return build_learner(
        config.objective_for(dataset),
        convolutional(config.channels, config.hidden),
        dataset.image_shape,
        config.learning_rate,
        device=require_device(config.device),
        channels_last=config.training().channels_last,
    )


def whole_annealing(dataset: Dataset, config: WholeConfig, run: RunDirectory) -> Iterator[Progress]:
    """Hold and cool from the run's last state, if it has one, to the end, and write the results.

    An interrupted run goes on to the same bytes. Cooling lags: the freezing points read are lower bounds (see the
    protocol's name in freezing.csv), slower cooling raises them.

    Raises:
        IFPError: the loss is no longer finite.
    """
    use_threads(config.threads)
    keep_freed_memory()
    training, likelihood, losses = config.training(), likelihood_named(config.likelihood), Losses()
    with run.writing():
        learner = start_cooling(dataset, config)
        probe = probe_images(dataset, config.probe, config.seed)
        step, trace = restore(run, learner, losses)
        started, first = time.perf_counter(), step
        for record in train_steps(learner, dataset, training, step):
            step = record.step
            if step % config.record_every == 0 or step in (config.hold_steps, config.steps):
                trace.append(evaluate(learner.model, probe, record.control, step, likelihood))
            if step % config.checkpoint_every == 0 or step == config.steps:
                run.write(STATE_FILE, state_bytes(learner, step, trace, losses))
            yield Progress(step, config.steps, f"beta {record.control.pressure:.4g}, loss {record.loss:.1f}")
        seconds = time.perf_counter() - started
        timing = {
            "steps": step - first,
            "seconds": seconds,
            "milliseconds_per_step": 1e3 * seconds / max(step - first, 1),
        }
        run.write("timing.csv", csv_bytes(tuple(timing), [timing]))
        write_whole_results(run, dataset, learner.model, trace, probe)


def open_whole_run(
    given: Mapping[str, Any],
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> tuple[Dataset, WholeConfig, RunDirectory]:
    """Data set, config and directory of a new run, or of one that goes on.

    Args:
        given: settings by name, of :class:`WholeConfig`; without ``pressures`` those of :func:`swept_range`.
        out: the run's directory; else a new one under ``runs`` or, with ``resume``, the newest unfinished one.
        data_dir: folder of the data set's public files.

    Raises:
        IFPError: a setting is out of range, the data set is unknown, the directory is in use, or a resumed run
            has other settings or data.
    """
    if resume:
        return reopen_run(Kind.WHOLE_ANNEALING, WholeConfig, given, out, runs, data_dir)
    if "dataset" not in given:
        raise IFPError("need a data set: --dataset NAME, e.g. --dataset dsprites")
    dataset = load_dataset(given["dataset"], data_dir, **given.get("data_options", {}))
    return dataset, *_new_run(dataset, given, out, runs, overwrite=overwrite)


def _new_run(
    dataset: Dataset, given: Mapping[str, Any], out: Path | None, runs: Path, *, overwrite: bool = False
) -> tuple[WholeConfig, RunDirectory]:
    require_images(dataset)
    require_settings(WholeConfig, given)
    opened = {"dataset": dataset.reference, "data_options": dataset.options}
    config = WholeConfig(**{"pressures": swept_range(given.get("predicted", {})), **given, **opened})
    if dataset.factors is not None:
        for name in config.predicted:
            dataset.factors.position(name)
    config = replace(config, precision=resolved_precision(config.precision, require_device(config.device)))
    path = out if out is not None else new_run_path(runs, Kind.WHOLE_ANNEALING, dataset.name)
    return config, create_run(path, Kind.WHOLE_ANNEALING, config, describe(dataset), overwrite=overwrite)


def anneal_whole(
    dataset: Dataset, *, out: Path | None = None, resume: bool = False, overwrite: bool = False, **settings: Any
) -> RunDirectory:
    """Cool one network on the whole data set and return the run: mode ``full`` of :func:`ifp.anneal`."""
    if resume:
        run, config = continued_run(Kind.WHOLE_ANNEALING, WholeConfig, settings, dataset, out)
        if run.finished:
            return run
    else:
        config, run = _new_run(dataset, settings, out, Path("runs"), overwrite=overwrite)
    for _ in whole_annealing(dataset, config, run):
        pass
    return run
