"""Run directories: plain files written atomically, and the config.json that says how they came about."""

import dataclasses
import datetime
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from analysis.plain_json import json_bytes, shown
from analysis.records import read_record
from annealing.errors import RunError
from ifp.datasets.dataset import DataDescription, DataOptions
from ifp.files.atomic import PARTIAL, require_writable, write_atomically, write_into_folder
from ifp.files.plain import load_json
from ifp.machine.versions import versions
from ifp.run_directory.checksums import seal, sealed, write_recorded
from ifp.run_directory.contents import require_own
from ifp.run_directory.kinds import Kind
from ifp.run_directory.lock import GLANCE, LOCK_FILE, locked

PATIENCE = 10.0  # seconds to wait for another writer when adding one file

FORMAT = "ifp-run/1"

C = TypeVar("C")


@dataclasses.dataclass(frozen=True)
class Origin:
    """Settings that a run of every kind has: what its data set is opened with, and its seed."""

    dataset: str
    data_options: DataOptions
    seed: int


@dataclasses.dataclass(frozen=True, repr=False)
class RunDirectory:
    """A run directory and its config: kind, created, settings, data.

    What knows of tables and figures is :class:`ifp.Run`, above.

    Attributes:
        path: the directory.
        config: what its config.json holds.
    """

    path: Path
    config: Mapping[str, Any]

    @property
    def kind(self) -> Kind:
        """What kind of run it is: a string, anneal, anneal-whole, train, watch or compare."""
        return Kind(self.config["kind"])  # type: ignore[call-arg]  # looks the member up

    @property
    def finished(self) -> bool:
        """Whether the last file of such a run is there."""
        return (self.path / self.kind.last_file).is_file()

    def __repr__(self) -> str:
        data, settings = self.config.get("data"), self.config.get("settings")
        name = data.get("name") if isinstance(data, Mapping) else None
        objective = settings.get("objective") if isinstance(settings, Mapping) and self.kind == Kind.TRAINING else None
        said = ", ".join(map(str, filter(None, (self.kind, objective, name and f"on {name}"))))
        return f"{type(self).__name__} {str(self.path)!r}: {said}, {'finished' if self.finished else 'unfinished'}"

    @contextmanager
    def writing(self, *, wait: float = GLANCE) -> Iterator[None]:
        """Be the one process that writes to the run: see :func:`ifp.run_directory.lock.locked`.

        Raises:
            RunError: another process writes to it, it cannot be written to, or another run has taken its place.
        """
        with locked(self.path, wait=wait):
            if open_run(self.path).config != self.config:
                raise RunError(f"need the run that was opened in {self.path}, another one has replaced it since")
            for partial in (*self.path.glob(f"{PARTIAL}*"), *self.path.glob(f"*/{PARTIAL}*")):
                if partial.parent == self.path or not (partial.parent / "config.json").is_file():  # no run's in the run
                    shutil.rmtree(partial) if partial.is_dir() else partial.unlink()  # of a writer that was stopped
            if not self.finished:
                self.note_versions()
            yield

    def note_versions(self) -> None:
        """Keep, beside those it was begun with, the versions of the libraries that a run goes on with."""
        path, used = self.path / "resumed.json", versions()
        noted = load_json(path) if path.is_file() else []
        if used not in (self.config.get("versions"), *noted):
            warnings.warn(f"{self.path} goes on with other versions than it was begun with", stacklevel=3)
            self.write(path.name, json_bytes([*noted, used]))

    @property
    def data(self) -> DataDescription:
        """What config.json says of the data; RunError where it does not."""
        return self._read("data", DataDescription)

    @property
    def origin(self) -> Origin:
        """The settings that every kind of run has; RunError where one is missing."""
        held = self.config.get("settings")
        names = [field.name for field in dataclasses.fields(Origin)]
        known = {name: held[name] for name in names if name in held} if isinstance(held, Mapping) else held
        return read_record(Origin, known, f"settings in {self.path / 'config.json'}", RunError)

    def settings(self, kind: type[C]) -> C:
        """The run's settings as the config of its kind; RunError where they are no such settings."""
        return self._read("settings", kind)

    def _read(self, part: str, kind: type[C]) -> C:
        return read_record(kind, self.config.get(part), f"{part} in {self.path / 'config.json'}", RunError)

    def write(self, name: str, data: bytes) -> Path:
        """Write one file of the run atomically; its path. Where the run has checksums, they follow."""
        if sealed(self.path):
            write_recorded(self.path, name, data)
        else:
            write_into_folder(self.path / name, data)
        return self.path / name

    def add(self, name: str, data: bytes) -> Path:
        """Write one file of a run that may be finished, as its one writer for that moment; its path.

        Raises:
            RunError: another process goes on writing to it, or it cannot be written to.
        """
        with self.writing(wait=PATIENCE):
            return self.write(name, data)

    def finish(self, data: bytes) -> Path:
        """Write the file that ends a run of this kind, and before it the checksums of all; its path."""
        seal(self.path, self.kind.last_file, data)
        return self.path / self.kind.last_file


def open_run(path: Path | str) -> RunDirectory:
    """The run in a directory; RunError where there is none, or where there are links in it."""
    run = read_run(Path(os.path.expanduser(path)))
    require_own(run.path)
    return run


def read_run(path: Path) -> RunDirectory:
    """The run in a directory, of which nothing but its config.json is looked at; RunError where there is none."""
    file = path / "config.json"
    try:
        there = file.is_file() and not file.is_symlink()
    except OSError as error:  # no right to look
        raise RunError(f"need a run directory, got: {error}") from error
    config = load_json(file) if there else None
    if not isinstance(config, dict) or config.get("format") != FORMAT or config.get("kind") not in list(Kind):
        raise RunError(
            f"need a run directory with a config.json of {FORMAT}, got {path}: {no_run(path, config, FORMAT)}"
        )
    return RunDirectory(path, config)


def create_run(
    path: Path,
    kind: Kind,
    settings: object,
    data: DataDescription | Mapping[str, Any],
    *,
    overwrite: bool = False,
    files: Mapping[str, bytes] | None = None,
) -> RunDirectory:
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
        open_run(path.parent).add(path.name, data)
    else:
        write_atomically(path, data)


def _clear(run: RunDirectory) -> None:
    """Delete a run's files, but for the lock; its config.json last, so that a stop in between leaves a run."""
    kept = (LOCK_FILE, "config.json")
    for each in [path for path in run.path.iterdir() if path.name not in kept]:
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    (run.path / "config.json").unlink()


def no_run(path: Path, config: object, wanted: str) -> str:
    """Why a directory holds no run, and what to do."""
    if path.is_file():
        return "it is a file, a run is a directory (`ifp diagnose` reads logs whose names end in .csv)"
    if not path.is_dir():
        return "there is no such directory (`ifp runs` lists the runs at hand)"
    if config is None:
        return "it has none (`ifp runs` lists the runs at hand)"
    found = config.get("format") if isinstance(config, dict) else None
    if found == wanted:
        return "it names a kind that is not known here: a newer version made it, install that one"
    return f"its own is of {shown(found)}: what made it is another version or program, make the run again"
