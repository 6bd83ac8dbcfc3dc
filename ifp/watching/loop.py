"""The loop that is watched: what it calls, and where readings are checked, taken and told."""

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from annealing.errors import IFPError
from ifp.run_directory.run import RunDirectory
from ifp.training.events import open_events
from ifp.training.probe import TraceRecord
from ifp.training.silence import FirstFreezing
from ifp.watching.config import WatchConfig
from ifp.watching.course import Course
from ifp.watching.readings import Reading, checked_labels, checked_number, checked_posteriors, checked_step
from ifp.watching.told import Told, event_line


def to_stderr(line: str) -> None:
    """Tell one line on stderr."""
    print(f"ifp: {line}", file=sys.stderr)


class WatchedLoop:
    """A run that a training loop of anybody's own writes as it goes: called at each step, or now and then.

    Of the calls one each ``every`` steps is a reading, the others cost a comparison. Steps rise. Only the first one
    told after the run was opened may lie at or before its last reading, as where a loop goes on from a checkpoint of
    its own: the readings from that step on are replaced.

    Attributes:
        directory: the run's.
        config: its settings.

    Args:
        directory: of the run, new or to go on with; held for this process alone until the watch is closed.
        config: its settings.
        first: the freezing point of the data, nats; asked for where everything is silent.
        names: of the factors that the data have.
        tensorboard: whether events are written, too.
        tell: who is told.

    Raises:
        IFPError: events are wanted and the package that writes them is not installed.
        RunError: another process writes to the run, or what is in it is damaged.
    """

    def __init__(
        self,
        directory: RunDirectory,
        config: WatchConfig,
        first: Callable[[], FirstFreezing | None],
        *,
        names: Sequence[str] = (),
        tensorboard: bool = False,
        tell: Callable[[str], object] = to_stderr,
    ) -> None:
        self.directory, self.config = directory, config
        self._first, self._factors, self._tell = first, tuple(names), tell
        self._last_step = -1
        self._held = ExitStack()
        self._held.enter_context(directory.writing())
        try:
            directory.note_versions()
            self._take_up(Course(directory, config))
            self._events = open_events(directory, tensorboard, self._last_step)
        except BaseException:
            self._held.close()
            raise
        self._fresh, self._open = True, True

    def __call__(
        self,
        step: int,
        *,
        beta: Any,
        mean: ArrayLike,
        logvar: ArrayLike,
        reconstruction: Any = None,
        factors: ArrayLike | None = None,
    ) -> None:
        """Tell where training stands.

        Args:
            step: number of the step, 0 or more, above the one told before.
            beta: weight of the KL in the loss: in nats, or that of the loss that the watch was told.
            mean, logvar: of the batch's posteriors (batch, latents), tensors of torch, on any device, or arrays. They
                are detached, and copied to the CPU where they are read.
            reconstruction: nats per sample, mean over the batch, if it is known.
            factors: labels of the batch (batch, factors), whole numbers, at every reading or at none.

        Raises:
            IFPError: a step that does not rise, other shapes than before, or a watch that is closed.
            DivergenceError: what is not finite: training lost its way.
            RunError: the run cannot be written to.
        """
        number = checked_step(step)
        if number <= self._last_step or not self._open:
            self._require_next(number)
        if self.due(number):
            self._read(number, beta, mean, logvar, reconstruction, factors)
        self._last_step, self._fresh = number, False

    def due(self, step: int) -> bool:
        """Whether a call at this step is a reading: at others what it is told is not looked at."""
        if step <= self._last_step and not self._fresh:
            return False
        last = next((known for known in reversed(self._course.steps) if known < step), None)
        return last is None or step - last >= self.config.every

    def close(self) -> None:
        """End the run: what was read since the last record is made one, and checksums are written.

        A watch of the same run goes on with it, to the same bytes as without the end in between.
        """
        if not self._open:
            return
        self._open = False
        try:
            self._events.close()
            self._course.finish()
        finally:
            self._held.close()

    def __enter__(self) -> "WatchedLoop":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _take_up(self, course: Course) -> None:
        """Go on from what was read."""
        self._course, self._told = course, Told(self.config, self._first)
        for reading in course.readings:
            self._told.pass_over(reading)
        self._last_step = course.steps[-1] if course.steps else -1

    def _require_next(self, step: int) -> None:
        """Go back to a step that is told first; IFPError where it is told again, or the watch is closed."""
        if not self._open:
            raise IFPError(f"need an open watch of {self.directory.path}, it was closed: ifp.watch goes on with it")
        if not self._fresh:
            raise IFPError(
                f"need steps that rise, got {step} after {self._last_step}: only the first step that is told after "
                "ifp.watch may go back, as from a checkpoint, and replaces what was read from there on"
            )
        before = len(self._course.steps)
        self._take_up(self._course.back_to(step))
        self._tell(f"step {step}: goes back, and replaces {before - len(self._course.steps)} readings from there on")

    def _read(
        self, step: int, beta: Any, mean: ArrayLike, logvar: ArrayLike, reconstruction: Any, factors: ArrayLike | None
    ) -> None:
        """Check what is told, take it, and tell what it shows."""
        pressure = self.config.nats(checked_number("beta", beta, step, 0.0))
        nats = math.nan if reconstruction is None else checked_number("reconstruction", reconstruction, step)
        posteriors = checked_posteriors(mean, logvar, self.config.latents, step)
        reading = Reading(step, pressure, nats, posteriors.kl)
        known = self._course.names if self._course.steps else None
        if known is not None and (factors is None) == bool(known):
            raise IFPError(
                f"need factors at every reading or at none, got {'none' if factors is None else 'some'} at step {step}"
            )
        labels = (
            None if factors is None else checked_labels(factors, len(posteriors.mean), len(known) if known else None)
        )
        names = known or (() if labels is None else self._names(labels.shape[1]))
        events = self._course.take(reading, posteriors, labels, names)
        nothing = np.empty((0, 0))
        kl = reading.kl.astype(np.float32)
        self._events.add(TraceRecord(step, 0, pressure, nats, kl, nothing, nothing), {})
        for line in self._told.lines(reading):
            self._tell(line)
        for event in events:
            self._tell(event_line(event, self.config))

    def _names(self, count: int) -> tuple[str, ...]:
        """Names of the factors: as told, else those of the data, else by number."""
        if self.config.factor_names:
            if len(self.config.factor_names) != count:
                raise IFPError(f"need a name for each of {count} factors, got {len(self.config.factor_names)}")
            return self.config.factor_names
        return self._factors if len(self._factors) == count else tuple(f"factor{number}" for number in range(count))
