"""``ifp.anneal``: freezing points measured by annealing."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args

from annealing.choices import OWN, AnyLikelihoodName, require_one_of
from annealing.errors import IFPError
from annealing.hysteresis import Pace
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.sweep_config import SweepConfig
from ifp.annealing_test.config import AnnealConfig
from ifp.annealing_test.measure import annealing_test
from ifp.annealing_test.run import open_annealing_run
from ifp.api.run import Run
from ifp.datasets.arrays import Data
from ifp.datasets.samples import PerRow
from ifp.datasets.source import pool_for
from ifp.datasets.user_rows import are_rows, with_rows
from ifp.machine.cluster import cluster_at
from ifp.machine.device import on_gpu, with_device
from ifp.machine.pool import require_jobs
from ifp.machine.progress import UNWATCHED, Watch
from ifp.models.networks import Network
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.opening import Place
from ifp.run_directory.run import open_run

Mode = Literal["action", "full"]

_FILES = ("config.json", "curves.npz", "freezing.csv")


def anneal(
    dataset: Data | None = None,
    *,
    mode: Mode | None = None,
    network: Network | str | None = None,
    likelihood: AnyLikelihoodName | RowLikelihood | None = None,
    exposure: PerRow | None = None,
    out: str | Path | None = None,
    runs: str | Path = RUNS,
    data_dir: str | Path | None = None,
    scheduler: str | None = None,
    jobs: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch = UNWATCHED,
    **settings: Any,
) -> Run:
    """Measure freezing points by annealing, and return the finished run.

    In mode ``action``, the annealing test, the settings are those of :class:`ifp.annealing_test.config.AnnealConfig`,
    by name, and those of its sweep and pace (``latents``, ``tolerance``, ...). In mode ``full``, one
    network with many latents on all data, they are those of :class:`ifp.whole_annealing.config.WholeConfig`: ::

        ifp.anneal("dsprites", contexts=8, factors=("scale", "posX"))
        ifp.anneal(ds, network=ifp.Network(MyEncoder, MyDecoder))  # each case has one of yours
        ifp.anneal(ds, mode="full", latents=10)  # what closed forms predict is computed first, unless given
        ifp.anneal(counts, likelihood="poisson", exposure="total")  # rows (N, D), in mode full

    Args:
        dataset: a data set, its name, the path of the user's own, or arrays (images, or images and factors; rows (N, D)
            as :func:`ifp.from_rows` takes them, or rows and factors); not needed to resume.
        mode: action, each factor alone in contexts; or full, one network on all data, labels or not. None: action, of
            rows full or, with ``resume`` and ``out``, the run's own.
        network: modules of your own, :class:`ifp.Network`, which are measured in this process alone; or a name:
            ``dense``, ``conv``, or, in mode ``action``, ``optimal``, the best decoder at equilibrium.
        likelihood: a name; of rows also one of your own, :class:`ifp.Likelihood`.
        exposure: for rows, what the rates of each row are multiplied by: the name of a column, ``total``, or, for rows
            in memory, numbers (N,).
        out: the run's directory; else a new one under ``runs``.
        runs: where runs are kept.
        data_dir: folder of the data set's public files.
        scheduler: address of a Dask cluster, as ``--scheduler`` takes it; its workers measure the pieces of an
            annealing test.
        jobs: how many pieces are measured side by side, in processes of this machine; None: as many as the cores allow.
            Any number gives the same bytes. In mode ``full`` this holds only for what is predicted first.
        resume: go on with the run in ``out``, or the newest unfinished one, to the same bytes as without the stop.
        overwrite: replace the run in ``out``.
        watch: follows the work.

    Raises:
        IFPError: a setting is out of range, the data set is unknown or has no labels (mode ``action``), or the
            directory is in use.
    """
    require_jobs(jobs)
    own_network = network if isinstance(network, Network) else None
    own_likelihood = likelihood if isinstance(likelihood, RowLikelihood) else None
    named = {
        "network": network if own_network is None else OWN,
        "likelihood": likelihood if own_likelihood is None else OWN,
    }
    settings = with_device({**settings, **_present(named)}, resume=resume)
    dataset, settings = with_rows(dataset, settings, exposure)
    place = Place.of(out, runs, data_dir, resume=resume, overwrite=overwrite)
    if mode is None:
        whole = resume and out and open_run(Path(out)).kind == Kind.WHOLE_ANNEALING
        mode = "full" if whole or are_rows(dataset, settings) else "action"
    require_one_of("a mode", mode, get_args(Mode))
    if mode == "full":
        if scheduler is not None:
            raise IFPError("need no --scheduler with --mode full, which is one piece of work")
        return _anneal_whole(dataset, settings, place, watch, jobs, own_network, own_likelihood)
    _refuse_others(settings, "action")
    if are_rows(dataset, settings):
        raise IFPError("need images for --mode action, where a factor runs through its values, got rows: --mode full")
    if own_likelihood is not None:
        raise IFPError("need bernoulli or gaussian for --mode action, got a likelihood of your own")
    _require_one_process(own_network, scheduler, jobs)
    with cluster_at(scheduler) as cluster:
        opened = open_annealing_run(dataset, settings, place, own_network)
        if not opened.run.finished:
            config = opened.config
            words = f"{opened.dataset.name}: {opened.dataset.source}{on_gpu(config.device)}"
            watch.begun(words, opened.run.path, _FILES)
            with pool_for(opened.dataset, jobs, cluster, threads=config.threads, device=config.device) as pool:
                for _ in watch.follow(annealing_test(opened, place.data_dir, pool, own_network), "annealing"):
                    pass
    return Run.of(opened.run)


def _anneal_whole(
    dataset: Data | None,
    settings: Mapping[str, Any],
    place: Place,
    watch: Watch,
    jobs: int | None,
    network: Network | None,
    likelihood: RowLikelihood | None,
) -> Run:
    from ifp.whole_annealing.run import Own, open_whole_run, whole_annealing

    _refuse_others(settings, "full")
    own = Own(network, likelihood)
    opened = open_whole_run(dataset, settings, place, watch, jobs, own)
    if not opened.run.finished:
        words = f"{opened.dataset.name}: {opened.dataset.source}{on_gpu(opened.config.device)}"
        watch.begun(words, opened.run.path, _FILES)
        for _ in watch.follow(whole_annealing(opened, own), "annealing"):
            pass
    return Run.of(opened.run)


def _present(named: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of these."""
    return {name: value for name, value in named.items() if value is not None}


def _require_one_process(network: Network | None, scheduler: str | None, jobs: int | None) -> None:
    """IFPError where other processes are asked for, which do not have the functions of an own network."""
    if network is None:
        return
    asked = "--scheduler" if scheduler is not None else f"{jobs} jobs" if (jobs or 1) > 1 else None
    if asked is not None:
        raise IFPError(f"need one process for a network of your own, whose functions others do not have, got {asked}")


def _refuse_others(settings: Mapping[str, Any], mode: Mode) -> None:
    """IFPError for a setting of the other mode."""
    from ifp.whole_annealing.config import WholeConfig

    action = {field.name for config in (AnnealConfig, SweepConfig, Pace) for field in fields(config)}
    full = {"steps", *(field.name for field in fields(WholeConfig))}
    others = full - action if mode == "action" else action - full
    for name in settings:
        if name in others:
            option = "set-likelihood" if name == "likelihood_settings" else name.replace("_", "-")
            raise IFPError(f"need no --{option} with --mode {mode}, which it does not apply to")
