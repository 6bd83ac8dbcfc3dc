"""The readings of a watched loop: pressure, reconstruction and KL of each latent, a row of metrics.csv each."""

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from annealing.bottleneck import gaussian_kl
from annealing.errors import DivergenceError, IFPError, RunError
from ifp.files.atomic import write_atomically
from ifp.files.plain import append_row, read_file

METRICS_FILE = "metrics.csv"
_LARGEST = 2**30  # bytes of all readings
_NOT_KL = ("step", "pressure", "reconstruction")


@dataclass(frozen=True, eq=False)
class Posteriors:
    """Posteriors of a batch: means and log-variances (batch, latents), float64, no part of any graph."""

    mean: NDArray[np.float64]
    logvar: NDArray[np.float64]

    @property
    def kl(self) -> NDArray[np.float64]:
        """KL of each latent, nats, mean over the batch (latents,)."""
        return gaussian_kl(torch.from_numpy(self.mean), torch.from_numpy(self.logvar)).numpy().mean(axis=0)


@dataclass(frozen=True, eq=False)
class Readings:
    """What was read at each step (readings,): pressures and reconstruction in nats, KL (readings, latents) in nats.

    The reconstruction is NaN where none was told.
    """

    step: NDArray[np.int64]
    pressure: NDArray[np.float64]
    reconstruction: NDArray[np.float64]
    kl: NDArray[np.float64]

    def __iter__(self) -> Iterator["Reading"]:
        for step, pressure, reconstruction, kl in zip(
            self.step.tolist(), self.pressure.tolist(), self.reconstruction.tolist(), self.kl, strict=True
        ):
            yield Reading(step, pressure, reconstruction, kl)


@dataclass(frozen=True, eq=False)
class Reading:
    """One of them: pressure and reconstruction in nats, KL (latents,) in nats."""

    step: int
    pressure: float
    reconstruction: float
    kl: NDArray[np.float64]


def checked_step(step: Any) -> int:
    """The step as a whole number of 0 or more; IFPError for anything else."""
    try:
        number = operator.index(step)
    except TypeError:
        raise IFPError(f"need a step as a whole number, got {type(step).__name__}") from None
    if not 0 <= number < 2**62:
        raise IFPError(f"need a step of 0 or more, got {number}")
    return number


def checked_number(what: str, value: Any, step: int, least: float = -math.inf) -> float:
    """A number, or a tensor of one, as a float; IFPError where it is none, DivergenceError where it is not finite."""
    try:
        number = float(value.detach() if isinstance(value, torch.Tensor) else value)
    except (TypeError, ValueError, RuntimeError):
        raise IFPError(f"need {what} as a number, got {type(value).__name__}") from None
    if not math.isfinite(number):
        raise DivergenceError(f"need a finite {what}, got {number} at step {step}: what was read before is kept", step)
    if number < least:
        raise IFPError(f"need {what} of {least:g} or more, got {number:g}")
    return number


def checked_posteriors(mean: ArrayLike, logvar: ArrayLike, latents: int, step: int) -> Posteriors:
    """The posteriors of a batch, detached and on the CPU.

    Raises:
        IFPError: shapes other than (batch, latents).
        DivergenceError: a value that is not finite.
    """
    arrays = _detached("mean", mean), _detached("logvar", logvar)
    shapes = [array.shape for array in arrays]
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][1] != latents or not shapes[0][0]:
        raise IFPError(
            f"need mean and logvar of shape (batch, {latents}), for the {latents} latents of this watch, got "
            f" {tuple(shapes[0])} and {tuple(shapes[1])}"
        )
    found = Posteriors(*arrays)
    if not (np.isfinite(found.mean).all() and np.isfinite(found.kl).all()):
        raise DivergenceError(
            f"need finite means and log-variances, got NaN or infinity at step {step}: what was read before is kept",
            step,
        )
    return found


