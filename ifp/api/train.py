"""``ifp.train``: a training run from Python."""

from pathlib import Path
from typing import Any

from analysis.records import require_settings
from analysis.stage_plan import StagePlan
from ifp.api.run import Run
from ifp.datasets import load_dataset
from ifp.datasets.dataset import Dataset
from ifp.models.networks import OWN, Network
from ifp.run_directory.kinds import Kind
from ifp.run_directory.resume import continued_run
from ifp.training.config import TrainConfig
from ifp.training.loop import train_run
from ifp.training.run import as_recorded, new_training_run, resumed_plan


def train(
    dataset: Dataset | str | Path,
    *,
    plan: StagePlan | None = None,
    network: Network | str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **settings: Any,
) -> Run:
    """Train on a data set, by a plan's stages where there is one, and return the finished run.

    The other settings are those of :class:`ifp.training.config.TrainConfig`, by name: ::

        ifp.train(ds, plan=plan, steps=6000)
        ifp.train(ds, objective="beta-vae", parameters={"beta": 4.0}, latents=10, steps=20_000, seed=1)
        ifp.train(ds, objective="annealed-beta", network=ifp.Network(MyEncoder, MyDecoder))

    Args:
        dataset: or its name, or the path of the user's own.
        plan: of :func:`ifp.plan_stages`, for DEFT.
        network: a name (``conv``, ``dense``, ...) or the user's own modules: :class:`ifp.Network`.
        out: the run's directory; else a new one under ``runs/``.
        resume: go on with the run in ``out``, to the same bytes as without the stop.
        overwrite: replace the run in ``out``.

    Raises:
        IFPError: a setting is out of range, the plan does not fit or is missing, the directory is in use, or training
            diverges.
    """
    dataset = load_dataset(str(dataset)) if isinstance(dataset, (str, Path)) else dataset
    given = {**settings, **({} if network is None else {"network": OWN if isinstance(network, Network) else network})}
    own = network if isinstance(network, Network) else None
    path = None if out is None else Path(out)
    if resume:
        run, config = continued_run(Kind.TRAINING, TrainConfig, as_recorded(given), dataset, path)
        plan = resumed_plan(run, plan)
        if run.finished:
            return Run.of(run)
    else:
        require_settings(TrainConfig, given)
        config = TrainConfig(dataset=dataset.reference, data_options=dataset.options, **given)
        config, run = new_training_run(dataset, config, plan, path, Path("runs"), overwrite=overwrite, network=own)
    for _ in train_run(dataset, config, plan, run, network=own):
        pass
    return Run.of(run)
