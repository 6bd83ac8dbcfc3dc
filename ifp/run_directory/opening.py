"""Runs opened, new ones or to go on with: each with its own settings and its own data, or not at all."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from analysis.plain_json import json_bytes
from annealing.errors import IFPError, RunError
from ifp.datasets import dataset_reference, recorded_options
from ifp.datasets.arrays import Data, given_dataset
from ifp.datasets.dataset import Dataset, describe
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.listing import new_run_path, newest_run
from ifp.run_directory.lock import require_free
from ifp.run_directory.run import RunDirectory, create_run, open_run

C = TypeVar("C")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run stands, or is to stand.

    Attributes:
        out: its directory; else a new one under ``runs`` or, with ``resume``, the newest unfinished one.
        runs: where runs are kept and looked for.
        data_dir: folder of the data set's public files.
        resume: go on with the run that is there, to the same bytes as without the stop.
        overwrite: replace it.
    """

    out: Path | None = None
    runs: Path = RUNS
    data_dir: Path | None = None
    resume: bool = False
    overwrite: bool = False

    @classmethod
    def of(
        cls, out: str | Path | None, runs: str | Path, data_dir: str | Path | None, *, resume: bool, overwrite: bool
    ) -> "Place":
        """The place that a function was told, folders by name or path."""
        return cls(
            out=None if out is None else Path(os.path.expanduser(out)),
            runs=Path(os.path.expanduser(runs)),
            data_dir=None if data_dir is None else Path(os.path.expanduser(data_dir)),
            resume=resume,
            overwrite=overwrite,
        )

    def path(self, kind: Kind, dataset: Dataset) -> Path:
        """The directory of a new run."""
        return self.out if self.out is not None else new_run_path(self.runs, kind, dataset.name)


@dataclass(frozen=True)
class OpenRun(Generic[C]):
    """A run that is open: its data set, its settings and its directory."""

    dataset: Dataset
    config: C
    run: RunDirectory


def asked_dataset(
    data: Data | None, given: Mapping[str, Any], data_dir: Path | None, wanted: str, *, rows: bool = False
) -> Dataset:
    """The data set, or that of the settings, opened where it is a name; IFPError, with what is wanted, without one.

    Of rows of any data, too, where ``rows`` says so.
    """
    data = given.get("dataset") if data is None else data
    if data is None:
        raise IFPError(f"need {wanted}")
    return given_dataset(data, data_dir, rows=rows, **_options(given))


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    options = given.get("data_options", {})
    return dataclasses.asdict(options) if dataclasses.is_dataclass(options) else dict(options)  # type: ignore[arg-type]


def new_run(
    kind: Kind, dataset: Dataset, config: C, place: Place, files: Mapping[str, bytes] | None = None
) -> OpenRun[C]:
    """A new run on a data set; RunError where its directory is in use."""
    path = place.path(kind, dataset)
    run = create_run(path, kind, config, describe(dataset), overwrite=place.overwrite, files=files)
    return OpenRun(dataset, config, run)


def resumed_run(
    kind: Kind,
    settings: type[C],
    data: Data | None,
    given: Mapping[str, Any],
    place: Place,
    *,
    resolved: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> OpenRun[C]:
    """The run to go on with, its data set and settings: the one in ``place.out``, or the newest unfinished one.

    Args:
        kind, settings: of the run.
        data: the data set that is asked for, if any: open, or its name or path.
        given: settings that are asked for; they must be the run's own.
        resolved: those settings as a run records them.

    Raises:
        RunError: no such run, another kind, other settings, damaged ones, other data, or a run that is being written.
    """
    run = open_run(place.out) if place.out is not None else newest_run(place.runs, kind, finished=False)
    asked = dict(resolved(given))
    named = given.get("dataset") if data is None else data
    if isinstance(named, (str, Path)):
        asked["dataset"] = dataset_reference(str(named))
    if options := _options(asked):
        asked["data_options"] = {name: getattr(recorded_options(options), name) for name in options}
    require_same_settings(run, kind, asked)
    if not run.finished:
        require_free(run.path)  # another process may be at it, which is told before any work
    config = run.settings(settings)
    if data is None or isinstance(data, (str, Path)):
        return OpenRun(run_dataset(run, place.data_dir), config, run)
    dataset = given_dataset(data, rows=True, **dataclasses.asdict(run.origin.data_options))
    require_same_data(run, dataset)
    return OpenRun(dataset, config, run)


def require_same_settings(run: RunDirectory, kind: Kind, given: Mapping[str, object]) -> None:
    """RunError where a run is of another kind, or a setting given differs from the run's."""
    if run.kind != kind:
        raise RunError(f"need a run of kind {kind} to resume, {run.path} is of kind {run.kind}")
    settings = run.config.get("settings")
    if not isinstance(settings, Mapping):
        raise RunError(f"need the settings of the run in {run.path / 'config.json'}, they are missing")
    require_same(run.path, settings, given)


def require_same(path: Path, there: Mapping[str, Any], here: Mapping[str, object]) -> None:
    """RunError where a value given differs from the one of that name that the run in ``path`` has."""
    changed = list(_differences(there, json.loads(json_bytes(here))))
    if changed:
        raise RunError(f"need the run's own settings to resume {path}: {'; '.join(changed)}")


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    for name, value in here.items():
        if isinstance(value, Mapping) and isinstance(there.get(name), Mapping):
            yield from _differences(there[name], value)
        elif there.get(name) != value:
            yield f"{name} is {there.get(name)!r} there and {value!r} here"


def run_dataset(run: RunDirectory, data_dir: Path | None = None) -> Dataset:
    """The data set that a run was made with; RunError where the one at hand is another."""
    origin, rows = run.origin, run.data.rows is not None
    dataset = given_dataset(origin.dataset, data_dir, rows=rows, **dataclasses.asdict(origin.data_options))
    require_same_data(run, dataset)
    return dataset


def require_same_data(run: RunDirectory, dataset: Dataset) -> None:
    """RunError where the data set at hand is not the one that the run was made with."""
    before = run.data
    if dataset.fingerprint != before.fingerprint:
        raise RunError(
            f"need the data that {run.path} was made with ({before.source}, fingerprint {before.fingerprint}), "
            f"got {dataset.source}, fingerprint {dataset.fingerprint}"
        )
