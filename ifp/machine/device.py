"""Where tensors live."""

import os
import shutil

import torch

from annealing.errors import IFPError


def require_compiler(wanted: bool) -> None:
    """IFPError where networks are to be compiled and there is no compiler to do it with."""
    if wanted and not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        raise IFPError("need a C++ compiler for --compile, such as g++, there is none on the path")


def make_exact() -> None:
    """On a GPU: the same bytes for the same numbers, and float32 that is float32."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False


def require_device(name: str) -> torch.device:
    """The device called ``name``; IFPError where this machine has none of that name."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise IFPError(f"need a device such as cpu or cuda, got {name!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise IFPError(f"need a device of type cpu or cuda, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise IFPError(
            f"need a GPU for --device {name}, this machine offers {torch.cuda.device_count()}: take --device cpu"
        )
    return device
