"""``ifp.watch``: a run written by anybody's own training loop."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from annealing.choices import LikelihoodName
from annealing.errors import IFPError
from annealing.loss_forms import LossName
from ifp.datasets.arrays import Data
from ifp.run_directory.kinds import Kind
from ifp.run_directory.opening import asked_dataset, require_same_data, require_same_settings
from ifp.run_directory.run import create_run, open_run
from ifp.training.events import require_tensorboard
from ifp.watching.config import described_data, watch_config
from ifp.watching.loop import WatchedLoop, to_stderr
from ifp.watching.watched import data_freezing


def watch(
    *,
    out: str | Path,
    latents: int,
    data: Data | None = None,
    loss: LossName | None = None,
    features: int | None = None,
    batch_size: int | None = None,
    kl_mean_over: int | None = None,
    likelihood: LikelihoodName | None = None,
    freezing_point: float | None = None,
    factor_names: Sequence[str] | None = None,
    every: int | None = None,
    seed: int | None = None,
    tensorboard: bool = False,
    tell: Callable[[str], object] = to_stderr,
    data_dir: str | Path | None = None,
    data_options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> WatchedLoop:
    """Watch a training loop of your own: two lines in it write a run that every command reads. ::

        watch = ifp.watch(out="runs/mine", data=images, latents=10)
        for step, x in enumerate(batches):
            ...
            watch(step, beta=beta, mean=mean, logvar=logvar)
        watch.close()

    While the model trains, it tells you in one line when a latent froze or fell silent, and at which pressure; when a
    factor began to spread, gathered or moved; and when everything is silent, and how far the weight lies above the
    freezing point of the data.

    If the run exists, the watch goes on after its last reading. A loop that was killed and started again with the same
    arguments gives the same bytes. If several processes train one model, only one may watch.

    Args:
        out: the run's directory, new or of the same watch.
        latents: of the model.
        data: what the loop trains on, as :func:`ifp.spectrum` takes it. It gives the freezing point, the names of the
            factors, and the stages that :func:`ifp.plan_stages` plans.
        loss: your own loss, by its name in :mod:`annealing.loss_forms`, if ``beta`` is the weight of its KL; None:
            ``beta`` is in nats.
        features, batch_size, kl_mean_over: of that loss, as :func:`ifp.beta_in_nats` takes them; with ``data``,
            features are those of the data.
        likelihood: of the reconstruction, for the freezing point. None: that of the loss, else bernoulli.
        freezing_point: of the data, nats, where it is known; None: computed from the data.
        factor_names: of the labels; None: those of the data, else factor0, factor1, ...
        every: steps from reading to reading; None: 50.
        seed: of the shuffled labels that chance is measured by; None: 0.
        tensorboard: write events for TensorBoard, too.
        tell: a function that gets each line; by default the lines go to stderr.
        data_dir: folder of the data set's public files.
        data_options: how data given by name are opened.
        overwrite: replace the run in ``out``.

    Raises:
        IFPError: a setting is out of range, data that are none, or a directory that holds something else, is written by
            another process or was begun with other settings.
    """
    if not isinstance(out, (str, Path)):
        raise IFPError(f"need a directory as out, got {type(out).__name__}")
    require_tensorboard(tensorboard)
    options = {"data_options": data_options or {}}
    folder = None if data_dir is None else Path(data_dir)
    dataset = None if data is None else asked_dataset(data, options, folder, "data")
    own: dict[str, object] = {
        "latents": latents, "loss": loss, "features": features, "batch_size": batch_size, "kl_mean_over": kl_mean_over,
        "likelihood": likelihood, "freezing_point": freezing_point, "every": every, "seed": seed,
        "factor_names": None if factor_names is None else tuple(factor_names),
    }  # fmt: skip
    config = watch_config(dataset, own)
    path = Path(out).expanduser()
    if (path / "config.json").is_file() and not overwrite:
        run = open_run(path)
        require_same_settings(run, Kind.WATCHED, asdict(config))
        if dataset is not None:
            require_same_data(run, dataset)
    else:
        run = create_run(path, Kind.WATCHED, config, described_data(dataset, path.name), overwrite=overwrite)
    names = () if dataset is None or dataset.factors is None else dataset.factors.names
    first = functools.cache(lambda: data_freezing(config, dataset))
    return WatchedLoop(run, config, first, names=names, tensorboard=tensorboard, tell=tell)
