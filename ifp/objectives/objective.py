"""What the training loop asks of an objective, and what most objectives answer alike."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from analysis.stage_plan import StagePlan
from annealing.errors import IFPError
from ifp.machine.data_parallel import averaged
from ifp.models.vae import MultiGroupVAE


@dataclass(frozen=True)
class Control:
    """How one step is taken."""

    stage: int
    pressure: float  # weight of the KL, nats, reconstruction summed over pixels
    open_groups: int = 1  # the first so many groups are open
    scales: tuple[float, ...] = (1.0,)  # of each group's steps
    fixed_groups: int = 0  # the first so many encoders stay as they are
    target: float = 0.0  # nats that the KL is led to, where an objective leads it
    shares: tuple[float, ...] = ()  # of the pressure, on each group's KL; 1 where an objective has one pressure for all


@dataclass(frozen=True)
class Codes:
    """What the encoder made of a batch, in float32; the generator goes on from where the step's noise ended."""

    mean: Tensor  # (batch, latents)
    logvar: Tensor  # (batch, latents)
    sample: Tensor  # (batch, latents)
    kl: Tensor  # (latents,), nats, mean over the batch
    stream: Generator

    def total(self) -> float:
        """The batch's KL, nats per image, over all processes that train together: they meet here."""
        return float(averaged(self.kl.sum()))


@dataclass(frozen=True)
class Setup:
    """What an objective is told of the run it is for."""

    latents: int
    steps: int
    images: int  # of the data set
    seed: int = 0
    batch_size: int = 1
    plan: StagePlan | None = None

    def required_plan(self, name: str) -> StagePlan:
        """The plan; IFPError where an objective that needs one got none."""
        if self.plan is None:
            raise IFPError(
                f"need a stage plan for {name}: --plan FILE, or --plan - for stdin (`ifp plan-stages` makes one)"
            )
        return self.plan


@dataclass(kw_only=True)
class Objective:
    """One encoder, loss = reconstruction + pressure * KL, nothing remembered: what others deviate from.

    Fields of subclasses beyond ``setup`` are settings of the objective, given by name (``--set NAME=VALUE``).
    """

    name: ClassVar[str]
    network: ClassVar[str] = "conv"  # where none is asked for
    louder: ClassVar[str] = "lower beta"  # what lets latents carry more, in words
    rescaled: ClassVar[bool] = False  # whether latents have learnable scales: see MultiGroupVAE

    setup: Setup

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Latents of each sub-encoder."""
        return (tuple(range(self.setup.latents)),)

    def at(self, step: int) -> Control:
        """What acts at a step; where an objective remembers, at the present one."""
        raise NotImplementedError

    def posterior(self, mean: Tensor, logvar: Tensor, control: Control) -> tuple[Tensor, Tensor]:
        """The posterior (batch, latents) as the loss sees it: the same numbers, perhaps with other gradients."""
        return mean, logvar

    def informed(self, control: Control, codes: Codes) -> Control:
        """The control once the batch's codes are known, where the objective answers to them."""
        return control

    def terms(self, codes: Codes, control: Control) -> dict[str, Tensor]:
        """What is added to the reconstruction, by name: weighted, in nats per image."""
        return {"kl": control.pressure * codes.kl.sum()}

    def require_model(self, model: MultiGroupVAE) -> None:
        """IFPError where the objective will do something to the model that its layers do not allow."""

    def prepare(self, step: int, model: MultiGroupVAE, codes: Callable[[int], tuple[Tensor, Tensor]]) -> None:
        """What the objective does to the model before step ``step``, and once more after the last.

        ``codes`` encodes some thousand images by the first so many groups: means and log-variances (N, latents).
        """

    def after_step(self, step: int, codes: Codes) -> None:
        """What the objective does with a step's codes once the step, number ``step`` from 0 on, is taken."""

    def observe(self, step: int, kl: Tensor) -> None:
        """What the objective does with the KL of each latent (latents,) on the probe set, after ``step`` steps."""

    def state(self) -> dict[str, Tensor]:
        """All that the objective remembers, for the checkpoint."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Remember again what :meth:`state` gave."""

    def to(self, device: torch.device) -> None:
        """Move what the objective computes with to where the model is."""


def logistic(value: float) -> float:
    """1 / (1 + exp(-value)), for any value.

    >>> logistic(0.0), logistic(-1000.0)
    (0.5, 0.0)
    """
    small = math.exp(-abs(value))
    return (1.0 if value >= 0 else small) / (1 + small)


def require(what: str, value: Any, fits: bool) -> None:
    """IFPError where a setting of an objective does not fit."""
    if not fits:
        raise IFPError(f"need {what}, got {value}")
