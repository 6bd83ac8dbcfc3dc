"""A transposed convolution whose gradients are computed as an ordinary convolution's."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_FEW = 4  # output channels up to which phases are faster


class Deconvolution(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)``, faster on a processor.

    A transposed convolution is the adjoint of a convolution with the same weight. Its gradient with respect to the
    weight is therefore that convolution's, with the roles of input and output gradient exchanged: the same sums, for
    which the library has a fast routine in one of the two forms only. It is the library's own on a GPU, and in float32
    where features lie in memory plane by plane.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1)

    def forward(self, features: Tensor, output_size: Any = None) -> Tensor:
        """Features (batch, inputs, H, W) to (batch, outputs, 2 H, 2 W)."""
        lowered = torch.is_autocast_enabled("cpu")
        faster = lowered or features.is_contiguous(memory_format=torch.channels_last)
        if features.device.type != "cpu" or not faster or torch.compiler.is_compiling():
            return super().forward(features, output_size)
        dtype = torch.get_autocast_dtype("cpu") if lowered else features.dtype
        assert self.bias is not None  # the constructor's
        return _Deconvolve.apply(features.to(dtype), self.weight.to(dtype), self.bias.to(dtype))


class _Deconvolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(features, weight)
        with torch.autocast("cpu", enabled=False):
            if weight.shape[1] <= _FEW and features.is_contiguous(memory_format=torch.channels_last):
                return _by_phases(features, weight, bias)
            return functional.conv_transpose2d(features, weight, bias, stride=2, padding=1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        features, weight = ctx.saved_tensors
        of_features = None
        with torch.autocast("cpu", enabled=False):
            if ctx.needs_input_grad[0]:
                of_features = functional.conv2d(gradient, weight, stride=2, padding=1)
                if features.is_contiguous(memory_format=torch.channels_last):
                    # of one channel a tensor's format is ambiguous, and what mixes formats crawls
                    of_features = of_features.contiguous(memory_format=torch.channels_last)
            of_weight = torch.ops.aten.convolution_backward(
                features, gradient, weight, None, (2, 2), (1, 1), (1, 1), False, (0, 0), 1, (False, True, False)
            )[1]
        return of_features, of_weight, gradient.sum((0, 2, 3))


def _by_phases(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same by an ordinary convolution of 2x2: a channel for each of the four phases of an output pixel.

    Output row 2 m + s, before the frame of one is cut off, is the sum over a in 0, 1 of input row m - a under weight
    row 2 a + s; and so are columns.
    """
    inputs, outputs = weight.shape[:2]
    phases = weight.unflatten(2, (2, 2)).unflatten(4, (2, 2))  # inputs, outputs, a, s, b, t
    kernels = phases.permute(3, 5, 1, 0, 2, 4).flip(4, 5).reshape(4 * outputs, inputs, 2, 2)
    found = functional.conv2d(features, kernels, padding=1).permute(0, 2, 3, 1)
    rows, columns = found.shape[1:3]
    parts = found.reshape(len(features), rows, columns, 2, 2, outputs).transpose(2, 3)
    framed = parts.reshape(len(features), 2 * rows, 2 * columns, outputs)
    sides = (len(features), outputs, 2 * features.shape[2], 2 * features.shape[3])
    result = torch.empty(sides, dtype=features.dtype, memory_format=torch.channels_last)
    torch.add(framed[:, 1:-1, 1:-1], bias, out=result.permute(0, 2, 3, 1))
    return result  # no view: what follows may change it in place
