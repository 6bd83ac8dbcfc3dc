"""A finished annealing test as it is read: its settings, tables, curves and findings, each file once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from analysis.conclusions import conclude
from analysis.findings import FORMAT, Findings
from analysis.records import read_record
from annealing.errors import RunError
from ifp.annealing_test.config import AnnealConfig
from ifp.annealing_test.freezing_csv import AnnealingTables, read_curves, read_mixing, read_tables
from ifp.files.plain import load_json
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described
from ifp.run_directory.run import RunDirectory, open_run

FINDINGS_FILE = "findings.json"


@dataclass(frozen=True, eq=False)
class AnnealedTest:
    """A finished annealing test; every property reads its file when it is first asked for, and raises RunError where
    that is missing or damaged."""

    run: RunDirectory

    @cached_property
    def config(self) -> AnnealConfig:
        """Its settings."""
        return self.run.settings(AnnealConfig)

    @cached_property
    def tables(self) -> AnnealingTables:
        """freezing.csv and spectral.csv."""
        return read_tables(self.run)

    @cached_property
    def curves(self) -> Mapping[str, NDArray[Any]]:
        """The arrays of curves.npz."""
        return read_curves(self.run, self.tables.freezing)

    @cached_property
    def concluded(self) -> Findings:
        """What tables and curves say."""
        return conclude(
            self.tables.freezing,
            self.tables.spectral,
            self.curves,
            fingerprint=self.run.data.fingerprint,
            image_shape=self.run.data.image_shape,
            likelihood=self.config.likelihood,
            source=f"freezing.csv sha256 {self.tables.digest[:16]}",
            mixing=read_mixing(self.run),
        )

    @cached_property
    def findings(self) -> Findings:
        """What findings.json says; concluded anew where it is missing or of an earlier format."""
        path = self.run.path / FINDINGS_FILE
        value = load_json(path) if path.is_file() else None
        if isinstance(value, dict) and value.get("format") == FORMAT:
            return read_record(Findings, value, f"{path}", RunError)
        return self.concluded


def annealed_test(run: RunDirectory | str | Path) -> AnnealedTest:
    """The finished annealing test in a directory; RunError where it is something else."""
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind != Kind.ANNEALING_TEST or not run.finished:
        raise RunError(f"need a finished annealing run, {run.path} is {described(run)}")
    return AnnealedTest(run)
