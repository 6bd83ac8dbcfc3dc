"""Annealing runs opened, new or to go on with, and the annealing test from Python."""

from pathlib import Path
from typing import Any

from annealing.errors import IFPError
from annealing.hysteresis import Pace
from annealing.sweep import SweepConfig
from ifp.annealing_config import AnnealConfig
from ifp.annealing_test import annealing_test
from ifp.cluster import cluster_at
from ifp.datasets import load_dataset
from ifp.datasets.dataset import Dataset, describe
from ifp.device import require_device
from ifp.factor_choice import chosen_factors, require_action
from ifp.resuming import reopen_run
from ifp.runs import Run, create_run, new_run_path


def open_annealing_run(
    given: dict[str, Any],
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> tuple[Dataset, AnnealConfig, Run]:
    """Data set, config and directory of a new test, or of one that goes on.

    Args:
        given: settings by name, of :class:`AnnealConfig`, its sweep's settings under ``sweep``.
        out: the run's directory; else a new one under ``runs`` or, with ``resume``, the newest unfinished one.
        data_dir: folder of the data set's public files.

    Raises:
        IFPError: a setting is out of range, the data set is unknown, the directory is in use, or a resumed run
            has other settings or data.
    """
    if resume:
        return reopen_run("anneal", AnnealConfig, given, out, runs, data_dir)
    if "dataset" not in given:
        raise IFPError("need a data set: --dataset NAME, e.g. --dataset dsprites")
    dataset = load_dataset(given["dataset"], data_dir, **given.get("data_options", {}))
    factors = chosen_factors(dataset, given.get("factors"))
    swept = given.get("sweep", {})
    swept = {**swept, "pace": Pace(**swept["pace"])} if "pace" in swept else swept
    opened = {"dataset": dataset.reference, "data_options": dataset.options}
    settings: dict[str, Any] = {**given, **opened, "factors": factors, "sweep": SweepConfig(**swept)}
    config = AnnealConfig(**settings)
    require_device(config.device)
    require_action(dataset, config.factors, config.contexts, config.seed)  # before a run that could not go on is made
    path = out if out is not None else new_run_path(runs, "anneal", dataset.name)
    return dataset, config, create_run(path, "anneal", config, describe(dataset), overwrite=overwrite)


def anneal(dataset: str, *, out: str | Path | None = None, scheduler: str | None = None, **settings: Any) -> Run:
    """Run the whole annealing test on a data set and return its run; settings are :class:`AnnealConfig`'s.

    With a ``scheduler``, as ``--scheduler`` takes it, its pieces are measured by the workers of a Dask cluster.
    """
    with cluster_at(scheduler) as cluster:
        opened = open_annealing_run({"dataset": dataset, **settings}, out=None if out is None else Path(out))
        for _ in annealing_test(*opened, cluster=cluster):
            pass
    return opened[2]
