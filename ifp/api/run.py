"""``ifp.Run``: a run directory as it is handed to people, with its main table, its figures and its findings."""

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
        """The run's main table: freezing.csv of annealing, metrics.csv of training, also of a watched one,
        comparison.csv of a study.

        Raises:
            RunError: the run is not finished, or the file is missing or damaged.
        """
        return self._methods().frame(self)

    def plot(self, what: str | None = None, **style: Any) -> "Figure":
        """A figure of a finished run; without a name the first of its kind.

        Args:
            what: of an annealing test ``distributions`` (``kind="box"`` or ``"violin"``; ``against=``, a second test
                that is set beside it) or ``curves``; of whole-data annealing ``curves``; of training ``information``
                (labelled data), ``curves`` or ``traversal`` (``image=0, latents=[0, 1]``); of a watched training
                ``information`` (labels) or ``curves``; of a study ``scores``.

        Raises:
            IFPError: another name.
            RunError: the run is not finished, or a file of it is damaged.
        """
        methods = self._methods()
        name = methods.default_figure(self) if what is None else what
        require_one_of("a figure", name, methods.figures)
        return methods.figures[name](self, **style)

    def findings(self) -> "RunFindings":
        """What is concluded from a finished run, as :func:`ifp.diagnose` does; nothing is written."""
        return self._methods().diagnosed(self).findings

    def silence(self, data_dir: str | Path | None = None) -> "Silence | None":
        """Latents of a finished training run that carry no information, and what to do; None where all carry some.

        Args:
            data_dir: folder of the data set's public files: where the data are not at hand, no freezing point is told.

        Raises:
            RunError: the run is not finished or not of training.
        """
        from ifp.training.silence import trained_silence  # here: slow, and most who open a run do not ask
        from ifp.training.trained import trained_run

        return trained_silence(trained_run(self), None if data_dir is None else Path(data_dir))

    def _repr_html_(self) -> str:
        """In a notebook: what it is and, of a finished one, the first rows of its main table."""
        from analysis.printed import printed_html

        try:
            return printed_html(repr(self), self.to_frame())
        except RunError:  # not finished, or damaged: looking at it is no error
            return f"<p>{html.escape(repr(self))}</p>"

    def _methods(self) -> "KindMethods":
        """What is done with runs of its kind; RunError where it is not finished."""
        from ifp.api.kinds import METHODS  # here: it stands on every room and every figure, seconds to import

        if not self.finished:
            raise RunError(f"need a finished run, {self.path} is {described(self)}")
        return METHODS[self.kind]


def open_run(path: Path | str) -> Run:
    """The run in a directory; RunError where there is none."""
    return Run.of(open_directory(path))


def found_run(run: RunDirectory | str | Path | None, runs: str | Path, kind: Kind | None) -> Run:
    """A run, opened where it is a path; None: the newest finished one of a kind, or of any, under ``runs``.

    Raises:
        RunError: there is none.
    """
    if run is None:
        return Run.of(newest_run(Path(runs), kind))
    return Run.of(run) if isinstance(run, RunDirectory) else open_run(Path(run))


def annealing_run(run: RunDirectory | str | Path | None, runs: str | Path = RUNS, *, whole: bool = False) -> Run:
    """A finished annealing test, opened where it is a path; None: the newest one under ``runs``.

    Args:
        run: or its directory.
        runs: where the newest one is looked for.
        whole: whether other runs with curves of latents will do, too: of whole-data annealing, or a watched one.

    Raises:
        RunError: it is something else, or there is none.
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
    """The runs right under a folder, finished or not, oldest first."""
    return [Run.of(run) for run in list_runs(Path(where))]
