"""Reading a finished training run: settings, trace, checkpoint, plan and scores, each file once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.information import adjusted_information, chance_deviation
from analysis.information_trace import InformationTrace, gated
from analysis.plain_json import shown
from analysis.stage_plan import StagePlan
from annealing.errors import RunError
from ifp.files.npz import load_arrays
from ifp.files.plain import load_json
from ifp.objectives import objective_named
from ifp.objectives.staged import Staged
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.checkpoint import Checkpoint, read_checkpoint
from ifp.training.config import TrainConfig, recorded_config
from ifp.training.plan import run_plan
from ifp.training.probe import probed_images

SCORES_FILE = "scores.json"
# what is read of trace.npz
TRACE = {
    "step": "numbers: records", "stage": "numbers: records", "pressure": "numbers: records",
    "reconstruction": "numbers: records", "kl": "floats: records latents", "mi": "floats: records latents factors",
    "mi_null": "floats: records latents factors", "factors": "names: factors", "entropy": "floats: factors",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trace:
    """What a run recorded on its fixed probe set; pressures and information in nats.

    Attributes:
        step, stage, pressure, reconstruction: of each record (records,); reconstruction per image, summed over pixels.
        kl: (records, latents), means over the probe set.
        mi, mi_null: information about each factor, and of shuffled labels (records, latents, factors).
        names: of the factors; none if the data are unlabelled.
        entropy: of each factor on the probe set (factors,).
    """

    step: NDArray[np.int64]
    stage: NDArray[np.int64]
    pressure: NDArray[np.float64]
    reconstruction: NDArray[np.float64]
    kl: NDArray[np.float32]
    mi: NDArray[np.float64]
    mi_null: NDArray[np.float64]
    names: tuple[str, ...]
    entropy: NDArray[np.float64]

    @property
    def above(self) -> NDArray[np.float64]:
        """Information above chance, nats (records, latents, factors), 0 or more."""
        return adjusted_information(self.mi, self.mi_null, self.entropy)

    @property
    def stage_ends(self) -> NDArray[np.int64]:
        """Records at which stages ended; the last record if there was a single stage."""
        return np.append(np.flatnonzero(np.diff(self.stage)), len(self.stage) - 1)


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A finished training run. Each property reads its file on first use, and raises RunError if the file is missing or
    damaged."""

    run: RunDirectory

    @cached_property
    def config(self) -> TrainConfig:
        """Its settings."""
        return recorded_config(self.run)

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """How its model is built: checkpoint.json."""
        return read_checkpoint(self.run)

    @cached_property
    def plan(self) -> StagePlan | None:
        """The plan that it was trained by; None if it had none."""
        return run_plan(self.run)

    @property
    def staged_plan(self) -> StagePlan | None:
        """The plan whose stages it went through; None if it had none, or took only pressures from it."""
        return self.plan if issubclass(objective_named(self.config.objective), Staged) else None

    @cached_property
    def trace(self) -> Trace:
        """trace.npz."""
        return read_trace(self.run.path / "trace.npz")

    @cached_property
    def scores(self) -> Mapping[str, Any]:
        """The content of scores.json."""
        path = self.run.path / SCORES_FILE
        found = load_json(path)
        if not isinstance(found, dict):
            raise RunError(f"need an object in {path}, got {shown(found)}")
        return found

    @cached_property
    def information(self) -> InformationTrace:
        """The information in its trace; RunError if the data were unlabelled."""
        trace = self.trace
        if not trace.names:
            raise RunError(f"need a run whose trace tells of labelled factors, that of {self.run.path} does not")
        return traced_information(trace, probed_images(self.run, self.config.probe))


def read_trace(path: Path) -> Trace:
    """The trace in a trace.npz; RunError if it is missing or damaged."""
    arrays = load_arrays(path, TRACE)
    names = tuple(arrays["factors"].tolist())
    return Trace(names=names, **{name: arrays[name] for name in TRACE if name != "factors"})


def traced_information(trace: Trace, images: int | NDArray[np.integer]) -> InformationTrace:
    """The information in a trace of labelled data.

    Args:
        trace: a run's.
        images: size of the probe set on which it was taken; or the size for each record (records, 1, 1).
    """
    ends = trace.stage_ends
    return InformationTrace(
        step=trace.step,
        pressure=trace.pressure,
        above=gated(trace.above, trace.kl),
        deviation=chance_deviation(trace.mi_null, images, trace.entropy),
        names=trace.names,
        entropy=trace.entropy,
        ends=tuple(trace.step[ends].tolist()) if len(ends) > 1 else (),
    )


def trained_run(run: RunDirectory | str | Path, wanted: str = "a finished training run") -> TrainedRun:
    """The finished training run in a directory; RunError, which says what is wanted, if it is anything else."""
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind != Kind.TRAINING or not run.finished:
        raise RunError(f"need {wanted}, {run.path} is {described(run)}")
    return TrainedRun(run)
