"""``ifp.compare``: objectives trained and scored over seeds, or runs at hand, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.comparison import Row
from analysis.printed import Shown
from analysis.stage_plan import StagePlan
from annealing.errors import IFPError
from ifp.api.run import Run
from ifp.comparison.config import QUICK, CompareConfig
from ifp.comparison.study import compare_study, open_study, rows_of
from ifp.datasets.arrays import Data
from ifp.datasets.source import pool_for
from ifp.machine.cluster import cluster_at
from ifp.machine.data_parallel import first_process
from ifp.machine.device import on_gpu, with_device
from ifp.machine.pool import require_jobs
from ifp.machine.progress import UNWATCHED, Watch
from ifp.run_directory.kinds import RUNS
from ifp.run_directory.opening import Place
from ifp.run_directory.run import RunDirectory
from ifp.training.config import TrainConfig
from ifp.training.plan import read_plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Shown):
    """Runs, and the measures that they are compared by.

    Attributes:
        rows: one per run: method, seed, run, status, and each measure by name.
        title: heading of the table, which says what the runs are of.
        run: the study that the runs belong to, if any.
    """

    rows: tuple[Row, ...]
    title: str
    run: Run | None = None

    def to_frame(self) -> pd.DataFrame:
        """A row per run."""
        return pd.DataFrame(list(self.rows))

    def plot(self) -> "Figure":
        """Boxes of every measure by method: :func:`analysis.figures.comparison.draw_comparison`."""
        from analysis.figures.comparison import draw_comparison

        return draw_comparison(self.rows, self.title)

    def _shown(self) -> tuple[str, pd.DataFrame]:
        return f"Comparison, {self.title}", self.to_frame()


def compare(
    at_hand: Sequence[RunDirectory | str | Path] = (),
    *,
    dataset: Data | None = None,
    plan: StagePlan | str | Path | None = None,
    out: str | Path | None = None,
    runs: str | Path = RUNS,
    data_dir: str | Path | None = None,
    scheduler: str | None = None,
    jobs: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    force: bool = False,
    watch: Watch = UNWATCHED,
    **settings: Any,
) -> Comparison:
    """Compare finished runs, which stay unchanged, or train and score what is missing: ::

        ifp.compare(["runs/first", "runs/second"], scores=["mig"])
        ifp.compare(dataset="dsprites-32", objectives=("beta-vae", "deft"), plan=plan, seeds=3, steps=6000)

    Args:
        at_hand: finished runs of training, or studies. No other argument than ``scores`` and ``data_dir`` goes with
            them.
        dataset: a data set, its name, the path of the user's own, or arrays (images, or images and factors);
            else the plan's, or the resumed study's.
        plan: of :func:`ifp.plan_stages`, for DEFT; or the path of its JSON, ``-`` for standard input.
        out: the study's directory; else a new one under ``runs``.
        runs: where runs are kept.
        data_dir: folder of the data set's public files.
        scheduler: address of a Dask cluster, as ``--scheduler`` takes it; its workers train the runs.
        jobs: how many runs are trained side by side, in processes of this machine; None: as many as the cores allow.
            Any number gives the same bytes.
        resume: go on with the study in ``out``, or the newest unfinished one.
        overwrite: replace the run in ``out``.
        force: use a plan made for other data.
        watch: follows the work.
        settings: of :class:`ifp.comparison.config.CompareConfig`, by name; others are those of every training run
            (:class:`ifp.training.config.TrainConfig`).

    Raises:
        IFPError: a setting is out of range, the plan does not fit or is missing, the directory is in use, runs that
            are not finished or on different data, or both runs and settings of a study.
    """
    if at_hand:
        others = {
            "dataset": dataset is not None, "plan": plan is not None, "out": out is not None,
            "scheduler": scheduler is not None, "jobs": jobs is not None, "resume": resume,
            "overwrite": overwrite, "force": force,
            **{name: name != "scores" for name in settings},
        }  # fmt: skip
        if named := [name for name, given in others.items() if given]:
            raise IFPError(f"need either runs to compare or settings of a study, got both: {', '.join(named)}")
        paths = [run.path if isinstance(run, RunDirectory) else Path(run) for run in at_hand]
        rows = rows_of(paths, settings.get("scores", QUICK), None if data_dir is None else Path(data_dir))
        return Comparison(tuple(rows), paths[0].name if len(paths) == 1 else f"{len(rows)} runs")
    require_jobs(jobs)
    settings = with_device(settings, resume=resume)
    stages = read_plan(str(plan)) if isinstance(plan, (str, Path)) and first_process() else plan
    place = Place.of(out, runs, data_dir, resume=resume, overwrite=overwrite)
    own = {field.name for field in fields(CompareConfig)}
    given = {name: value for name, value in settings.items() if name in own}
    in_order = dict.fromkeys([*(field.name for field in fields(TrainConfig)), *settings])  # whatever the caller's order
    if trained := {name: settings[name] for name in in_order if name in settings and name not in own}:
        given["settings"] = {**given.get("settings", {}), **trained}
    with cluster_at(scheduler) as cluster:
        stages = stages if isinstance(stages, StagePlan) else None
        study = open_study(dataset, stages, given, place, force=force)
        if not study.run.finished:
            files = ("config.json", "a run for each", "comparison.csv")
            first = TrainConfig(**study.config.given(*study.config.pieces()[0]))
            words = f"{study.dataset.name}: {study.dataset.source}{on_gpu(first.device)}"
            watch.begun(words, study.run.path, files)
            with pool_for(study.dataset, jobs, cluster, threads=first.threads, device=first.device) as pool:
                for _ in watch.follow(compare_study(study, place.data_dir, pool), "comparing"):
                    pass
    return Comparison(tuple(study.rows), study.dataset.name, Run.of(study.run))
