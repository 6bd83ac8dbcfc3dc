"""Going on with a run: with its own settings and its own data, or not at all."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from analysis.plain_json import json_bytes
from analysis.records import read_record
from annealing.errors import IFPError, RunError
from ifp.datasets import dataset_reference, load_dataset
from ifp.datasets.dataset import DataOptions, Dataset
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import newest_run
from ifp.run_directory.run import RunDirectory, open_run

T = TypeVar("T")


def resume_run(run: RunDirectory, kind: Kind, given: Mapping[str, object]) -> None:
    """Check that a run may go on with the settings given.

    Raises:
        RunError: the run is of another kind, or a setting given differs from the run's.
    """
    if run.kind != kind:
        raise RunError(f"need a run of kind {kind} to resume, {run.path} is of kind {run.kind}")
    settings = run.config.get("settings")
    if not isinstance(settings, Mapping):
        raise RunError(f"need the settings of the run in {run.path / 'config.json'}, they are missing")
    changed = list(_differences(settings, json.loads(json_bytes(given))))
    if changed:
        raise RunError(f"need the run's own settings to resume {run.path}: {'; '.join(changed)}")


def reopen_run(
    kind: Kind, settings: type[T], given: Mapping[str, object], out: Path | None, root: Path, data_dir: Path | None
) -> tuple[Dataset, T, RunDirectory]:
    """The run to go on with, its data set and settings: the run in ``out``, or the newest unfinished one.

    Raises:
        RunError: no such run, another kind, other settings (see :func:`resume_run`), damaged ones or other data.
    """
    run = open_run(out) if out is not None else newest_run(root, kind, finished=False)
    if "dataset" in given:
        given = {**given, "dataset": dataset_reference(str(given["dataset"]))}
    resume_run(run, kind, given)
    with run.writing():  # another process may be at it, which is told before any work
        pass
    made = read_record(settings, run.config.get("settings"), f"settings of {run.path}", RunError)
    return run_dataset(run, data_dir), made, run


def continued_run(
    kind: Kind, settings: type[T], given: Mapping[str, object], dataset: Dataset, path: Path | None
) -> tuple[RunDirectory, T]:
    """The run in ``path`` and its settings, to go on with on a data set that is open already.

    Raises:
        IFPError: no path.
        RunError: no run there, another kind, other settings (see :func:`resume_run`), damaged ones or other data.
    """
    if path is None:
        raise IFPError("need out, the run's directory, to resume it")
    run = open_run(path)
    resume_run(run, kind, given)
    require_same_data(run, dataset)
    return run, read_record(settings, run.config.get("settings"), f"settings of {path}", RunError)


def run_dataset(run: RunDirectory, data_dir: Path | None = None) -> Dataset:
    """The data set that a run was made with; RunError where the one at hand is another."""
    options = run.setting("data_options", DataOptions)
    dataset = load_dataset(run.setting("dataset", str), data_dir, **dataclasses.asdict(options))
    require_same_data(run, dataset)
    return dataset


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    for name, value in here.items():
        if isinstance(value, Mapping) and isinstance(there.get(name), Mapping):
            yield from _differences(there[name], value)
        elif there.get(name) != value:
            yield f"{name} is {there.get(name)!r} there and {value!r} here"


def require_same_data(run: RunDirectory, dataset: Dataset) -> None:
    """RunError where the data set at hand is not the one that the run was made with."""
    before = run.about_data("fingerprint", str)
    if dataset.fingerprint != before:
        raise RunError(
            f"need the data that {run.path} was made with ({run.about_data('source', str)}, fingerprint {before}), "
            f"got {dataset.source}, fingerprint {dataset.fingerprint}"
        )
