"""Where tensors live."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from annealing.errors import IFPError


def require_compiler(wanted: bool) -> None:
    """IFPError where networks are to be compiled and there is no compiler to do it with."""
    if wanted and not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        raise IFPError("need a C++ compiler for --compile, such as g++, there is none on the path")


@contextmanager
def exact_floats() -> Iterator[None]:
    """On a GPU, within: the same bytes for the same numbers, and float32 that is float32; afterwards as before."""
    cudnn = torch.backends.cudnn
    deterministic, allow_tf32 = cudnn.deterministic, cudnn.allow_tf32
    cudnn.deterministic = True
    cudnn.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.deterministic = deterministic
        cudnn.allow_tf32 = allow_tf32


def require_device(name: str) -> torch.device:
    """The device called ``name``; IFPError where this machine has none of that name."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise IFPError(f"need a device such as cpu, cuda or auto, got {name!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise IFPError(f"need a device of type cpu or cuda, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise IFPError(
            f"need a GPU for --device {name}, this machine offers {torch.cuda.device_count()}: take --device cpu"
        )
    return device


def with_device(settings: Mapping[str, Any], *, resume: bool) -> dict[str, Any]:
    """The settings with ``auto`` for a device made the GPU where there is one, else the CPU.

    With ``resume`` it is left out: a run goes on where it was begun.
    """
    if settings.get("device") != "auto":
        return dict(settings)
    others = {name: value for name, value in settings.items() if name != "device"}
    return others if resume else {**others, "device": "cuda" if torch.cuda.is_available() else "cpu"}


def on_gpu(name: str) -> str:
    """Words for the line that begins a run: the GPU that it uses; none on the CPU."""
    return f", on {torch.cuda.get_device_name(name)}" if torch.device(name).type == "cuda" else ""
