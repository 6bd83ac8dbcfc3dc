"""The precision that networks compute in."""

from collections.abc import Mapping

import torch

from annealing.errors import IFPError, did_you_mean

PRECISIONS = ("auto", "float32", "bfloat16")


def require_precision(name: str) -> None:
    """IFPError for any other name than those of ``PRECISIONS``."""
    if name not in PRECISIONS:
        raise IFPError(f"need a precision out of {', '.join(PRECISIONS)}, got {name!r}{did_you_mean(name, PRECISIONS)}")


def resolved_precision(name: str, device: torch.device) -> str:
    """float32 or bfloat16; ``auto`` is bfloat16 where the processor or the GPU multiplies such numbers itself.

    Parameters, losses and the optimizer are float32 in either case; bfloat16 is what layers compute in.

    Raises:
        IFPError: for any other name.
    """
    require_precision(name)
    if name != "auto":
        return name
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        found: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions cannot tell
        native = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return "bfloat16" if native else "float32"
