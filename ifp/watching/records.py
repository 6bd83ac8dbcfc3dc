"""The records of a watched loop: what its latents held of the factors, on the codes of the last readings: trace.npz."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.diffusion_events import DiffusionEvent, factor_events
from analysis.information import factor_entropy, information_and_chance
from annealing.bottleneck import gaussian_kl
from annealing.thresholds import SILENT
from ifp.files.npz import load_arrays, npz_bytes
from ifp.training.probe import TraceRecord
from ifp.training.trained import TRACE, Trace, traced_information
from ifp.watching.codes import Codes
from ifp.watching.readings import Reading

TRACE_FILE = "trace.npz"
_READINGS = 20  # from record to record at least: a record takes as long as hundreds of readings
_SHARE = 50  # ... and a 50th of the steps taken, so that a long training has some hundred
_BINS, _SHUFFLES = 128, 2  # of information: a quarter of the time of the defaults
WATCHED_TRACE = {**TRACE, "images": "whole numbers: records"}  # images: that each record is of


@dataclass(frozen=True, eq=False)
class Record:
    """One record of the trace, and the images that it is of."""

    trace: TraceRecord
    images: int


def is_due(step: int, last: int | None, every: int) -> bool:
    """Whether a reading at this step is also a record, the last one before being of ``last``.

    >>> is_due(0, None, 50), is_due(950, 0, 50), is_due(1000, 0, 50), is_due(101_000, 100_000, 50)
    (True, False, True, False)
    """
    return last is None or step - last >= max(_READINGS * every, step // _SHARE)


def due_steps(steps: Sequence[int], every: int) -> list[int]:
    """The readings that are records, too, by their steps."""
    found: list[int] = []
    for step in steps:
        if is_due(step, found[-1] if found else None, every):
            found.append(step)
    return found


def record_of(reading: Reading, codes: Codes | None, seed: int) -> Record:
    """A record: KL and information on the pooled codes; without labels the KL of the reading alone.

    A silent latent, of less than 0.01 nat, holds nothing, and nothing is measured of it.
    """
    latents = len(reading.kl)
    factors = 0 if codes is None else codes.labels.shape[1]
    mi, null = np.zeros((latents, factors)), np.zeros((latents, factors))
    kl, images = reading.kl, 0
    if codes is not None:
        kl, images = _kl(codes), len(codes)
        heard = np.flatnonzero(kl >= SILENT)
        if len(heard):
            mi[heard], null[heard] = information_and_chance(
                codes.mean[:, heard], codes.logvar[:, heard], codes.labels, seed=seed, bins=_BINS, shuffles=_SHUFFLES
            )
    return Record(
        TraceRecord(reading.step, 0, reading.pressure, reading.reconstruction, kl.astype(np.float32), mi, null), images
    )


def _kl(codes: Codes) -> NDArray[np.float64]:
    import torch

    mean, logvar = (torch.from_numpy(each.astype(np.float64)) for each in (codes.mean, codes.logvar))
    return gaussian_kl(mean, logvar).numpy().mean(axis=0)


def trace_arrays(records: Sequence[Record], names: Sequence[str], codes: Codes | None) -> dict[str, NDArray]:
    """The arrays of trace.npz; the entropy of each factor is that on the codes of the last record."""
    fields = tuple(TraceRecord.__dataclass_fields__)
    return {
        **{name: np.array([getattr(record.trace, name) for record in records]) for name in fields},
        "factors": np.array(names, dtype=np.str_),
        "entropy": np.zeros(0) if codes is None else factor_entropy(codes.labels),
        "images": np.array([record.images for record in records]),
    }


def trace_bytes(records: Sequence[Record], names: Sequence[str], codes: Codes | None) -> bytes:
    """trace.npz."""
    return npz_bytes(trace_arrays(records, names, codes), packed=False)


def read_records(path: Path) -> tuple[list[Record], tuple[str, ...]]:
    """The records of a trace.npz and the names of the factors; none where there is no such file yet.

    Raises:
        RunError: the file is damaged.
    """
    if not path.exists():
        return [], ()
    arrays = load_arrays(path, WATCHED_TRACE)
    fields = tuple(TraceRecord.__dataclass_fields__)
    columns = [arrays[name].tolist() if arrays[name].ndim == 1 else list(arrays[name]) for name in fields]
    traces = [TraceRecord(*row) for row in zip(*columns, strict=True)]
    found = [Record(trace, images) for trace, images in zip(traces, arrays["images"].tolist(), strict=True)]
    return found, tuple(arrays["factors"].tolist())


def events_of_last(arrays: dict[str, NDArray]) -> list[DiffusionEvent]:
    """What began to spread, gathered or moved at the last of the records, from the arrays of trace.npz."""
    names = tuple(arrays["factors"].tolist())
    if len(arrays["step"]) < 2 or not names:
        return []
    trace = Trace(names=names, **{name: arrays[name] for name in TRACE if name != "factors"})
    told = traced_information(trace, arrays["images"][:, None, None])
    held = told.held
    found = [
        event
        for factor, name in enumerate(names)
        if not np.array_equal(held[-1, :, factor], held[-2, :, factor])
        for event in factor_events(name, held[:, :, factor], told.step, told.pressure)
    ]
    return [event for event in found if event.step == told.step[-1]]
