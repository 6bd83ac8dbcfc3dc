"""TensorBoard events of a training run, if asked for."""

from collections.abc import Mapping
from typing import Any

from annealing.errors import IFPError
from ifp.run_directory.run import RunDirectory
from ifp.training.probe import TraceRecord


class Events:
    """Scalars under ``tensorboard/`` in the run's directory; does nothing unless asked for."""

    def __init__(self, writer: Any = None) -> None:
        self._writer = writer

    def add(self, record: TraceRecord, losses: Mapping[str, float]) -> None:
        """Add a record of the trace, and the terms of the loss since the previous one."""
        if self._writer is None:
            return
        scalars = {
            "probe/reconstruction": record.reconstruction,
            "probe/kl": float(record.kl.sum()),
            "pressure": record.pressure,
            "stage": record.stage,
            **{f"kl/{latent}": float(nats) for latent, nats in enumerate(record.kl)},
            **{f"loss/{name}": value for name, value in losses.items()},
        }
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, record.step)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()


def require_tensorboard(wanted: bool) -> None:
    """IFPError if events are wanted but the package that writes them is not installed."""
    if wanted:
        try:
            import tensorboard  # noqa: F401
        except ImportError:
            raise IFPError("need the package tensorboard for --tensorboard: pip install 'ifp[tensorboard]'") from None


def open_events(run: RunDirectory, wanted: bool, step: int) -> Events:
    """Events of a run that continues from ``step``; IFPError as in :func:`require_tensorboard`.

    Apart from timing.csv these are the only files of a run that hold the time of day.
    """
    require_tensorboard(wanted)
    if not wanted:
        return Events()
    from torch.utils.tensorboard import SummaryWriter

    return Events(SummaryWriter(str(run.path / "tensorboard"), purge_step=step + 1))
