"""Latents of a finished run that carry no information, and the pressure at which the first would freeze."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from annealing.errors import IFPError
from annealing.leading import HELD, leading_eigenvalues
from annealing.score_spectrum import score_spectrum
from annealing.thresholds import SILENT
from ifp.objectives import Objective, objective_named
from ifp.run_directory.opening import run_dataset
from ifp.training.drawing import Drawing, RowDrawing, drawing_of
from ifp.training.probe import probe_images
from ifp.training.trained import TrainedRun

_NEAR = 0.9  # of the freezing point of so many images, which is off by some percent: above it KL need not be seen yet
_IMAGES = 1000  # of the probe set: their Gram matrix takes a fraction of a second, and knows the value to some percent


@dataclass(frozen=True)
class FirstFreezing:
    """Where the first latent freezes, in nats, by the closed form of a number of images."""

    pressure: float
    images: int


@dataclass(frozen=True)
class Silence:
    """Latents whose KL is below 0.01 nat; as a text, one line that says what to do.

    Attributes:
        latents: how many there are.
        silent: those that carry no information.
        pressure: beta at the last record, nats; None if it is not known, as for codes from elsewhere.
        first: where the first latent freezes; None if some latent carries information, or without the data.
        way_on: how to let latents carry more, under the objective that the run was trained with.
    """

    latents: int
    silent: tuple[int, ...]
    pressure: float | None = None
    first: FirstFreezing | None = None
    way_on: str = Objective.louder

    def __str__(self) -> str:
        where = "" if self.pressure is None else f" at beta {self.pressure:.4g} nats"
        below = f"{where} (KL below {SILENT:g})"
        if len(self.silent) < self.latents:
            named = ", ".join(f"z{latent}" for latent in self.silent)
            return f"{len(self.silent)} of {self.latents} latents carry no information{below}: {named}"
        said = f"no latent carries information{below}"
        if self.pressure is None:
            return f"{said}: nothing can be told from such codes"
        if self.first is None:
            return (
                f"{said}: {self.way_on} if beta is above the first freezing point, which `ifp spectrum` prints, else "
                "train longer"
            )
        at = f"the first freezes at {self.first.pressure:.4g} by the closed form of {self.first.images:,} images"
        if self.pressure < _NEAR * self.first.pressure:
            return f"{said}, though {at}: train longer, or with a higher learning rate"
        return f"{said}: {at}; {self.way_on}"


def found_silence(
    kl: NDArray[np.floating],
    pressure: float | None = None,
    first: Callable[[], FirstFreezing | None] = lambda: None,
    way_on: str = Objective.louder,
) -> Silence | None:
    """The latents whose KL in nats (latents,) is below 0.01; None if all carry information.

    ``way_on`` says how to let them carry more: a lower beta, or what the objective has in its place. ``first`` is
    called only if no latent carries information. For later latents it would say nothing: the eigenvalues of all data
    after the first do not say where they freeze (:mod:`annealing.leading`).
    """
    silent = tuple(np.flatnonzero(kl < SILENT).tolist())
    if not silent:
        return None
    return Silence(len(kl), silent, pressure, first() if len(silent) == len(kl) else None, way_on)


def first_freezing(images: Tensor, likelihood: Drawing) -> FirstFreezing | None:
    """The leading closed-form freezing point of the first 1,000 of the images (N, C, H, W) at most.

    The whole data set would take passes over all of it. The first value of the freezing order would need labels and is
    about one factor alone, while a latent wakes to whatever varies most. The KL that is judged was measured on the same
    probe set. Of large images only as many are used as surely fit into memory. None for a single image.
    """
    few = images[: max(min(_IMAGES, HELD // images[0].numel()), 2)]
    if len(few) < 2:
        return None
    if isinstance(likelihood, RowDrawing):
        try:
            spectrum = score_spectrum(likelihood.layout.rows(few), likelihood.layout.likelihood, 1)
        except IFPError:  # of so few rows, a feature may never vary
            return None
        return FirstFreezing(float(spectrum.points[0]), len(few))
    value = leading_eigenvalues(lambda: few.split(100), likelihood, 1)
    return FirstFreezing(float(value[0]), len(few))


def trained_silence(trained: TrainedRun, data_dir: Path | None = None) -> Silence | None:
    """Latents that carry no information at the last record of a finished training run; None if all do.

    Args:
        trained: the run.
        data_dir: folder of the data set's public files. Without the data, the freezing point is left out.
    """

    def first() -> FirstFreezing | None:
        config = trained.config
        try:
            dataset = run_dataset(trained.run, data_dir)
            return first_freezing(
                probe_images(dataset, min(config.probe, _IMAGES), config.seed).images, drawing_of(dataset, config.loop)
            )
        except IFPError:
            return None

    last, way_on = trained.trace, objective_named(trained.config.objective).louder
    return found_silence(last.kl[-1], float(last.pressure[-1]), first, way_on)
