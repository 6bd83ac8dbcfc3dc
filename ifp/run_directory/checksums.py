"""The checksums of a run: what each of its files was when it was written, and what has changed since."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from analysis.plain_json import json_bytes, shown
from analysis.records import read_record
from annealing.errors import RunError
from ifp.files.atomic import PARTIAL, write_atomically, write_into_folder
from ifp.files.plain import load_json
from ifp.run_directory.contents import entries
from ifp.run_directory.lock import LOCK_FILE

CHECKSUMS_FILE = "checksums.json"
FORMAT = "ifp-checksums/1"


@dataclass(frozen=True)
class Checksums:
    """The content of checksums.json."""

    format: str
    algorithm: str
    files: Mapping[str, tuple[str, ...]]  # SHA-256 by name; two where a file was being replaced
    runs: tuple[str, ...]  # directories of runs in the run, with checksums of their own

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise RunError(f"need checksums of {FORMAT}, got {shown(self.format)}")
        if any("/" in name for name in self.runs):
            raise RunError("need runs that lie directly in the run, got names of folders below")
        for name in (*self.files, *self.runs):
            if not name or PurePosixPath(name).is_absolute() or set(name.split("/")) & {"", ".", ".."}:
                raise RunError(f"need names of files within the run, got {shown(name)}")


@dataclass(frozen=True)
class Fault:
    """A file of a run that is not as it was written."""

    file: str  # relative to the run
    fault: str  # missing, altered, not recorded, or a link, which nothing follows


def seal(path: Path, last: str, data: bytes) -> None:
    """Write a run's last file, and before it the checksums of all its files: a run that has its last file has both.

    Runs inside the run (those of a study) that have checksums of their own are named, their files left to them.
    """
    files = {name: (file_digest(path / name),) for name in _own_files(path) if name != last}
    _write(path, {**files, last: (digest(data),)}, [each.name for each in _sealed_runs(path)])
    write_atomically(path / last, data)


def write_recorded(path: Path, name: str, data: bytes) -> None:
    """Write a file of a sealed run: recorded as old and as new until it is there, so an interruption still verifies."""
    known = read_checksums(path)
    _write(path, {**known.files, name: (*known.files.get(name, ()), digest(data))}, known.runs)
    write_into_folder(path / name, data)
    _write(path, {**known.files, name: (digest(data),)}, known.runs)


def sealed(path: Path) -> bool:
    """Whether a run has checksums."""
    file = path / CHECKSUMS_FILE
    return file.is_file() and not file.is_symlink()


def verify_files(path: Path) -> list[Fault]:
    """What is missing or altered in a sealed run and in the runs inside it; nothing where all is as it was written.

    Raises:
        RunError: the run has no checksums.
    """
    if not sealed(path):
        raise RunError(
            f"need a {CHECKSUMS_FILE} in {path}, there is none: the run is unfinished or of an older version"
        )
    try:
        known = read_checksums(path)
    except RunError:
        return [Fault(CHECKSUMS_FILE, "altered")]
    faults, left = [], dict(known.files)
    for entry in entries(path, known.runs):
        name = Path(entry.path).relative_to(path).as_posix()
        digests = left.pop(name, None)
        if entry.is_symlink():
            faults.append(Fault(name, "a link"))
        elif entry.is_dir(follow_symlinks=False) or name in (LOCK_FILE, CHECKSUMS_FILE):
            continue
        elif digests is None:
            faults.append(Fault(name, "not recorded"))
        elif not entry.is_file(follow_symlinks=False) or file_digest(Path(entry.path)) not in digests:
            faults.append(Fault(name, "altered"))
    faults += [Fault(name, "missing") for name in left]
    for run in known.runs:
        if (path / run).is_symlink():
            continue  # told above
        if not sealed(path / run):
            faults.append(Fault(f"{run}/{CHECKSUMS_FILE}", "missing"))
        else:
            faults += [Fault(f"{run}/{each.file}", each.fault) for each in verify_files(path / run)]
    return sorted(faults, key=lambda each: each.file)


def read_checksums(path: Path) -> Checksums:
    """The checksums of a run; RunError where they are damaged."""
    found = load_json(path / CHECKSUMS_FILE)
    if isinstance(found, dict):
        found.pop("self", None)
    known = read_record(Checksums, found, f"{path / CHECKSUMS_FILE}", RunError)
    if (path / CHECKSUMS_FILE).read_bytes() != _bytes(known):
        raise RunError(f"need a whole {CHECKSUMS_FILE} in {path}, it was altered")
    return known


def digest(data: bytes) -> str:
    """SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file; RunError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"need to read {path}, got: {error}") from error


def _write(path: Path, files: Mapping[str, tuple[str, ...]], runs: Iterable[str]) -> None:
    content = Checksums(FORMAT, "sha256", dict(sorted(files.items())), tuple(sorted(runs)))
    write_atomically(path / CHECKSUMS_FILE, _bytes(content))


def _bytes(content: Checksums) -> bytes:
    """The file: its content, and a digest of that, so that a change of the file itself shows too."""
    return json_bytes({**asdict(content), "self": digest(json_bytes(content))})


def _sealed_runs(path: Path) -> list[Path]:
    return [each.parent for each in path.glob(f"*/{CHECKSUMS_FILE}") if sealed(each.parent)]


def _own_files(path: Path) -> Iterator[str]:
    """Files of a run, those in its runs that have checksums of their own left out, relative to it."""
    for entry in entries(path, [run.name for run in _sealed_runs(path)]):
        name = Path(entry.path).relative_to(path).as_posix()
        passing = entry.name.startswith(PARTIAL) or name in (LOCK_FILE, CHECKSUMS_FILE)
        if entry.is_file(follow_symlinks=False) and not passing:
            yield name
