"""Whole-data annealing: one network with many latents sees the whole data set while the pressure falls once."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from annealing.errors import IFPError
from annealing.likelihood import likelihood_named
from ifp.checkpoint import STATE_FILE, restore, state_bytes
from ifp.datasets import load_dataset
from ifp.datasets.dataset import DataOptions, Dataset, describe
from ifp.device import require_device
from ifp.evaluation import evaluate, probe_images
from ifp.learner import Learner, build_learner
from ifp.losses import Losses
from ifp.memory import keep_freed_memory
from ifp.networks import convolutional
from ifp.objectives import Setup
from ifp.objectives.cooling import Cooling
from ifp.precision import resolved_precision
from ifp.resuming import continued_run, reopen_run
from ifp.run_files import csv_bytes
from ifp.runs import Run, create_run, new_run_path
from ifp.threads import use_threads
from ifp.train_config import TrainConfig
from ifp.training import Progress, train_steps
from ifp.whole_results import KIND, write_whole_results

PRESSURES = (4.0, 400.0)  # nats; swept where nothing was predicted: dSprites at 64x64, with room
_TOP, _REACH = 1.25, 100.0  # top of the swept range over the highest prediction, and top over bottom


@dataclass(frozen=True, kw_only=True)
class WholeConfig:
    """Settings of whole-data annealing, as config.json records them."""

    dataset: str  # its name, or the path of the user's own
    data_options: DataOptions = field(default_factory=DataOptions)
    pressures: tuple[float, float]  # low, high: held and cooled from the high one to the low one, nats
    latents: int = 10
    hold_steps: int = 500  # at the highest pressure, until the decoder draws the mean image
    cool_steps: int = 11_500
    batch_size: int = 64
    learning_rate: float = 5e-4  # Adam
    likelihood: str = "bernoulli"
    channels: int = 32  # feature maps of the layers next to the image, of encoder and decoder
    hidden: int = 256  # units of the hidden layers
    thresholds: tuple[float, ...] = (0.1, 0.01)  # nats of KL from which a latent is active; the first is the main one
    predicted: Mapping[str, float] = field(default_factory=dict)  # closed-form freezing points by factor, nats
    record_every: int = 100  # steps
    probe: int = 2048  # images of the fixed probe set
    checkpoint_every: int = 250  # steps
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        low, high = self.pressures
        if not 0 < low < high < float("inf"):
            raise IFPError(f"need pressures LO:HI with 0 < LO < HI, got {low:g}:{high:g}")
        for name in ("latents", "hold_steps", "channels", "hidden", "record_every"):
            if getattr(self, name) < 1:
                raise IFPError(f"need {name} of at least 1, got {getattr(self, name)}")
        if self.cool_steps <= self.record_every:
            raise IFPError(
                f"need more steps of cooling than the {self.record_every} from record to record, got {self.cool_steps}"
            )
        if not self.thresholds or min(self.thresholds) <= 0:
            raise IFPError(f"need thresholds above 0 nats, got {self.thresholds}")
        if not all(0 < value < float("inf") for value in self.predicted.values()):
            raise IFPError(f"need predicted freezing points above 0 nats, got {dict(self.predicted)}")
        self.training()  # checks the rest

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.hold_steps + self.cool_steps

    def objective_for(self, dataset: Dataset) -> Cooling:
        """The pressure of each step."""
        low, high = self.pressures
        setup = Setup(self.latents, self.steps, len(dataset), self.seed)
        return Cooling(setup=setup, high=high, low=low, hold_steps=self.hold_steps, cool_steps=self.cool_steps)

    def training(self) -> TrainConfig:
        """The same settings as the training loop takes them; it gets its objective beside them."""
        return TrainConfig(
            dataset=self.dataset,
            data_options=self.data_options,
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            likelihood=self.likelihood,
            eval_every=self.record_every,
            probe=self.probe,
            checkpoint_every=self.checkpoint_every,
            seed=self.seed,
            threads=self.threads,
            device=self.device,
            precision=self.precision,
        )


def start_cooling(dataset: Dataset, config: WholeConfig) -> Learner:
    """One encoder for all latents and a decoder of the same size, initialised from the seed alone."""
    return build_learner(
        config.objective_for(dataset),
        convolutional(config.channels, config.hidden),
        dataset.image_shape,
        config.learning_rate,
        device=require_device(config.device),
        channels_last=config.training().channels_last,
    )


def whole_annealing(dataset: Dataset, config: WholeConfig, run: Run) -> Iterator[Progress]:
    """Hold and cool from the run's last state, if it has one, to the end, and write the results.

    An interrupted run goes on to the same bytes. Cooling lags: the freezing points read are lower bounds (see the
    protocol's name in freezing.csv), slower cooling raises them.

    Raises:
        IFPError: the loss is no longer finite.
    """
    use_threads(config.threads)
    keep_freed_memory()
    training, likelihood, losses = config.training(), likelihood_named(config.likelihood), Losses()
    with run.writing():
        learner = start_cooling(dataset, config)
        probe = probe_images(dataset, config.probe, config.seed)
        step, trace = restore(run, learner, losses)
        started, first = time.perf_counter(), step
        for record in train_steps(learner, dataset, training, step):
            step = record.step
            if step % config.record_every == 0 or step in (config.hold_steps, config.steps):
                trace.append(evaluate(learner.model, probe, record.control, step, likelihood))
            if step % config.checkpoint_every == 0 or step == config.steps:
                run.write(STATE_FILE, state_bytes(learner, step, trace, losses))
            yield Progress(step, config.steps, f"beta {record.control.pressure:.4g}, loss {record.loss:.1f}")
        seconds = time.perf_counter() - started
        timing = {
            "steps": step - first,
            "seconds": seconds,
            "milliseconds_per_step": 1e3 * seconds / max(step - first, 1),
        }
        run.write("timing.csv", csv_bytes(tuple(timing), [timing]))
        write_whole_results(run, dataset, learner.model, trace, probe)


def swept_range(predicted: Mapping[str, float]) -> tuple[float, float]:
    """The pressures to cool between, low and high: from above the highest prediction down to a hundredth of that."""
    if not predicted:
        return PRESSURES
    high = _TOP * max(predicted.values())
    return high / _REACH, high


def open_whole_run(
    given: Mapping[str, Any],
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> tuple[Dataset, WholeConfig, Run]:
    """Data set, config and directory of a new run, or of one that goes on.

    Args:
        given: settings by name, of :class:`WholeConfig`; without ``pressures`` those of :func:`swept_range`.
        out: the run's directory; else a new one under ``runs`` or, with ``resume``, the newest unfinished one.
        data_dir: folder of the data set's public files.

    Raises:
        IFPError: a setting is out of range, the data set is unknown, the directory is in use, or a resumed run
            has other settings or data.
    """
    if resume:
        return reopen_run(KIND, WholeConfig, given, out, runs, data_dir)
    if "dataset" not in given:
        raise IFPError("need a data set: --dataset NAME, e.g. --dataset dsprites")
    dataset = load_dataset(given["dataset"], data_dir, **given.get("data_options", {}))
    return dataset, *_new_run(dataset, given, out, runs, overwrite=overwrite)


def _new_run(
    dataset: Dataset, given: Mapping[str, Any], out: Path | None, runs: Path, *, overwrite: bool = False
) -> tuple[WholeConfig, Run]:
    opened = {"dataset": dataset.reference, "data_options": dataset.options}
    config = WholeConfig(**{"pressures": swept_range(given.get("predicted", {})), **given, **opened})
    if dataset.factors is not None:
        for name in config.predicted:
            dataset.factors.position(name)
    config = replace(config, precision=resolved_precision(config.precision, require_device(config.device)))
    path = out if out is not None else new_run_path(runs, KIND, dataset.name)
    return config, create_run(path, KIND, config, describe(dataset), overwrite=overwrite)


def anneal_whole(
    dataset: Dataset, *, out: Path | None = None, resume: bool = False, overwrite: bool = False, **settings: Any
) -> Run:
    """Cool one network on the whole data set and return the run: mode ``full`` of :func:`ifp.anneal`."""
    if resume:
        run, config = continued_run(KIND, WholeConfig, settings, dataset, out)
        if run.finished:
            return run
    else:
        config, run = _new_run(dataset, settings, out, Path("runs"), overwrite=overwrite)
    for _ in whole_annealing(dataset, config, run):
        pass
    return run
