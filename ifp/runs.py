"""Run directories: plain files written atomically, settings that resume, and how to find a run."""

import dataclasses
import datetime
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.plain_json import json_bytes
from analysis.records import read_value
from annealing.errors import RunError
from ifp.checksums import seal, sealed, write_recorded
from ifp.file_names import file_name
from ifp.run_files import PARTIAL, load_json, require_writable, write_atomically, write_into_folder
from ifp.run_lock import GLANCE, LOCK_FILE, locked
from ifp.run_states import missing, no_run
from ifp.versions import versions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PATIENCE = 10.0  # seconds that who has one file to add to a run waits for another writer

FORMAT = "ifp-run/1"
# the file each kind writes last
FINISHED_BY = {
    "anneal": "freezing.csv",
    "anneal-whole": "freezing.csv",
    "train": "checkpoint.json",
    "compare": "comparison.csv",
}


@dataclasses.dataclass(frozen=True, repr=False)
class Run:
    """A run directory and its config: kind (anneal, anneal-whole, train, compare), created, settings, data.

    Attributes:
        path: the directory.
        config: what its config.json holds.
    """

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

    def to_frame(self) -> "pd.DataFrame":
        """The run's main table: see :func:`ifp.run_results.frame_of`."""
        from ifp.run_results import frame_of

        return frame_of(self)

    def plot(self, what: str | None = None, **style: Any) -> "Figure":
        """A figure of the run, by name or the first of its kind: see :func:`ifp.run_results.figure_of`."""
        from ifp.run_results import figure_of

        return figure_of(self, what, **style)

    def __repr__(self) -> str:
        data, settings = self.config.get("data"), self.config.get("settings")
        name = data.get("name") if isinstance(data, Mapping) else None
        objective = settings.get("objective") if isinstance(settings, Mapping) and self.kind == "train" else None
        said = ", ".join(map(str, filter(None, (self.kind, objective, name and f"on {name}"))))
        return f"Run {str(self.path)!r}: {said}, {'finished' if self.finished else 'unfinished'}"

    @contextmanager
    def writing(self, *, wait: float = GLANCE) -> Iterator[None]:
        """Be the one process that writes to the run: see :func:`ifp.run_lock.locked`.

        Raises:
            RunError: another process writes to it, it cannot be written to, or another run has taken its place.
        """
        with locked(self.path, wait=wait):
            if open_run(self.path).config != self.config:
                raise RunError(f"need the run that was opened in {self.path}, another one has replaced it since")
            for partial in (*self.path.glob(f"{PARTIAL}*"), *self.path.glob(f"*/{PARTIAL}*")):
                if partial.parent == self.path or not (partial.parent / "config.json").is_file():  # no run's in the run
                    shutil.rmtree(partial) if partial.is_dir() else partial.unlink()  # of a writer that was stopped
            self._note_versions()
            yield

    def _note_versions(self) -> None:
        """Keep, beside those it was begun with, the versions of the libraries that an unfinished run goes on with."""
        path, used = self.path / "resumed.json", versions()
        noted = load_json(path) if path.is_file() else []
        if not self.finished and used not in (self.config.get("versions"), *noted):
            warnings.warn(f"{self.path} goes on with other versions than it was begun with", stacklevel=3)
            self.write(path.name, json_bytes([*noted, used]))

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
        """Write one file of the run atomically; its path. Where the run has checksums, they follow."""
        if sealed(self.path):
            write_recorded(self.path, name, data)
        else:
            write_into_folder(self.path / name, data)
        return self.path / name

    def finish(self, data: bytes) -> Path:
        """Write the file that ends a run of this kind, and before it the checksums of all; its path."""
        seal(self.path, FINISHED_BY[self.kind], data)
        return self.path / FINISHED_BY[self.kind]


def open_run(path: Path | str) -> Run:
    """The run in a directory; RunError where there is none."""
    path = Path(path)
    config = load_json(path / "config.json") if (path / "config.json").is_file() else None
    if not isinstance(config, dict) or config.get("format") != FORMAT or config.get("kind") not in list(FINISHED_BY):
        raise RunError(
            f"need a run directory with a config.json of {FORMAT}, got {path}: {no_run(path, config, FORMAT)}"
        )
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
    require_place(path, overwrite=overwrite, files=files)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with locked(path):
            if not _begun(path, files or {}):
                if not overwrite:
                    raise RunError(
                        f"need a new or empty directory for the run, {path} is being written: take another --out"
                    )
                _clear(open_run(path))
            for name, content in (files or {}).items():
                write_atomically(path / name, content)
            write_atomically(path / "config.json", json_bytes({**config, "versions": versions()}))
    except OSError as error:
        raise RunError(f"need a writable place for the run, got: {error}") from error
    return open_run(path)


def require_place(path: Path, *, overwrite: bool = False, files: Mapping[str, bytes] | None = None) -> None:
    """Check, before any work for it, that a run may be made in a directory.

    Raises:
        RunError: something stands there already (see :func:`create_run`), or it cannot be written to.
    """
    try:
        in_use = path.exists() and not (path.is_dir() and _begun(path, files or {}))
        if in_use and not overwrite:
            raise RunError(f"need a new or empty directory for the run, {path} is in use (--resume or --overwrite)")
        if in_use:
            open_run(path)  # nothing but a run is replaced
    except OSError as error:
        raise RunError(f"need a writable place for the run, got: {error}") from error
    require_writable(path)


def _begun(path: Path, files: Mapping[str, bytes]) -> bool:
    """Whether a directory holds nothing, or what a run like this leaves that was stopped before its config.json."""

    def left(each: Path) -> bool:
        if each.name.startswith(PARTIAL) or each.name == LOCK_FILE:
            return True
        return each.name in files and each.is_file() and each.read_bytes() == files[each.name]

    return all(left(each) for each in path.iterdir())


def write_file(path: Path, data: bytes) -> None:
    """Write a file that was asked for, atomically; within a finished run it becomes one of the run's."""
    if sealed(path.parent):
        run = open_run(path.parent)
        with run.writing(wait=PATIENCE):
            run.write(path.name, data)
    else:
        write_atomically(path, data)


def _clear(run: Run) -> None:
    """Delete a run's files, but for the lock; its config.json last, so that a stop in between leaves a run."""
    kept = (LOCK_FILE, "config.json")
    for each in [path for path in run.path.iterdir() if path.name not in kept]:
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    (run.path / "config.json").unlink()


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
    there = list_runs(root)
    runs = [run for run in there if kind in (None, run.kind) and run.finished == finished]
    if not runs:
        raise RunError(f"need a run: {missing(root, kind, there, finished=finished)}")
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
