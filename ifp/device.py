"""Where tensors live."""

import torch

from annealing.errors import IFPError


def require_device(name: str) -> torch.device:
    """The device called ``name``; IFPError where this machine has none of that name."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise IFPError(f"need a device such as cpu or cuda, got {name!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise IFPError(f"need a device of type cpu or cuda, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise IFPError(f"need a GPU for --device {name}, this machine offers {torch.cuda.device_count()}")
    return device
