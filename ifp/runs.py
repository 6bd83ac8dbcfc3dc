"""Run directories: plain files written atomically, settings that resume, and how to find a run."""

import dataclasses
import datetime
import importlib.metadata
import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from analysis.records import read_record, read_value
from annealing.errors import RunError
from ifp.datasets import dataset_reference, load_dataset
from ifp.datasets.dataset import DataOptions, Dataset
from ifp.file_names import file_name
from ifp.run_files import PARTIAL, json_bytes, load_json, write_atomically

T = TypeVar("T")

FORMAT = "ifp-run/1"
# the file each kind writes last
FINISHED_BY = {
    "anneal": "freezing.csv",
    "anneal-whole": "freezing.csv",
    "train": "checkpoint.json",
    "compare": "comparison.csv",
}


def _versions() -> dict[str, str]:
    packages = ("ifp", "torch", "numpy", "scipy", "scikit-learn", "safetensors")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}


@dataclasses.dataclass(frozen=True)
class Run:
    """A run directory and its config: kind (anneal, anneal-whole, train, compare), created, settings, data."""

    path: Path
    config: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """anneal, anneal-whole, train or compare."""
        return str(self.config["kind"])

    @property
    def finished(self) -> bool:
        """Whether the last file of such a run is there."""
        return (self.path / FINISHED_BY[self.kind]).is_file()

    def setting(self, name: str, kind: Any) -> Any:
        """A setting, of a type that :func:`analysis.records.read_record` knows; RunError where there is none such."""
        return self._entry("settings", name, kind)

    def about_data(self, name: str, kind: Any) -> Any:
        """What config.json says of the data: name, fingerprint, image_shape, images, source; RunError as above."""
        return self._entry("data", name, kind)

    def _entry(self, part: str, name: str, kind: Any) -> Any:
        held = self.config.get(part)
        if not isinstance(held, Mapping) or name not in held:
            raise RunError(f"need {part}.{name} in {self.path / 'config.json'}, it is missing")
        return read_value(kind, held[name], f"{part}.{name} in {self.path / 'config.json'}", RunError)

    def write(self, name: str, data: bytes) -> Path:
        """Write one file of the run atomically; its path."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, data)
        return path


def open_run(path: Path) -> Run:
    """The run in a directory; RunError where there is none."""
    config = load_json(path / "config.json") if (path / "config.json").is_file() else None
    if not isinstance(config, dict) or config.get("format") != FORMAT or config.get("kind") not in list(FINISHED_BY):
        raise RunError(f"need a run directory with a config.json of {FORMAT}, got {path}")
    return Run(path, config)


def create_run(
    path: Path,
    kind: str,
    settings: object,
    data: Mapping[str, Any],
    *,
    overwrite: bool = False,
    files: Mapping[str, bytes] | None = None,
) -> Run:
    """Make a run directory with its config.json and, written before that, the files that belong to the settings.

    Raises:
        RunError: something stands there already (only a run may be replaced, and only with ``overwrite``).
    """
    created = datetime.datetime.now(datetime.UTC).isoformat()
    config = {"format": FORMAT, "kind": kind, "created": created, "settings": settings, "data": data}
    try:
        if path.exists() and (not path.is_dir() or not all(_begun(each, files or {}) for each in path.iterdir())):
            if not overwrite:
                raise RunError(f"need a new or empty directory for the run, {path} is in use (--resume or --overwrite)")
            shutil.rmtree(open_run(path).path)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"need a writable place for the run, got: {error}") from error
    for name, content in (files or {}).items():
        write_atomically(path / name, content)
    write_atomically(path / "config.json", json_bytes({**config, "versions": _versions()}))
    return open_run(path)


def _begun(path: Path, files: Mapping[str, bytes]) -> bool:
    """Whether a file is what a run like this one leaves that was stopped before it had its config.json."""
    if path.name.startswith(PARTIAL):
        return True
    return path.name in files and path.is_file() and path.read_bytes() == files[path.name]


def resume_run(run: Run, kind: str, given: Mapping[str, object]) -> None:
    """Check that a run may go on with the settings given, and clear away what was being written when it stopped.

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
    for partial in run.path.rglob(f"{PARTIAL}*"):
        partial.unlink(missing_ok=True)


def reopen_run(
    kind: str, settings: type[T], given: Mapping[str, object], out: Path | None, root: Path, data_dir: Path | None
) -> tuple[Dataset, T, Run]:
    """The run to go on with, its data set and settings: the run in ``out``, or the newest unfinished one.

    Raises:
        RunError: no such run, another kind, other settings (see :func:`resume_run`), damaged ones or other data.
    """
    run = open_run(out) if out is not None else newest_run(root, kind, finished=False)
    if "dataset" in given:
        given = {**given, "dataset": dataset_reference(str(given["dataset"]))}
    resume_run(run, kind, given)
    made = read_record(settings, run.config.get("settings"), f"settings of {run.path}", RunError)
    return run_dataset(run, data_dir), made, run


def run_dataset(run: Run, data_dir: Path | None = None) -> Dataset:
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


def require_same_data(run: Run, dataset: Dataset) -> None:
    """RunError where the data set at hand is not the one that the run was made with."""
    before = run.about_data("fingerprint", str)
    if dataset.fingerprint != before:
        raise RunError(
            f"need the data that {run.path} was made with ({run.about_data('source', str)}, fingerprint {before}), "
            f"got {dataset.source}, fingerprint {dataset.fingerprint}"
        )


def list_runs(root: Path) -> list[Run]:
    """Runs directly under ``root``, oldest first by their time of creation."""
    found = []
    for config in sorted(root.glob("*/config.json")):
        try:
            found.append(open_run(config.parent))
        except RunError:
            continue  # not one of ours
    return sorted(found, key=lambda run: str(run.config.get("created", "")))


def newest_run(root: Path, kind: str | None, *, finished: bool = True) -> Run:
    """The newest finished (or unfinished) run of a kind, or of any, under ``root``; RunError where there is none."""
    runs = [run for run in list_runs(root) if kind in (None, run.kind) and run.finished == finished]
    if not runs:
        word = "finished" if finished else "unfinished"
        of_kind = "" if kind is None else f" of kind {kind}"
        raise RunError(f"need a run: there is no {word} run{of_kind} under {root}/")
    return runs[-1]


def new_run_path(root: Path, kind: str, dataset: str) -> Path:
    """A fresh directory name under ``root``: kind, data set and the time."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    path = root / f"{kind}-{file_name(dataset)}-{stamp}"
    count = 2
    while path.exists():
        path = root / f"{kind}-{file_name(dataset)}-{stamp}-{count}"
        count += 1
    return path
