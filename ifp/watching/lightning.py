"""A callback of Lightning that watches a training: what a module tells of its posteriors goes to a watch.

Lightning is an extra, ``ifp[lightning]``, and imported where a callback is asked for.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from annealing.errors import IFPError
from ifp.models.networks import evaluating

_TOLD = ("beta", "mean", "logvar", "reconstruction", "factors")

Posterior = Callable[[Any, Any, Any, Any], Mapping[str, Any]]


class Watching(Protocol):
    """What a watch is called for: see :class:`ifp.watching.loop.WatchedLoop`."""

    def __call__(self, step: int, *, beta: Any, mean: Any, logvar: Any, **more: Any) -> None:
        """Tell where training stands."""
        ...

    def due(self, step: int) -> bool:
        """Whether a call at this step is a reading."""
        ...

    def close(self) -> None:
        """End the run."""
        ...


def from_outputs(trainer: Any, module: Any, batch: Any, outputs: Any) -> Mapping[str, Any]:
    """What the module's ``training_step`` returns beside the loss: mean, logvar, and whatever else a watch is told.

    ``beta`` may be an attribute of the module instead.

    Raises:
        IFPError: a step that returns no mapping with both.
    """
    told = {name: outputs[name] for name in _TOLD if name in outputs} if isinstance(outputs, Mapping) else {}
    if "mean" not in told or "logvar" not in told:
        raise IFPError(
            "need mean and logvar in what training_step returns, as {'loss': ..., 'mean': ..., 'logvar': ...}, got "
            f"{', '.join(map(str, outputs)) if isinstance(outputs, Mapping) else type(outputs).__name__}: or give "
            "posterior=, a function of (trainer, module, batch, outputs)"
        )
    return _with_beta(told, module)


def from_encode(trainer: Any, module: Any, batch: Any, outputs: Any) -> Mapping[str, Any]:
    """What the module's ``encode`` gives for the batch, in evaluation mode: (mean, logvar, ...), or a Normal.

    Of a batch of (x, labels, ...) x is encoded, and whole numbers as labels are told as factors. ``beta`` is an
    attribute of the module, or in what its ``training_step`` returns, as the reconstruction may be.
    """
    parts = batch if isinstance(batch, (list, tuple)) else (batch,)
    with torch.no_grad(), evaluating(module):
        found = module.encode(parts[0])
    if isinstance(found, torch.distributions.Normal):
        mean, logvar = found.loc, 2 * found.scale.log()
    elif isinstance(found, (list, tuple)) and len(found) >= 2:
        mean, logvar = found[:2]
    else:
        raise IFPError(f"need (mean, logvar) or a Normal from the module's encode, got {type(found).__name__}")
    told = {name: outputs[name] for name in _TOLD if name in outputs} if isinstance(outputs, Mapping) else {}
    labels = parts[1] if len(parts) > 1 else None
    if isinstance(labels, Tensor) and not labels.is_floating_point() and labels.ndim in (1, 2):
        told.setdefault("factors", labels)
    return _with_beta({**told, "mean": mean, "logvar": logvar}, module)


def _with_beta(told: dict[str, Any], module: Any) -> dict[str, Any]:
    if "beta" not in told:
        if not hasattr(module, "beta"):
            raise IFPError("need beta in what training_step returns, or as an attribute of the module, got neither")
        told["beta"] = module.beta
    return told


def watch_callback(watch: Watching | Callable[[], Watching], posterior: Posterior = from_outputs) -> Any:
    """A callback for ``lightning.Trainer(callbacks=[...])`` that tells a watch of each step that is due. ::

        callback = watch_callback(lambda: ifp.watch(out="runs/mine", latents=10), from_encode)

    Args:
        watch: or a function that opens one, called as fitting begins: in the first of several processes alone.
        posterior: of (trainer, module, batch, outputs): what the watch is told, by name; asked for where a reading is
            due. See :func:`from_outputs` and :func:`from_encode`.

    Raises:
        IFPError: Lightning is not installed.
    """
    base = _callback_class()

    class WatchCallback(base):  # type: ignore[misc, valid-type]
        """Tells the watch."""

        def __init__(self) -> None:
            super().__init__()
            self.watch: Any = watch if hasattr(watch, "due") else None

        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            """Open the watch."""
            if trainer.is_global_zero and not hasattr(watch, "due"):
                self.watch = watch()

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            """Tell where training stands; of batches whose gradients are accumulated one counts."""
            step = trainer.global_step
            if trainer.is_global_zero and self.watch.due(step):
                self.watch(step, **posterior(trainer, pl_module, batch, outputs))

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            """End the run."""
            self._close()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            """End the run as far as it came: it goes on where fitting does."""
            self._close()

        def _close(self) -> None:
            if self.watch is not None:
                self.watch.close()

    return WatchCallback()


def _callback_class() -> type:
    """Lightning's own, by either of its names."""
    try:
        from lightning.pytorch import Callback
    except ImportError:
        try:
            from pytorch_lightning import Callback
        except ImportError:
            raise IFPError("need the package lightning for its callback: pip install 'ifp[lightning]'") from None
    found: type = Callback
    return found
