"""What a run was made with, and whether its files are as they were written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.records import read_value
from annealing.errors import RunError
from ifp.run_directory.checksums import Fault, verify_files
from ifp.run_directory.run import RunDirectory, read_run


@dataclass(frozen=True)
class Verification:
    """Where a run comes from, and what is missing, altered, foreign or a link in it."""

    run: Path
    kind: str
    created: str
    seed: int
    dataset: str
    fingerprint: str
    versions: Mapping[str, str]
    faults: tuple[Fault, ...]


def verify(run: RunDirectory | str | Path) -> Verification:
    """Recompute the checksums of a finished run, and of the runs inside it, from its files.

    Raises:
        RunError: no run is there (its config.json is damaged or missing), or it is not finished.
    """
    path = run.path if isinstance(run, RunDirectory) else Path(run)
    faults = verify_files(path)
    found = read_run(path)  # whose links are told among the faults
    return Verification(
        run=path,
        kind=found.kind,
        created=str(found.config.get("created")),
        seed=found.origin.seed,
        dataset=found.data.name,
        fingerprint=found.data.fingerprint,
        versions=read_value(Mapping[str, str], found.config.get("versions"), f"versions of {path}", RunError),
        faults=tuple(faults),
    )
