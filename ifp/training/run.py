"""Training runs opened, new or to go on with, and training from Python."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analysis.plain_json import json_bytes
from analysis.records import read_record, require_settings
from analysis.stage_plan import StagePlan
from annealing.errors import IFPError, RunError
from ifp.datasets import load_dataset
from ifp.datasets.dataset import Dataset, describe
from ifp.machine.data_parallel import Workers, from_first, joined
from ifp.machine.device import require_compiler, require_device
from ifp.models.networks import Network, require_network
from ifp.objectives import default_parameters
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import new_run_path, newest_run
from ifp.run_directory.resume import reopen_run, run_dataset
from ifp.run_directory.run import RunDirectory, create_run, open_run
from ifp.training.config import TrainConfig
from ifp.training.events import require_tensorboard
from ifp.training.loop import start_learner
from ifp.training.plan import read_plan, require_fitting

PLAN_FILE = "plan.json"


def run_plan(run: RunDirectory) -> StagePlan | None:
    """The plan that a run was trained by; None where it had none."""
    path = run.path / PLAN_FILE
    return read_plan(str(path)) if path.is_file() else None


def resumed_plan(run: RunDirectory, plan: StagePlan | None) -> StagePlan | None:
    """The plan of a run that goes on; RunError where another one is given."""
    own = run_plan(run)
    if plan is not None and plan != own:
        raise RunError(f"need the run's own plan to resume {run.path}, got another one: leave --plan out")
    return own


def asked_dataset(given: Mapping[str, Any], plan: StagePlan | None, data_dir: Path | None, wanted: str) -> Dataset:
    """The data set of the settings given, else the plan's; IFPError, with what is wanted, where neither names one."""
    name = given.get("dataset", plan.dataset if plan is not None else None)
    if name is None:
        raise IFPError(f"need {wanted}")
    if "dataset" not in given and name in (".", ".."):  # a plan names a data set, it does not choose a folder
        raise IFPError(f"need --dataset with a plan for {name!r}")
    return load_dataset(name, data_dir, **given.get("data_options", {}))


Opened = tuple[Dataset, TrainConfig, StagePlan | None, RunDirectory]


def read_training_run(path: Path, data_dir: Path | None = None) -> Opened:
    """Data set, config, plan and directory of a training run that is there; nothing of it is changed."""
    run = open_run(path)
    config = read_record(TrainConfig, run.config["settings"], f"settings of {path}", RunError)
    return run_dataset(run, data_dir), config, run_plan(run), run


def open_training_run(
    given: Mapping[str, Any],
    plan: StagePlan | None,
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    force: bool = False,
) -> Opened:
    """Data set, config, plan and directory of a new training run, or of one that goes on.

    Args:
        given: settings by name, of :class:`TrainConfig`.
        plan: the stages; with ``resume`` the run's own plan.json is used.
        out: the run's directory; else a new one under ``runs`` or, with ``resume``, the newest unfinished one.
        force: use a plan made for other data.

    Raises:
        IFPError: a setting is out of range, the plan does not fit or is missing, or the directory or its settings do
            not fit.
    """
    if resume:
        dataset, config, run = reopen_run(Kind.TRAINING, TrainConfig, as_recorded(given), out, runs, data_dir)
        if run.finished:
            raise RunError(
                f"need an unfinished run to resume, {run.path} is finished: look at it with `ifp diagnose {run.path}`"
            )
        return dataset, config, resumed_plan(run, plan), run
    dataset = asked_dataset(given, plan, data_dir, "a data set: --dataset NAME, e.g. --dataset dsprites, or a plan")
    require_settings(TrainConfig, given)
    config = TrainConfig(**{**given, "dataset": dataset.reference, "data_options": dataset.options})
    config, run = new_training_run(dataset, config, plan, out, runs, overwrite=overwrite, force=force)
    return dataset, config, plan, run


def as_recorded(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings to compare with a run's: what only says that its default is wanted was resolved there."""
    found = {name: value for name, value in given.items() if (name, value) != ("precision", "auto")}
    if "init_from" in found:
        found["init_from"] = str(Path(found["init_from"]).resolve())
    if "parameters" in found and "objective" in found:
        defaults = default_parameters(found["objective"])
        found["parameters"] = {name: each for name, each in found["parameters"].items() if each != defaults.get(name)}
    return found


@contextmanager
def joined_run(given: Mapping[str, Any], plan: StagePlan | None, **where: Any) -> Iterator[tuple[Workers, Opened]]:
    """:func:`open_training_run` where several processes may train together: the first makes or finds the run.

    Raises:
        IFPError: as there; or batches that cannot be divided evenly among the processes, or other processes than the
            run was begun with.
    """
    known = given
    if where.get("resume"):
        out = where.get("out")
        run = open_run(out) if out is not None else newest_run(where["runs"], Kind.TRAINING, finished=False)
        known = run.config["settings"]
    device = require_device(known.get("device", "cpu"))
    with joined(device) as workers:
        if workers.first:
            opened = open_training_run({**given, "processes": workers.count}, plan, **where)
        path = from_first(str(opened[-1].path) if workers.first else "", device)
        if not workers.first:  # the run is there now, with the settings and the plan that all share
            opened = read_training_run(Path(path), where.get("data_dir"))
        yield workers, opened


def new_training_run(
    dataset: Dataset,
    config: TrainConfig,
    plan: StagePlan | None,
    out: Path | None,
    runs: Path,
    *,
    overwrite: bool = False,
    force: bool = False,
    network: Network | None = None,
) -> tuple[TrainConfig, RunDirectory]:
    """The config with nothing left open, and a run directory with it and the plan, once everything has been checked."""
    require_device(config.device)
    require_tensorboard(config.tensorboard)
    if plan is not None and not force:
        require_fitting(plan, dataset, config.likelihood)
    config = config.resolved(dataset, plan)
    path = out if out is not None else new_run_path(runs, Kind.TRAINING, dataset.name)
    if config.init_from is not None and Path(config.init_from) == path.resolve():
        raise IFPError(f"need another run to start from than the one to be written, got {path} for both")
    require_compiler(config.compile)
    if network is not None:
        require_network(network, dataset.image_shape, config.latents or 1)
    start_learner(dataset, config, plan, network=network)  # what does not fit is told before anything is written
    files = {PLAN_FILE: json_bytes(plan)} if plan is not None else {}
    run = create_run(path, Kind.TRAINING, config, describe(dataset), overwrite=overwrite, files=files)
    return config, run
