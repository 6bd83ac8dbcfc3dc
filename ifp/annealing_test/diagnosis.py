"""Read a finished run, let the analysis conclude, and write what it found beside it."""

import hashlib
from pathlib import Path

from analysis.conclusions import conclude
from analysis.findings import FORMAT, Findings
from analysis.plain_json import json_bytes
from analysis.records import read_record
from annealing.errors import RunError
from ifp.annealing_test.freezing_csv import read_curves, read_tables
from ifp.files.plain import load_json
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described
from ifp.run_directory.run import PATIENCE, RunDirectory, open_run


def diagnose_annealing(run: RunDirectory | str | Path) -> Findings:
    """Findings of a finished annealing run, also written to its findings.json.

    Raises:
        RunError: the run is not there, not finished or no annealing run, or a file of it is damaged.
    """
    run = require_annealing_run(run)
    tables = read_tables(run)
    findings = conclude(
        tables.freezing,
        tables.spectral,
        read_curves(run, tables.freezing),
        fingerprint=run.about_data("fingerprint", str),
        image_shape=run.about_data("image_shape", tuple[int, int, int]),
        likelihood=run.setting("likelihood", str),
        source=f"freezing.csv sha256 {hashlib.sha256((run.path / 'freezing.csv').read_bytes()).hexdigest()[:16]}",
    )
    with run.writing(wait=PATIENCE):
        run.write("findings.json", json_bytes(findings))
    return findings


def findings_of(run: RunDirectory | str | Path) -> Findings:
    """The run's findings.json, made first where it is missing or of an earlier format."""
    run = require_annealing_run(run)
    path = run.path / "findings.json"
    value = load_json(path) if path.is_file() else None
    if isinstance(value, dict) and value.get("format") == FORMAT:
        return read_record(Findings, value, f"{path}", RunError)
    return diagnose_annealing(run)


def require_annealing_run(run: RunDirectory | str | Path) -> RunDirectory:
    """The finished annealing run in a directory; RunError where it is something else."""
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind != Kind.ANNEALING_TEST or not run.finished:
        raise RunError(f"need a finished annealing run, {run.path} is {described(run)}")
    return run
