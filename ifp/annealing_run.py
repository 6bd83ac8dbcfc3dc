"""Annealing runs opened, new or to go on with, and the annealing test from Python."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.records import require_settings
from annealing.errors import IFPError, did_you_mean
from annealing.hysteresis import Pace
from annealing.sweep import SweepConfig
from ifp.annealing_config import AnnealConfig
from ifp.annealing_test import annealing_test
from ifp.cluster import cluster_at
from ifp.datasets import load_dataset
from ifp.datasets.dataset import Dataset, describe
from ifp.device import require_device
from ifp.factor_choice import chosen_factors, require_action
from ifp.resuming import continued_run, reopen_run
from ifp.runs import Run, create_run, new_run_path, require_place


def open_annealing_run(
    given: Mapping[str, Any],
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
    return dataset, *_new_run(dataset, given, out, runs, overwrite=overwrite)


def _new_run(
    dataset: Dataset, given: Mapping[str, Any], out: Path | None, runs: Path, *, overwrite: bool
) -> tuple[AnnealConfig, Run]:
    factors = chosen_factors(dataset, given.get("factors"))
    require_settings(AnnealConfig, given)
    swept = given.get("sweep", {})
    require_settings(SweepConfig, swept)
    swept = {**swept, "pace": Pace(**swept["pace"])} if "pace" in swept else swept
    opened = {"dataset": dataset.reference, "data_options": dataset.options}
    settings: dict[str, Any] = {**given, **opened, "factors": factors, "sweep": SweepConfig(**swept)}
    config = AnnealConfig(**settings)
    require_device(config.device)
    require_action(dataset, config.factors, config.contexts, config.seed)  # before a run that could not go on is made
    path = out if out is not None else new_run_path(runs, "anneal", dataset.name)
    return config, create_run(path, "anneal", config, describe(dataset), overwrite=overwrite)


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

    Of mode ``action``, the annealing test, settings are those of :class:`ifp.annealing_config.AnnealConfig` by name; of
    mode ``full``, all data with many latents, those of :class:`ifp.whole_annealing.WholeConfig`: ::

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
    from ifp.predictions import with_predictions
    from ifp.whole_annealing import anneal_whole

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
        return anneal_whole(dataset, out=path, resume=resume, overwrite=overwrite, **known)
    with cluster_at(scheduler) as cluster:
        if resume:
            run, config = continued_run("anneal", AnnealConfig, settings, dataset, path)
            if run.finished:
                return run
        else:
            config, run = _new_run(dataset, settings, path, Path("runs"), overwrite=overwrite)
        for _ in annealing_test(dataset, config, run, cluster=cluster):
            pass
    return run
