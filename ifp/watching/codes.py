"""The codes of the last readings of a watched loop, with their labels: what information is measured on."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import RunError
from ifp.files.atomic import write_atomically
from ifp.files.npz import load_arrays, npz_bytes
from ifp.watching.readings import Posteriors

POOL = 1024  # images that information is measured on
_KEPT = 200  # readings whose codes stay in the run, for a loop that goes back to a checkpoint of its own
_ARRAYS = {
    "mean": "floats: images latents",
    "logvar": "floats: images latents",
    "labels": "whole numbers: images factors",
}


@dataclass(frozen=True, eq=False)
class Codes:
    """Posteriors and labels of some images: float32 (images, latents), and (images, factors) from 0."""

    mean: NDArray[np.float32]
    logvar: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.mean)


def forget_codes(run: Path, step: int) -> None:
    """Remove the codes of a step and of all after it."""
    for path in (run / "parts").glob("codes-*.npz"):
        number = path.stem.removeprefix("codes-")
        if number.isdigit() and int(number) >= step:
            path.unlink()


class KeptCodes:
    """Codes by step, in files of their own in ``parts/`` and, of the last readings, in memory.

    They are written at each reading and not waited for: a power cut may take some, a kill none. Where some are missing
    information is measured on the others.
    """

    def __init__(self, run: Path, steps: Sequence[int]) -> None:
        self._folder = run / "parts"
        self._steps: deque[int] = deque(step for step in steps[-_KEPT:] if self._file(step).is_file())
        self._last: deque[tuple[int, Codes]] = deque()
        room = POOL
        for step in reversed(self._steps):
            codes = self._read(step)
            if codes is None or room <= 0:
                break
            self._last.appendleft((step, codes))
            room -= len(codes)

    def add(self, step: int, posteriors: Posteriors, labels: NDArray[np.int64]) -> None:
        """Those of one more reading, of a large batch the first 1,024; RunError where they cannot be written."""
        kept = slice(POOL)
        mean, logvar = (each[kept].astype(np.float32) for each in (posteriors.mean, posteriors.logvar))
        codes = Codes(mean, logvar, labels[kept])
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"need to write {self._folder}, got: {error}") from error
        arrays: dict[str, NDArray[Any]] = {"mean": codes.mean, "logvar": codes.logvar, "labels": codes.labels}
        write_atomically(self._file(step), npz_bytes(arrays, packed=False), durably=False)
        self._steps.append(step)
        self._last.append((step, codes))
        if len(self._steps) > _KEPT:
            self._file(self._steps.popleft()).unlink(missing_ok=True)
        while sum(len(each) for _, each in list(self._last)[1:]) >= POOL:
            self._last.popleft()

    def pooled(self) -> Codes:
        """Those of the last readings together, 1,024 images at most."""
        last = slice(-POOL, None)
        found = [codes for _, codes in self._last]
        return Codes(*(np.concatenate([getattr(each, name) for each in found])[last] for name in _ARRAYS))

    def _file(self, step: int) -> Path:
        return self._folder / f"codes-{step:09d}.npz"

    def _read(self, step: int) -> Codes | None:
        try:
            found = load_arrays(self._file(step), _ARRAYS)
        except RunError:  # a power cut left a part of it
            return None
        return Codes(found["mean"], found["logvar"], found["labels"])
