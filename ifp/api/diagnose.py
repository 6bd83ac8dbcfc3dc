"""``ifp.diagnose``: what can be concluded from runs of any kind, or from a table of anyone's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import pandas as pd

from analysis.findings import Findings
from analysis.plain_json import json_bytes
from analysis.printed import Shown
from analysis.run_shifts import RunShifts
from annealing.errors import IFPError
from ifp.api.freezing_points import Table, freezing_points, is_table
from ifp.api.plan_stages import Diagnosis
from ifp.api.run import found_run
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.run import RunDirectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ifp.api.kinds import Diagnosed


class Diagnoses(Shown, Sequence["Diagnosed"]):
    """Runs side by side, each with what is concluded from it."""

    def __init__(self, each: Sequence["Diagnosed"]) -> None:
        self._each = tuple(each)

    def __len__(self) -> int:
        return len(self._each)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._each[index]

    def _shown(self) -> tuple[str, pd.DataFrame]:
        return f"Diagnoses of {len(self)} runs", self.to_frame()

    def save(self) -> list[Path]:
        """Write the findings of each run into it, as findings.json or diffusion.json; the files."""
        from ifp.api.kinds import METHODS

        return [one.run.add(METHODS[one.run.kind].findings_file, json_bytes(one.findings)) for one in self._each]

    @property
    def traced(self) -> list["Diagnosed"]:
        """Those that recorded information about factors."""
        return [one for one in self._each if one.trace is not None and one.diffusion is not None]

    def to_frame(self) -> pd.DataFrame:
        """The frames of all findings, one below the other, with the run's name first."""
        frames = [one.findings.to_frame().assign(run=one.run.path.name) for one in self._each]
        table = pd.concat(frames, ignore_index=True)
        return table[["run", *(name for name in table if name != "run")]]

    def plot(self) -> "Figure":
        """Separability of one annealing test; else information along each run that recorded it.

        Raises:
            IFPError: no run recorded information about factors.
        """
        if len(self) == 1 and isinstance(self[0].findings, Findings):
            return self[0].findings.plot()
        from analysis.figures.information import draw_information

        if not self.traced:
            raise IFPError("need a run whose data have labelled factors for a figure of information, got none")
        return draw_information([(one.run.path.name, one.trace, one.diffusion) for one in self.traced])  # type: ignore[misc]


@overload
def diagnose(
    source: RunDirectory | Table | str | Path | None = None, *, runs: str | Path = RUNS, save: bool = False
) -> Diagnosis: ...
@overload
def diagnose(
    source: Sequence[RunDirectory | str | Path | None], *, runs: str | Path = RUNS, save: bool = False
) -> Diagnoses | RunShifts: ...


def diagnose(
    source: RunDirectory | Table | str | Path | Sequence[RunDirectory | str | Path | None] | None = None,
    *,
    runs: str | Path = RUNS,
    save: bool = False,
) -> Diagnosis | Diagnoses | RunShifts:
    """Conclude from a finished run, from several, or from a table of (step, beta, KL per latent).

    Returns:
        Of an annealing test :class:`analysis.findings.Findings` (freezing points, separability, predicted diffusion),
        of whole-data annealing :class:`analysis.whole_findings.WholeFindings` (latents, owners, diffusion as all data
        cooled), of training :class:`analysis.diffusion.Diffusion` (index, owners, events, the plan against the
        outcome), of a watched training :class:`analysis.watched_findings.WatchedFindings` (latents, freezing points,
        diffusion), of a table :class:`analysis.freezing_points.FreezingPoints`; of a list of two annealing tests
        :class:`analysis.run_shifts.RunShifts`, the second against the first, of any other list :class:`Diagnoses`.

    Args:
        source: a run, its directory, a list of these, or a table as :func:`ifp.freezing_points` takes it; None: the
            newest finished annealing test.
        runs: where that is looked for.
        save: also write the findings of each run into it, as findings.json or diffusion.json. A comparison of two
            annealing tests is written into neither.

    Raises:
        RunError: the run is missing, not finished, of another kind or of unlabelled data, or one of its files is
            damaged.
        IFPError: the table is not as :func:`ifp.freezing_points` takes it, or the runs cannot be compared.
    """
    if isinstance(source, (list, tuple)):
        return _diagnose_runs(source, runs, save=save)
    if source is not None and not isinstance(source, RunDirectory) and is_table(source):
        return freezing_points(source)
    if source is not None and not isinstance(source, (RunDirectory, str, Path)):
        return freezing_points(source)
    return _diagnoses([found_run(source, runs, Kind.ANNEALING_TEST)], save=save)[0].findings


def _diagnose_runs(
    sources: Sequence[RunDirectory | str | Path | None], runs: str | Path, *, save: bool
) -> Diagnoses | RunShifts:
    found = [found_run(source, runs, Kind.ANNEALING_TEST) for source in sources]
    if len(found) < 2 or all(run.kind != Kind.ANNEALING_TEST for run in found):
        return _diagnoses(found, save=save)
    if len(found) > 2 or any(run.kind != Kind.ANNEALING_TEST for run in found):
        kinds = ", ".join(run.kind for run in found)
        raise IFPError(f"need two annealing runs, or any number of runs of training, got {len(found)} runs: {kinds}")
    if save:
        raise IFPError("need save=False for two annealing runs: their shifts belong to neither, ifp.diagnose(run, "
                       "save=True) saves the findings of each")  # fmt: skip
    from ifp.annealing_test.annealed import annealed_test  # here: slow, and most diagnose one run
    from ifp.evaluation.run_shifts import run_shifts

    return run_shifts(*map(annealed_test, found))


def _diagnoses(found: Sequence[RunDirectory], *, save: bool) -> Diagnoses:
    from ifp.api.kinds import METHODS  # here: it stands on every room and every figure, seconds to import

    if not found:
        raise IFPError("need a run to diagnose, got none")
    diagnoses = Diagnoses([METHODS[run.kind].diagnosed(run) for run in found])
    if len({one.trace.names for one in diagnoses.traced if one.trace is not None}) > 1:  # before anything is written
        raise IFPError("need runs on the same factors to set side by side, got runs on different ones")
    if save:
        diagnoses.save()
    return diagnoses
