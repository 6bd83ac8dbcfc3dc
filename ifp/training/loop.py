"""The training loop: steps, records on a fixed probe set, and states to go on from to the same bytes."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from annealing.bottleneck import gaussian_kl, reparameterize
from annealing.errors import DivergenceError
from ifp.datasets.dataset import Dataset
from ifp.files.plain import csv_bytes
from ifp.machine.data_parallel import Workers, average_gradients, averaged
from ifp.machine.progress import Progress
from ifp.objectives.objective import Codes, Control
from ifp.run_directory.run import RunDirectory
from ifp.training.batches import Batches, TrainingBatch
from ifp.training.checkpoint import STATE_FILE, restore, state_bytes
from ifp.training.drawing import Drawing, drawing_of
from ifp.training.learner import Learner
from ifp.training.loop_config import LoopConfig
from ifp.training.loss_log import Losses
from ifp.training.probe import Probe, TraceRecord, encode_all, evaluate, probe_images

_JUDGED_BY = 4096  # images by whose codes an objective judges the model between steps


@dataclass(frozen=True)
class StepRecord:
    """One step taken: what acted in it, and what the batch gave before it."""

    step: int  # number of steps taken, this one included
    control: Control
    loss: float  # nats per image
    terms: Mapping[str, float]  # of the loss: the reconstruction and what the objective adds, weighted


def take_step(learner: Learner, batch: TrainingBatch, step: int, config: LoopConfig, likelihood: Drawing) -> StepRecord:
    """One step on a batch: loss = reconstruction + the objective's terms; each group's step is scaled."""
    model, optimizer, objective = learner.model, learner.optimizer, learner.objective
    control, images = objective.at(step), batch.images
    scales = (*control.scales, *(1.0,) * (len(optimizer.param_groups) - len(control.scales)))
    for group, scale in zip(optimizer.param_groups, scales, strict=True):
        group["lr"] = scale * config.learning_rate_at(step)
    lower = config.precision == "bfloat16"
    with batch.drawing(), torch.autocast(images.device.type, torch.bfloat16) if lower else nullcontext():
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
    learner: Learner, dataset: Dataset, config: LoopConfig, start: int = 0, workers: Workers | None = None
) -> Iterator[StepRecord]:
    """Take the steps from ``start`` on; batch and noise are pure functions of seed and step, so it resumes anywhere.

    Raises:
        DivergenceError: the loss is no longer finite.
    """
    likelihood = drawing_of(dataset, config)
    batches = Batches(
        dataset,
        batch_size=config.batch_size,
        latents=learner.model.latents,
        seed=config.seed,
        device=learner.device,
        workers=workers,
        channels_last=learner.model.channels_last,
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


@dataclass(frozen=True, eq=False)
class Course:
    """A run under way: what learns, what it is judged on, and what was recorded so far."""

    learner: Learner
    probe: Probe
    losses: Losses
    trace: list[TraceRecord]
    step: int  # steps taken before

    @classmethod
    def restored(cls, run: RunDirectory, learner: Learner, probe: Probe) -> "Course":
        """From the run's last state, if it has one; RunError where that is damaged."""
        losses = Losses()
        step, trace = restore(run, learner, losses)
        return cls(learner, probe, losses, trace, step)

    def state(self, step: int) -> bytes:
        """All that resuming after ``step`` steps needs."""
        return state_bytes(self.learner, step, self.trace, self.losses)

    def record(self, control: Control, step: int, likelihood: Drawing) -> None:
        """One more record, after ``step`` steps."""
        self.trace.append(evaluate(self.learner.model, self.probe, control, step, likelihood))


def recorded_steps(
    course: Course,
    dataset: Dataset,
    config: LoopConfig,
    run: RunDirectory,
    *,
    workers: Workers | None = None,
    recorded: Callable[[], None] = lambda: None,
    saved: Callable[[], None] = lambda: None,
) -> Iterator[Progress]:
    """Take the steps that are left, look at the probe set every few of them and as a stage ends, and keep the state.

    Args:
        course: is added to.
        recorded: called after each record, before the means of the losses since the last one are kept.
        saved: called after each state is written.

    Raises:
        DivergenceError: the loss is no longer finite.
    """
    workers = workers or Workers()
    likelihood = drawing_of(dataset, config)
    learner, objective = course.learner, course.learner.objective
    started, last_save, saved_step = time.perf_counter(), time.monotonic(), course.step
    try:
        for record in train_steps(learner, dataset, config, course.step, workers):
            step = record.step
            course.losses.add(record.terms)
            switches = objective.at(step).stage != record.control.stage
            if step % config.eval_every == 0 or switches or step == config.steps:
                course.record(record.control, step, likelihood)
                objective.observe(step, averaged(torch.from_numpy(course.trace[-1].kl).to(learner.device)).cpu())
                recorded()
                course.losses.close_record()
            minutes = config.checkpoint_minutes
            overdue = minutes is not None and time.monotonic() - last_save >= 60 * minutes
            if step % config.checkpoint_every == 0 or overdue or step == config.steps:
                last_save, saved_step = time.monotonic(), step
                if workers.first:
                    run.write(STATE_FILE, course.state(step))
                    saved()
            rate = (step - course.step) * config.batch_size / (time.perf_counter() - started)
            yield Progress(step, config.steps, _doing(record, rate))
    except DivergenceError as error:
        where = f"the last state, of step {saved_step}, is in {run.path}" if saved_step else "no state was saved yet"
        raise DivergenceError(f"{error}; {where}", error.step) from error


def _doing(record: StepRecord, rate: float) -> str:
    terms = ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in record.terms.items())
    stage = f"stage {record.control.stage + 1}, beta {record.control.pressure:.4g}"
    return f"{stage}, {terms}, {rate:,.0f} images/s"


def timing_bytes(steps: int, seconds: float, batch_size: int) -> bytes:
    """timing.csv: of the steps that were taken at a stretch."""
    timing = {"steps": steps, "seconds": seconds, "images_per_second": steps * batch_size / seconds}
    return csv_bytes(tuple(timing), [timing])
