"""Runs of an annealing test opened: new ones, or to go on with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.records import require_settings
from annealing.errors import IFPError
from annealing.hysteresis import Pace
from annealing.sweep import SweepConfig
from ifp.annealing_test.config import AnnealConfig
from ifp.closed_form.factors import chosen_factors, require_action
from ifp.datasets import load_dataset
from ifp.datasets.dataset import Dataset, describe
from ifp.machine.device import require_device
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import new_run_path
from ifp.run_directory.resume import reopen_run
from ifp.run_directory.run import RunDirectory, create_run


def open_annealing_run(
    given: Mapping[str, Any],
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> tuple[Dataset, AnnealConfig, RunDirectory]:
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
        return reopen_run(Kind.ANNEALING_TEST, AnnealConfig, given, out, runs, data_dir)
    if "dataset" not in given:
        raise IFPError("need a data set: --dataset NAME, e.g. --dataset dsprites")
    dataset = load_dataset(given["dataset"], data_dir, **given.get("data_options", {}))
    return dataset, *new_annealing_run(dataset, given, out, runs, overwrite=overwrite)


def new_annealing_run(
    dataset: Dataset, given: Mapping[str, Any], out: Path | None, runs: Path, *, overwrite: bool
) -> tuple[AnnealConfig, RunDirectory]:
    """Config and directory of a new test on a data set that is open; arguments as :func:`open_annealing_run`'s."""
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
    path = out if out is not None else new_run_path(runs, Kind.ANNEALING_TEST, dataset.name)
    return config, create_run(path, Kind.ANNEALING_TEST, config, describe(dataset), overwrite=overwrite)
