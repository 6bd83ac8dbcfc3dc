"""DEFT as the authors' code of 2021 has it: one encoder, whose gradients are scaled latent by latent."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ifp.objectives.objective import Control
from ifp.objectives.staged import Staged


@dataclass(kw_only=True)
class DeftHook(Staged):
    """In stage s gradients of means and log-variances are scaled by gamma in latents of earlier stages, by 0 in later.

    All latents are open from the start: those of later stages are sampled as the untrained encoder has them and count
    in the KL, though nothing can be done about it. The encoder's layers are shared, so that they go on changing for
    every latent. (The authors train 10 latents by four stages of two: the last two never get a gradient. Here the
    latents are the plan's.) And Adam undoes a scale that stays, latent by latent, less where layers are shared.
    """

    name: ClassVar[str] = "deft-hook"

    def at(self, step: int) -> Control:
        """Pressure and stage."""
        stage = self.stage(step)
        return Control(stage, self.pressure(step))

    def posterior(self, mean: Tensor, logvar: Tensor, control: Control) -> tuple[Tensor, Tensor]:
        """The same numbers, with the gradients of the stage."""
        scale = mean.new_zeros(mean.shape[1])
        for number, stage in enumerate(self.plan.stages[: control.stage + 1]):
            scale[list(stage.latents)] = 1.0 if number == control.stage else self.plan.gamma
        return scaled_gradient(mean, scale), scaled_gradient(logvar, scale)


def scaled_gradient(values: Tensor, scale: Tensor) -> Tensor:
    """The values (batch, latents), whose gradient is multiplied with ``scale`` (latents,)."""
    if values.requires_grad:
        values.register_hook(lambda grad: grad * scale)
    return values


OBJECTIVE = DeftHook
