"""What a watched run holds so far: readings, records and codes, on disk as they come, taken up again where it goes on.

A reading is taken once its row stands in metrics.csv, which is written last: whatever else a stop left is passed over.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.diffusion_events import DiffusionEvent
from ifp.run_directory.checksums import CHECKSUMS_FILE
from ifp.run_directory.run import RunDirectory
from ifp.watching.codes import Codes, KeptCodes, forget_codes
from ifp.watching.config import WatchConfig
from ifp.watching.readings import METRICS_FILE, Posteriors, Reading, append_reading, keep_readings, read_readings
from ifp.watching.records import (
    TRACE_FILE,
    Record,
    due_steps,
    events_of_last,
    is_due,
    read_records,
    record_of,
    trace_arrays,
    trace_bytes,
)


class Course:
    """The readings of a run and its records; whoever has one holds the run's lock.

    Attributes:
        steps: of the readings.
        records: of the trace.
        names: of the factors; none where no labels are told.
        readings: as they were when the run was opened.

    Raises:
        RunError: what is in the run is damaged.
    """

    def __init__(self, directory: RunDirectory, config: WatchConfig) -> None:
        self.directory, self.config = directory, config
        path = directory.path
        self.readings: list[Reading] = list(read_readings(path / METRICS_FILE, config.latents))
        self.steps: list[int] = [reading.step for reading in self.readings]
        records, self.names = read_records(path / TRACE_FILE)
        due = set(due_steps(self.steps, config.every))
        self.records: list[Record] = [record for record in records if record.trace.step in due]
        self._codes = KeptCodes(path, self.steps)
        self._last: Reading | None = self.readings[-1] if self.readings else None

    def take(
        self, reading: Reading, posteriors: Posteriors, labels: NDArray[np.int64] | None, names: Sequence[str]
    ) -> list[DiffusionEvent]:
        """Take one more reading; what it shows of factors, where it is a record, too.

        Args:
            reading: of a step above all others.
            posteriors: of its batch.
            labels: of its batch (batch, factors).
            names: of the factors.

        Raises:
            RunError: the run cannot be written to.
        """
        self._unseal()
        self._last, self.names = reading, tuple(names)
        if labels is not None:
            self._codes.add(reading.step, posteriors, labels)
        last = self.records[-1].trace.step if self.records else None
        due, events = is_due(reading.step, last, self.config.every), []
        if due:
            pooled = self._pooled()
            self.records.append(record_of(reading, pooled, self.config.seed))
            self.directory.write(TRACE_FILE, trace_bytes(self.records, self.names, pooled))
            events = events_of_last(trace_arrays(self.records, self.names, pooled))
        append_reading(self.directory.path / METRICS_FILE, reading, durably=due)
        self.steps.append(reading.step)
        return events

    def back_to(self, step: int) -> "Course":
        """The course without the readings from a step on, which are removed."""
        self._unseal()
        keep_readings(self.directory.path / METRICS_FILE, sum(known < step for known in self.steps))
        forget_codes(self.directory.path, step)
        return Course(self.directory, self.config)

    def finish(self) -> None:
        """Make what was read since the last record one, and write the checksums; nothing where all is as it was."""
        if self._last is None or self._sealed:
            return
        pooled = self._pooled()
        if not self.records or self.records[-1].trace.step != self._last.step:
            self.records.append(record_of(self._last, pooled, self.config.seed))
        self.directory.finish(trace_bytes(self.records, self.names, pooled))

    @property
    def _sealed(self) -> bool:
        return (self.directory.path / CHECKSUMS_FILE).is_file()

    def _unseal(self) -> None:
        """Take away the checksums of a run that was ended, and goes on."""
        (self.directory.path / CHECKSUMS_FILE).unlink(missing_ok=True)

    def _pooled(self) -> Codes | None:
        return self._codes.pooled() if self.names else None
