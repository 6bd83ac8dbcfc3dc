"""``ifp.Run``: a run directory as it is handed to people, with its main table and its figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from annealing.errors import IFPError, RunError, did_you_mean
from ifp.run_directory.listing import described
from ifp.run_directory.run import RunDirectory
from ifp.run_directory.run import open_run as open_directory

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ifp.api.kinds import KindMethods


class Run(RunDirectory):
    """A run directory and its config: kind (anneal, anneal-whole, train, compare), created, settings, data.

    Attributes:
        path: the directory.
        config: what its config.json holds.
    """

    @classmethod
    def of(cls, run: RunDirectory) -> "Run":
        """The same run, with its table and figures."""
        return cls(run.path, run.config)

    def to_frame(self) -> "pd.DataFrame":
        """The run's main table: freezing.csv of annealing, metrics.csv of training, comparison.csv of a study.

        Raises:
            RunError: the run is not finished, or the file is missing or damaged.
        """
        return self._methods().frame(self)

    def plot(self, what: str | None = None, **style: Any) -> "Figure":
        """A figure of a finished run; without a name the first of its kind.

        Args:
            what: of an annealing test ``distributions`` (``kind="box"`` or ``"violin"``) or ``curves``; of whole-data
                annealing ``curves``; of training ``information`` (labelled data), ``curves`` or ``traversal``
                (``image=0, latents=[0, 1]``); of a study ``scores``.

        Raises:
            IFPError: another name.
            RunError: the run is not finished, or a file of it is damaged.
        """
        methods = self._methods()
        name = methods.default_figure(self) if what is None else what
        if name not in methods.figures:
            near = did_you_mean(name, methods.figures)
            raise IFPError(f"need a figure out of {', '.join(methods.figures)} of {self.path}, got {name!r}{near}")
        return methods.figures[name](self, **style)

    def _methods(self) -> "KindMethods":
        """What is done with runs of its kind; RunError where it is not finished."""
        from ifp.api.kinds import METHODS  # here: it stands on every room and every figure, seconds to import

        if not self.finished:
            raise RunError(f"need a finished run, {self.path} is {described(self)}")
        return METHODS[self.kind]


def open_run(path: Path | str) -> Run:
    """The run in a directory; RunError where there is none."""
    return Run.of(open_directory(path))
