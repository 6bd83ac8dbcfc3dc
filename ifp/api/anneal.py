"""``ifp.anneal``: freezing points measured by annealing."""

from pathlib import Path
from typing import Any

from annealing.errors import IFPError, did_you_mean
from ifp.annealing_test.config import AnnealConfig
from ifp.annealing_test.measure import annealing_test
from ifp.annealing_test.run import new_annealing_run
from ifp.api.run import Run
from ifp.datasets import load_dataset
from ifp.datasets.dataset import Dataset
from ifp.machine.cluster import cluster_at
from ifp.run_directory.kinds import Kind
from ifp.run_directory.resume import continued_run
from ifp.run_directory.run import require_place


def anneal(
    dataset: Dataset | str | Path,
    *,
    mode: str = "action",
    out: str | Path | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **settings: Any,
) -> Run:
    """Measure freezing points by annealing, and return the finished run.

    Of mode ``action``, the annealing test, settings are those of :class:`ifp.annealing_test.config.AnnealConfig` by
    name; of mode ``full``, all data with many latents, those of :class:`ifp.whole_annealing.config.WholeConfig`: ::

        ifp.anneal("dsprites", contexts=8, factors=("scale", "posX"))
        ifp.anneal(ds, mode="full", latents=10)  # what closed forms predict is computed first, unless given

    Args:
        dataset: or its name, or the path of the user's own.
        mode: action, each factor alone in contexts; or full, one network on all data, labels or not.
        out: the run's directory; else a new one under ``runs/``.
        scheduler: as ``--scheduler`` takes it: the pieces of an annealing test on the workers of a Dask cluster.
        resume: go on with the run in ``out``, to the same bytes as without the stop.
        overwrite: replace the run in ``out``.

    Raises:
        IFPError: a setting is out of range, the data set is unknown or has no labels (mode ``action``), or the
            directory is in use.
    """
    from ifp.whole_annealing.predictions import with_predictions
    from ifp.whole_annealing.run import anneal_whole

    if mode not in ("action", "full"):
        raise IFPError(f"need a mode out of action, full, got {mode!r}{did_you_mean(mode, ('action', 'full'))}")
    dataset = load_dataset(str(dataset)) if isinstance(dataset, (str, Path)) else dataset
    path = None if out is None else Path(out)
    if mode == "full":
        if scheduler is not None:
            raise IFPError("need no scheduler with mode full, which is one piece of work")
        if path is not None and not resume:  # what is predicted first takes its time
            require_place(path, overwrite=overwrite)
        known = settings if resume else with_predictions(dataset, settings)
        return Run.of(anneal_whole(dataset, out=path, resume=resume, overwrite=overwrite, **known))
    with cluster_at(scheduler) as cluster:
        if resume:
            run, config = continued_run(Kind.ANNEALING_TEST, AnnealConfig, settings, dataset, path)
            if run.finished:
                return Run.of(run)
        else:
            config, run = new_annealing_run(dataset, settings, path, Path("runs"), overwrite=overwrite)
        for _ in annealing_test(dataset, config, run, cluster=cluster):
            pass
    return Run.of(run)
