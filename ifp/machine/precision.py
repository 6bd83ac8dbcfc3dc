"""The precision that networks compute in."""

import typing
from collections.abc import Mapping

import torch

from annealing.choices import Precision, require_one_of


def resolved_precision(name: Precision, device: torch.device) -> Precision:
    """float32 or bfloat16; ``auto`` is bfloat16 where the processor or the GPU multiplies such numbers itself.

    Parameters, losses and the optimizer are float32 in either case; bfloat16 is what layers compute in.

    Raises:
        IFPError: for any other name.
    """
    require_one_of("a precision", name, typing.get_args(Precision))
    if name != "auto":
        return name
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        found: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions cannot tell
        native = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return "bfloat16" if native else "float32"
