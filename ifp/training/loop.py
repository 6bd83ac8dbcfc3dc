"""Training: one loop over steps, a trace of what the latents carry, and a run that resumes to the same bytes."""

import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.stage_plan import StagePlan
from annealing.bottleneck import gaussian_kl, reparameterize
from annealing.errors import DivergenceError
from annealing.likelihood import Likelihood, likelihood_named
from ifp.datasets.dataset import Dataset
from ifp.files.plain import csv_bytes
from ifp.machine.data_parallel import Workers, average_gradients, averaged
from ifp.machine.device import make_exact, require_device
from ifp.machine.memory import keep_freed_memory
from ifp.machine.progress import Progress
from ifp.machine.threads import use_threads
from ifp.models.networks import Network, network_named
from ifp.objectives.objective import Codes, Control
from ifp.run_directory.run import RunDirectory
from ifp.training.batches import Batches, TrainingBatch
from ifp.training.checkpoint import STATE_FILE, initialise_from, restore, state_bytes, write_checkpoint
from ifp.training.config import TrainConfig
from ifp.training.events import open_events
from ifp.training.learner import Learner, build_learner
from ifp.training.loss_log import Losses
from ifp.training.probe import encode_all, evaluate, probe_images
from ifp.training.results import metrics_bytes, write_results

_JUDGED_BY = 4096  # images by whose codes an objective judges the model between steps


@dataclass(frozen=True)
class StepRecord:
    """One step taken: what acted in it, and what the batch gave before it."""

    step: int  # number of steps taken, this one included
    control: Control
    loss: float  # nats per image
    terms: Mapping[str, float]  # of the loss: the reconstruction and what the objective adds, weighted


def take_step(
    learner: Learner, batch: TrainingBatch, step: int, config: TrainConfig, likelihood: Likelihood
) -> StepRecord:
    """One step on a batch: loss = reconstruction + the objective's terms; each group's step is scaled."""
    model, optimizer, objective = learner.model, learner.optimizer, learner.objective
    control, images = objective.at(step), batch.images
    scales = (*control.scales, *(1.0,) * (len(optimizer.param_groups) - len(control.scales)))
    for group, scale in zip(optimizer.param_groups, scales, strict=True):
        group["lr"] = scale * config.learning_rate_at(step)
    lower = config.precision == "bfloat16"
    with torch.autocast(images.device.type, torch.bfloat16) if lower else nullcontext():
        mean, logvar = model.encode(images, control.open_groups, control.fixed_groups)
        mean, logvar = objective.posterior(mean, logvar, control)
        sample = reparameterize(mean, logvar, batch.noise)
        output = model.decode(sample, control.open_groups)
    reconstruction = likelihood.nats(output.float(), images).sum() / len(images)
    codes = Codes(mean, logvar, sample, gaussian_kl(mean, logvar).sum(dim=0) / len(images), batch.stream)
    control = objective.informed(control, codes)
    terms = {"reconstruction": reconstruction, **objective.terms(codes, control)}
    loss = torch.stack(list(terms.values())).sum()
    optimizer.zero_grad(set_to_none=True)  # a closed group has no gradient, and Adam leaves it alone
    loss.backward()
    average_gradients(model)
    optimizer.step()
    objective.after_step(step, codes)
    total, *parts = averaged(torch.stack([loss, *terms.values()])).tolist()
    return StepRecord(step + 1, control, total, dict(zip(terms, parts, strict=True)))


def train_steps(
    learner: Learner, dataset: Dataset, config: TrainConfig, start: int = 0, workers: Workers | None = None
) -> Iterator[StepRecord]:
    """Take the steps from ``start`` on; batch and noise are pure functions of seed and step, so it resumes anywhere.

    Raises:
        DivergenceError: the loss is no longer finite.
    """
    likelihood = likelihood_named(config.likelihood)
    batches = Batches(
        dataset,
        batch_size=config.batch_size,
        latents=learner.model.latents,
        seed=config.seed,
        device=learner.device,
        workers=workers,
        channels_last=config.channels_last,
    )

    def codes(groups: int) -> tuple[Tensor, Tensor]:
        return encode_all(learner.model, probe_images(dataset, _JUDGED_BY, config.seed).images, groups)

    for step in range(start, config.steps):
        learner.objective.prepare(step, learner.model, codes)
        record = take_step(learner, batches.at(step), step, config, likelihood)
        if not np.isfinite(record.loss):
            raise DivergenceError(f"training diverged at step {record.step} (loss {record.loss})", record.step)
        if record.step == config.steps:
            learner.objective.prepare(record.step, learner.model, codes)
        yield record