def checked_labels(factors: ArrayLike, rows: int, count: int | None) -> NDArray[np.int64]:
    """Labels of a batch (batch, factors), whole numbers.

    Args:
        factors: (batch, factors), or (batch,) of one.
        rows: of the batch.
        count: factors of the readings before; None at the first.

    Raises:
        IFPError: other shapes, or numbers that are not whole.
    """
    found = _plain("factors", factors)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or len(found) != rows or not found.shape[1] or count not in (None, found.shape[1]):
        wanted = "factors" if count is None else count
        raise IFPError(f"need factors of shape ({rows}, {wanted}), as at the first reading, got {found.shape}")
    whole = found.astype(np.int64)
    if not np.array_equal(whole, found):
        raise IFPError(f"need whole numbers as factors, got {found.dtype} with others")
    return whole


def _plain(what: str, value: ArrayLike) -> NDArray[Any]:
    try:
        return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    except (TypeError, ValueError):
        raise IFPError(f"need {what} as a tensor or an array, got {type(value).__name__}") from None


def _detached(what: str, value: ArrayLike) -> NDArray[np.float64]:
    if isinstance(value, torch.Tensor):
        value = value.detach().to("cpu", torch.float32 if value.dtype != torch.float64 else torch.float64)
    try:
        return _plain(what, value).astype(np.float64)
    except (TypeError, ValueError):
        raise IFPError(f"need {what} as a tensor or an array of numbers, got {type(value).__name__}") from None


def columns(latents: int) -> tuple[str, ...]:
    """Names of the columns of metrics.csv."""
    return (*_NOT_KL, *(f"kl_{latent}" for latent in range(latents)))


def append_reading(path: Path, reading: Reading, *, durably: bool) -> None:
    """Write one more reading, which thereby has been taken."""
    row = {"step": reading.step, "pressure": reading.pressure, "reconstruction": reading.reconstruction}
    row |= {f"kl_{latent}": nats for latent, nats in enumerate(reading.kl)}
    append_row(path, columns(len(reading.kl)), row, durably=durably)


def no_readings(latents: int) -> Readings:
    """Before the first one."""
    nothing = np.empty(0)
    return Readings(np.empty(0, np.int64), nothing, nothing, np.empty((0, latents)))


def read_readings(path: Path, latents: int) -> Readings:
    """All readings of a metrics.csv, without what a crash left of a row; none where there is no file yet.

    Raises:
        RunError: the file is damaged.
    """
    if not path.exists():
        return no_readings(latents)
    names = columns(latents)
    lines = read_file(path, "a table", _LARGEST).decode(errors="replace").split("\n")[:-1]
    if lines and lines[0] != ",".join(names):
        raise RunError(f"need the columns {', '.join(names)[:100]} in {path}, got others")
    while len(lines) > 1 and _cells(lines[-1], len(names)) is None:
        lines.pop()  # what a power cut left
    rows = [_cells(line, len(names)) for line in lines[1:]]
    if None in rows:
        raise RunError(f"need {len(names)} numbers in every row of {path}, got others")
    values = np.array(rows, np.float64).reshape(len(rows), len(names))
    rest = np.delete(values, 2, axis=1)
    steps = values[:, 0].astype(np.int64)
    if not np.isfinite(rest).all() or (np.diff(steps) <= 0).any() or (values[:, 1] < 0).any():
        raise RunError(f"need finite numbers in {path}, with steps that rise and pressures of 0 or more, got others")
    return Readings(steps, values[:, 1], values[:, 2], values[:, 3:])


def _cells(line: str, count: int) -> list[float] | None:
    """The numbers of a row; None where it is not whole."""
    cells = line.split(",")
    try:
        return [float(cell) if cell else math.nan for cell in cells] if len(cells) == count else None
    except ValueError:
        return None


def keep_readings(path: Path, count: int) -> None:
    """Leave the first ``count`` readings of a metrics.csv, as they stand there."""
    lines = read_file(path, "a table", _LARGEST).split(b"\n")
    write_atomically(path, b"\n".join([*lines[: count + 1], b""]))
