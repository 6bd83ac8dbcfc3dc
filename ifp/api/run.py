"""``ifp.Run``: the public handle of a run directory, with its main table, its figures and its findings."""

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annealing.choices import require_one_of
from annealing.errors import RunError
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.listing import described, list_runs, newest_run
from ifp.run_directory.run import RunDirectory
from ifp.run_directory.run import open_run as open_directory

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ifp.api.kinds import KindMethods, RunFindings
    from ifp.training.silence import Silence


class Run(RunDirectory):
    """A run directory and its config: kind (anneal, anneal-whole, train, watch, compare), created, settings, data.

    Attributes:
        path: the directory.
        config: what its config.json holds.
    """

    @classmethod
    def of(cls, run: RunDirectory) -> "Run":
        """The same run, with its table, figures and findings."""
        return cls(run.path, run.config)

    def to_frame(self) -> "pd.DataFrame":
        """The run's main table: freezing.csv of annealing, metrics.csv of training (also if watched), comparison.csv of
        a study.

        Raises:
            RunError: the run is not finished, or the file is missing or damaged.
        """
        return self._methods().frame(self)

    def plot(self, what: str | None = None, **style: Any) -> "Figure":
        """A figure of a finished run; by default the first one listed below for its kind that its data allow.

        Args:
            what: for an annealing test ``distributions`` (with ``kind="box"`` or ``"violin"``; ``against=`` a second
                test to compare with) or ``curves``; for whole-data annealing ``curves``; for training ``information``
                (labelled data), ``curves`` or ``traversal`` (``image=0, latents=[0, 1]``); for a watched training
                ``curves`` or ``information`` (labels); for a study ``scores``.

        Raises:
            IFPError: the run has no figure of that name.
            RunError: the run is not finished, or one of its files is damaged.
        """
        methods = self._methods()
        name = methods.default_figure(self) if what is None else what
        require_one_of("a figure", name, methods.figures)
        return methods.figures[name](self, **style)

    def findings(self) -> "RunFindings":
        """The conclusions of :func:`ifp.diagnose` from a finished run; nothing is written."""
        return self._methods().diagnosed(self).findings

    def silence(self, data_dir: str | Path | None = None) -> "Silence | None":
        """Latents of a finished training run that carry no information, and what to do; None if all carry some.

        Args:
            data_dir: folder of the data set's public files. Without the data, the first freezing point is left out.

        Raises:
            RunError: the run is not finished or not of training.
        """
        from ifp.training.silence import trained_silence  # here: slow, and most who open a run do not ask
        from ifp.training.trained import trained_run

        return trained_silence(trained_run(self), None if data_dir is None else Path(data_dir))

    def _repr_html_(self) -> str:
        """In a notebook: what the run is and, if it is finished, the first rows of its main table."""
        from analysis.printed import printed_html

        try:
            return printed_html(repr(self), self.to_frame())
        except RunError:  # not finished, or damaged: looking at it is no error
            return f"<p>{html.escape(repr(self))}</p>"

    def _methods(self) -> "KindMethods":
        """The functions for runs of its kind; RunError if it is not finished."""
        from ifp.api.kinds import METHODS  # here: it stands on every room and every figure, seconds to import

        if not self.finished:
            raise RunError(f"need a finished run, {self.path} is {described(self)}")
        return METHODS[self.kind]


def open_run(path: Path | str) -> Run:
    """The run in a directory; RunError if there is none."""
    return Run.of(open_directory(path))


def found_run(run: RunDirectory | str | Path | None, runs: str | Path, kind: Kind | None) -> Run:
    """A run, opened if it is given as a path; None: the newest finished run under ``runs``, of one kind or of any.

    Raises:
        RunError: there is none.
    """
    if run is None:
        return Run.of(newest_run(Path(runs), kind))
    return Run.of(run) if isinstance(run, RunDirectory) else open_run(Path(run))


def annealing_run(run: RunDirectory | str | Path | None, runs: str | Path = RUNS, *, whole: bool = False) -> Run:
    """A finished annealing test, opened if it is given as a path; None: the newest one under ``runs``.

    Args:
        run: the run or its directory.
        runs: where to look for the newest one.
        whole: also accept other runs with curves of latents: whole-data annealing, or a watched training.

    Raises:
        RunError: it is a run of another kind, or there is none.
    """
    from ifp.annealing_test.annealed import annealed_test  # here: slow, and most who open a run need neither
    from ifp.whole_annealing.results import annealed_whole

    found = found_run(run, runs, Kind.ANNEALING_TEST)
    if whole and found.kind == Kind.WATCHED and found.finished:
        return found
    if whole and found.kind == Kind.WHOLE_ANNEALING:
        return Run.of(annealed_whole(found).run)
    return Run.of(annealed_test(found).run)


def runs(where: str | Path = RUNS) -> list[Run]:
    """The runs directly under a folder, finished or not, oldest first."""
    return [Run.of(run) for run in list_runs(Path(where))]