def train_run(
    dataset: Dataset,
    config: TrainConfig,
    plan: StagePlan | None,
    run: RunDirectory,
    workers: Workers | None = None,
    network: Network | None = None,
) -> Iterator[Progress]:
    """Train from the run's last checkpoint, if it has one, to its end, and write its results.

    Args:
        network: the user's own, where the config says so.

    Raises:
        DivergenceError: the loss is no longer finite.
        RunError: the state to go on from is damaged.
    """
    use_threads(config.threads)
    keep_freed_memory()
    workers = workers or Workers()
    make_exact()
    with run.writing() if workers.first else nullcontext():
        initialise = not (run.path / STATE_FILE).is_file()
        learner = start_learner(dataset, config, plan, initialise=initialise, network=network)
        objective, probe, losses = learner.objective, probe_images(dataset, config.probe, config.seed), Losses()
        likelihood = likelihood_named(config.likelihood)
        step, trace = restore(run, learner, losses)
        if not trace:
            trace.append(evaluate(learner.model, probe, objective.at(0), 0, likelihood))
            losses.record()
            if workers.first and config.init_from is not None:  # what it starts from may change or go
                run.write(STATE_FILE, state_bytes(learner, step, trace, losses))
        events = open_events(run, config.tensorboard and workers.first, step)
        started, first, saved, saved_step = time.perf_counter(), step, time.monotonic(), step
        try:
            for record in train_steps(learner, dataset, config, step, workers):
                step = record.step
                losses.add(record.terms)
                switches = objective.at(step).stage != record.control.stage
                if step % config.eval_every == 0 or switches or step == config.steps:
                    trace.append(evaluate(learner.model, probe, record.control, step, likelihood))
                    objective.observe(step, averaged(torch.from_numpy(trace[-1].kl).to(learner.device)).cpu())
                    events.add(trace[-1], losses.record())
                overdue = config.checkpoint_minutes and time.monotonic() - saved >= 60 * config.checkpoint_minutes
                if step % config.checkpoint_every == 0 or overdue or step == config.steps:
                    saved, saved_step = time.monotonic(), step
                    if workers.first:
                        run.write(STATE_FILE, state_bytes(learner, step, trace, losses))
                        run.write("metrics.csv", metrics_bytes(trace, losses.records))
                yield Progress(
                    step, config.steps, _doing(record, (step - first) / (time.perf_counter() - started), config)
                )
        except DivergenceError as error:
            where = (
                f"the last state, of step {saved_step}, is in {run.path}" if saved_step else "no state was saved yet"
            )
            advice = f"start again with a lower --learning-rate, perhaps with --init-from {run.path} in another --out"
            raise DivergenceError(f"{error}; {where}: {advice}", error.step) from error
        finally:
            events.close()
        if not workers.first:
            return
        seconds = time.perf_counter() - started
        timing = {
            "steps": step - first,
            "seconds": seconds,
            "images_per_second": (step - first) * config.batch_size / seconds,
        }
        run.write("timing.csv", csv_bytes(tuple(timing), [timing]))
        run.write("metrics.csv", metrics_bytes(trace, losses.records))  # again: the last state may have come without it
        write_results(run, dataset, learner.model, trace, probe, config)
        write_checkpoint(run, learner, config, step)


def start_learner(
    dataset: Dataset,
    config: TrainConfig,
    plan: StagePlan | None,
    *,
    initialise: bool = True,
    network: Network | None = None,
) -> Learner:
    """The learner that the settings describe, before its first step.

    Args:
        initialise: whether to read the parameters of the run that ``init_from`` names; not where a state follows.
        network: the user's own, where the config says so.

    Raises:
        IFPError: parameters to start from do not fit.
    """
    learner = build_learner(
        config.objective_for(dataset, plan),
        network or network_named(config.network or ""),
        dataset.image_shape,
        config.learning_rate,
        device=require_device(config.device),
        channels_last=config.channels_last,
    )
    if initialise and config.init_from is not None:
        initialise_from(learner.model, config.init_from)
    if config.compile:
        for part in (*learner.model.encoders, learner.model.decoder):
            part.compile(dynamic=False)
    return learner


def _doing(record: StepRecord, rate: float, config: TrainConfig) -> str:
    terms = ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in record.terms.items())
    stage = f"stage {record.control.stage + 1}, beta {record.control.pressure:.4g}"
    return f"{stage}, {terms}, {rate * config.batch_size:,.0f} images/s"
