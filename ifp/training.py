"""Training: one loop over steps, a trace of what the latents carry, and a run that resumes to the same bytes."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from analysis.stage_plan import StagePlan
from annealing.bottleneck import gaussian_kl, reparameterize
from annealing.errors import IFPError
from annealing.likelihood import Likelihood, likelihood_named
from ifp.checkpoint import STATE_FILE, restore, state_bytes, write_checkpoint
from ifp.datasets import load_dataset
from ifp.datasets.dataset import DataOptions, Dataset, describe, to_float
from ifp.deft import Deft, MultiGroupVAE
from ifp.device import require_device
from ifp.evaluation import evaluate, probe_images, write_results
from ifp.objectives.annealed_beta import AnnealedBeta
from ifp.objectives.objective import Objective
from ifp.plan_file import require_fitting
from ifp.runs import Run, create_run, csv_bytes, json_bytes, new_run_path, reopen_run
from ifp.threads import use_threads

OBJECTIVES = ("deft", "annealed-beta")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training run, as config.json records them."""

    dataset: str  # its name, or the path of the user's own
    data_options: DataOptions = field(default_factory=DataOptions)
    objective: str = "deft"
    steps: int = 6000
    batch_size: int = 64
    learning_rate: float = 5e-4  # Adam, as in the reference's DEFT
    likelihood: str = "bernoulli"
    eval_every: int = 250  # steps
    probe: int = 2048  # images of the fixed probe set
    checkpoint_every: int = 250  # steps
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        likelihood_named(self.likelihood)
        for name, choices in (("objective", OBJECTIVES), ("precision", PRECISIONS)):
            if getattr(self, name) not in choices:
                raise IFPError(f"need an {name} out of {', '.join(choices)}, got {getattr(self, name)!r}")
        for name in ("steps", "batch_size", "eval_every", "probe", "checkpoint_every", "threads"):
            if getattr(self, name) < 1:
                raise IFPError(f"need {name} of at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise IFPError(f"need a learning rate above 0, got {self.learning_rate}")


@dataclass(frozen=True)
class StepRecord:
    """One step taken: what the batch gave before it."""

    step: int  # number of steps taken, this one included
    stage: int
    pressure: float
    loss: float  # nats per image


def objective_of(config: TrainConfig, plan: StagePlan) -> Objective:
    """The objective that the config names, with the plan's stages or between its first and last pressure."""
    if config.objective == "deft":
        return Deft(plan, config.steps)
    return AnnealedBeta(plan.latents, plan.stages[0].pressure, plan.stages[-1].pressure, config.steps)


def build_model(objective: Objective, image_shape: tuple[int, int, int], seed: int) -> MultiGroupVAE:
    """The objective's networks, initialised from the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MultiGroupVAE(image_shape, objective.groups, objective.channels, objective.hidden)


def build_optimizer(model: MultiGroupVAE, learning_rate: float) -> torch.optim.Adam:
    """Adam with a parameter group per sub-encoder, then one for the decoder."""
    groups = [{"params": list(part.parameters())} for part in (*model.encoders, model.decoder)]
    return torch.optim.Adam(groups, lr=learning_rate, fused=True)


def take_step(
    model: MultiGroupVAE,
    optimizer: torch.optim.Adam,
    objective: Objective,
    likelihood: Likelihood,
    images: Tensor,
    noise: Tensor,
    step: int,
    config: TrainConfig,
) -> StepRecord:
    """One step on a batch (batch, C, H, W) with noise (batch, latents); the sub-encoders' steps are scaled."""
    control = objective.at(step)
    for group, scale in zip(optimizer.param_groups, (*control.scales, 1.0), strict=True):
        group["lr"] = scale * config.learning_rate
    with torch.autocast(images.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        mean, logvar = model.encode(images, control.open_groups)
        output = model.decode(reparameterize(mean, logvar, noise))
    reconstruction = likelihood.nats(output.float(), images).sum() / len(images)
    loss = reconstruction + control.pressure * gaussian_kl(mean, logvar).sum() / len(images)
    optimizer.zero_grad(set_to_none=True)  # a closed group has no gradient, and Adam leaves it alone
    loss.backward()
    optimizer.step()
    return StepRecord(step + 1, control.stage, control.pressure, loss.item())


def train_steps(
    model: MultiGroupVAE,
    optimizer: torch.optim.Adam,
    objective: Objective,
    dataset: Dataset,
    config: TrainConfig,
    start: int = 0,
) -> Iterator[StepRecord]:
    """Take the steps from ``start`` on; batch and noise are pure functions of seed and step, so it resumes anywhere.

    Raises:
        IFPError: the loss is no longer finite.
    """
    likelihood = likelihood_named(config.likelihood)
    device = next(model.parameters()).device
    for step in range(start, config.steps):
        index = np.random.default_rng([config.seed, 2, step]).integers(0, len(dataset), config.batch_size)
        images = torch.from_numpy(to_float(dataset.images(index))).permute(0, 3, 1, 2).to(device)
        stream = Generator().manual_seed(int(np.random.SeedSequence([config.seed, 3, step]).generate_state(1)[0]))
        noise = torch.randn(len(images), model.latents, generator=stream).to(device)
        record = take_step(model, optimizer, objective, likelihood, images, noise, step, config)
        if not np.isfinite(record.loss):
            raise IFPError(f"training diverged at step {record.step} (loss {record.loss}); try a lower --learning-rate")
        yield record


@dataclass(frozen=True)
class Progress:
    """Where a training run stands."""

    done: int
    total: int
    doing: str


def train_run(dataset: Dataset, config: TrainConfig, plan: StagePlan, run: Run) -> Iterator[Progress]:
    """Train from the run's last checkpoint, if it has one, to its end, and write its results."""
    use_threads(config.threads)
    device = require_device(config.device)
    objective = objective_of(config, plan)
    model = build_model(objective, dataset.image_shape, config.seed).to(device)
    optimizer = build_optimizer(model, config.learning_rate)
    probe = probe_images(dataset, config.probe, config.seed)
    step, trace = restore(run, model, optimizer)
    started, first = time.perf_counter(), step
    if not trace:
        trace.append(evaluate(model, probe, objective, 0, config))
    switches = {each for each in range(1, config.steps) if objective.at(each).stage != objective.at(each - 1).stage}
    for record in train_steps(model, optimizer, objective, dataset, config, step):
        step = record.step
        if step % config.eval_every == 0 or step in switches or step == config.steps:
            trace.append(evaluate(model, probe, objective, step, config))
        if step % config.checkpoint_every == 0 or step == config.steps:
            run.write(STATE_FILE, state_bytes(model, optimizer, step, trace))
        doing = f"stage {record.stage + 1}, beta {record.pressure:.4g}, loss {record.loss:.1f}"
        yield Progress(step, config.steps, doing)
    seconds = time.perf_counter() - started
    timing = {
        "steps": step - first,
        "seconds": seconds,
        "images_per_second": (step - first) * config.batch_size / seconds,
    }
    run.write("timing.csv", csv_bytes(tuple(timing), [timing]))
    write_results(run, dataset, model, trace, probe, config)
    write_checkpoint(run, model, objective, step)


def open_training_run(
    given: Mapping[str, Any],
    plan: StagePlan | None,
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    force: bool = False,
) -> tuple[Dataset, TrainConfig, StagePlan, Run]:
    """Data set, config, plan and directory of a new training run, or of one that goes on.

    Args:
        given: settings by name, of :class:`TrainConfig`.
        plan: the stages; with ``resume`` the run's own plan.json is used.
        out: the run's directory; else a new one under ``runs`` or, with ``resume``, the newest unfinished one.
        force: use a plan made for other data.

    Raises:
        IFPError: a setting is out of range, the plan does not fit, or the directory or its settings do not.
    """
    if resume:
        dataset, config, run = reopen_run("train", TrainConfig, given, out, runs, data_dir)
        return dataset, config, StagePlan.from_json((run.path / "plan.json").read_text(encoding="utf-8")), run
    if plan is None:
        raise IFPError("need a stage plan: --plan FILE, or --plan - to read it from stdin")
    name = given.get("dataset", plan.dataset)
    dataset = load_dataset(name, data_dir, **given.get("data_options", {}))
    config = TrainConfig(**{**given, "dataset": dataset.reference, "data_options": dataset.options})
    run = _new_run(dataset, config, plan, out, runs, overwrite=overwrite, force=force)
    return dataset, config, plan, run


def _new_run(
    dataset: Dataset,
    config: TrainConfig,
    plan: StagePlan,
    out: Path | None,
    runs: Path,
    *,
    overwrite: bool = False,
    force: bool = False,
) -> Run:
    """A run directory with config.json and plan.json, once everything has been checked."""
    require_device(config.device)
    if not force:
        require_fitting(plan, dataset, config.likelihood)
    if config.objective == "deft" and config.steps < len(plan.stages):
        raise IFPError(f"need a step or more for each of the {len(plan.stages)} stages, got {config.steps}")
    path = out if out is not None else new_run_path(runs, "train", dataset.name)
    run = create_run(path, "train", config, describe(dataset), overwrite=overwrite)
    run.write("plan.json", json_bytes(plan))
    return run


def train(dataset: Dataset, *, plan: StagePlan, out: str | Path | None = None, **settings: Any) -> Run:
    """Train on a plan's stages and return the finished run; settings are :class:`TrainConfig`'s."""
    config = TrainConfig(dataset=dataset.reference, data_options=dataset.options, **settings)
    run = _new_run(dataset, config, plan, None if out is None else Path(out), Path("runs"))
    for _ in train_run(dataset, config, plan, run):
        pass
    return run
