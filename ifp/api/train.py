"""``ifp.train``: a training run."""

from pathlib import Path
from typing import Any

from analysis.stage_plan import StagePlan
from annealing.choices import OWN
from ifp.api.run import Run
from ifp.datasets.arrays import Data
from ifp.datasets.samples import PerRow
from ifp.datasets.user_rows import with_rows
from ifp.machine.data_parallel import first_process
from ifp.machine.device import on_gpu, with_device
from ifp.machine.progress import UNWATCHED, Watch
from ifp.models.networks import Network
from ifp.run_directory.kinds import RUNS
from ifp.run_directory.opening import Place
from ifp.training.plan import read_plan
from ifp.training.presets import with_preset
from ifp.training.run import joined_run, train_run


def train(
    dataset: Data | None = None,
    *,
    plan: StagePlan | str | Path | None = None,
    network: Network | str | None = None,
    preset: str | None = None,
    exposure: PerRow | None = None,
    out: str | Path | None = None,
    runs: str | Path = RUNS,
    data_dir: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    force: bool = False,
    watch: Watch = UNWATCHED,
    **settings: Any,
) -> Run:
    """Train on a data set, by the stages of a plan if there is one, and return the finished run.

    The other settings are those of :class:`ifp.training.config.TrainConfig`, by name: ::

        ifp.train(ds, plan=plan, steps=6000)
        ifp.train(ds, objective="beta-vae", parameters={"beta": 4.0}, latents=10, steps=20_000, seed=1)
        ifp.train(ds, objective="annealed-beta", network=ifp.Network(MyEncoder, MyDecoder))
        ifp.train(counts, objective="beta-vae", likelihood="poisson", exposure="total")  # rows (N, D)

    Args:
        dataset: a data set, its name, the path of the user's own, or arrays (images, or images and factors; rows (N, D)
            as :func:`ifp.from_rows` takes them, or rows and factors); else the plan's, or the resumed run's.
        plan: of :func:`ifp.plan_stages`, for DEFT; or the path of its JSON, ``-`` for standard input.
        network: a name (``conv``, ``dense``, ...), or modules of your own: :class:`ifp.Network`.
        preset: the settings of a study, ``locatello``, ``deft-2022`` or ``deft-2021``; settings that you give win.
        exposure: for rows, what the rates of each row are multiplied by: the name of a column, ``total``, or, for rows
            in memory, numbers (N,).
        out: the run's directory; else a new one under ``runs``.
        runs: where runs are kept.
        data_dir: folder of the data set's public files.
        resume: go on with the run in ``out``, or the newest unfinished one, to the same bytes as without the stop.
        overwrite: replace the run in ``out``.
        force: use a plan made for other data.
        watch: follows the work.

    Raises:
        IFPError: a setting is out of range, the plan does not fit or is missing, the directory is in use, or training
            diverges.
    """
    stages = read_plan(str(plan)) if isinstance(plan, (str, Path)) and first_process() else plan
    given = with_preset(preset, with_device(settings, resume=resume))
    dataset, given = with_rows(dataset, given, exposure)
    if network is not None:
        given["network"] = OWN if isinstance(network, Network) else network
    place = Place.of(out, runs, data_dir, resume=resume, overwrite=overwrite)
    own = network if isinstance(network, Network) else None
    stages = stages if isinstance(stages, StagePlan) else None  # another process reads the path's, and shares it
    with joined_run(dataset, stages, given, place, force=force, network=own) as (workers, opened):
        if not opened.run.finished:
            steps = train_run(opened, workers)
            if workers.first:
                files = ("config.json", "trace.npz", "checkpoint.safetensors")
                where = on_gpu(opened.config.device)
                watch.begun(f"{opened.dataset.name}: {opened.dataset.source}{where}", opened.run.path, files)
                steps = watch.follow(steps, "training")
            for _ in steps:
                pass
    return Run.of(opened.run)
