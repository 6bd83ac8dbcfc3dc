"""Whether an own network is what training takes: tried on black images before anything is written."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from annealing.errors import IFPError
from ifp.models.networks import Network, device_of, evaluating, settle

_CPU = torch.device("cpu")
_SPREAD = 0.01  # of outputs that stay in 0..1: a decoder whose last layer starts from zeros has none


def require_network(
    network: Network,
    image_shape: tuple[int, ...],
    groups: Sequence[Sequence[int]],
    likelihood: str = "bernoulli",
    *,
    batch_size: int = 2,
    processes: int = 1,
    device: torch.device = _CPU,
    lower: bool = False,
    drawn: tuple[int, ...] | None = None,
) -> None:
    """Try an own network; IFPError where its modules are not as :class:`ifp.models.networks.Network` says.

    What is tried is built for it and let go: no module that is trained sees the images. The process's random state
    stays as it is.

    Args:
        network: the user's own.
        image_shape: height, width, channels; or the shape of what an encoder of rows sees.
        groups: latents of each sub-encoder.
        likelihood: that the decoder's output is read by.
        batch_size: images of a step, of all processes together.
        processes: that train together.
        device: where it is to be trained.
        lower: whether steps are taken in bfloat16.
        drawn: shape of what a decoder of rows gives; None: the image's.
    """
    of_decoder = image_shape if drawn is None else drawn
    latents = sum(map(len, groups))
    trial = _Trial(batch_size // processes, processes, device, lower, network.channels_last)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for size in sorted({len(group) for group in groups}):
            build = partial(network.encoder, image_shape, 2 * size)  # type: ignore[arg-type]  # of rows another shape
            trial.require("encoder", build, _layout(image_shape), (2 * size,))
        build = partial(network.decoder, of_decoder, latents)  # type: ignore[arg-type]
        decoder = trial.require("decoder", build, (latents,), _layout(of_decoder))
        if likelihood == "bernoulli" and _stays_within_one(decoder, latents):
            raise IFPError(
                "need logits from the own decoder under the bernoulli likelihood, got values in 0..1 whatever the "
                "latents: leave its last Sigmoid out"
            )


def _layout(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of one input or output: (C, H, W) of an image (H, W, C), that of a row itself."""
    return (shape[2], *shape[:2]) if len(shape) == 3 else shape


def require_new(first: nn.Module, second: nn.Module, word: str) -> None:
    """IFPError where two calls of an own function gave one module, or two that share parameters."""
    if {id(each) for each in first.parameters()} & {id(each) for each in second.parameters()}:
        raise IFPError(
            f"need a new module from each call of the own {word}, got the same parameters twice: build them within the "
            "function, or return copy.deepcopy(module)"
        )


class _Trial:
    """How modules are tried: as they are evaluated, then as a step of training is taken."""

    def __init__(self, images: int, processes: int, device: torch.device, lower: bool, channels_last: bool) -> None:
        self._images, self._processes, self._device, self._lower = images, processes, device, lower
        self._channels_last = channels_last

    def require(
        self, word: str, build: Callable[[], nn.Module], sizes: tuple[int, ...], wanted: tuple[int, ...]
    ) -> nn.Module:
        """The module, on the device, after a pass in either mode; IFPError where something is not as it should be."""
        about = f"the own {word} for inputs {(2, *sizes)}"
        try:
            part, other = build(), build()
        except Exception as error:  # of somebody's own code: whatever it raises is told in a line
            raise IFPError(f"need a module that can be built from the own {word}, got {_told(error)}") from error
        if not isinstance(part, nn.Module) or not isinstance(other, nn.Module):
            raise IFPError(f"need a torch module from the own {word}, got {type(part).__name__}")
        require_new(part, other, word)
        del other
        _require_plain(part, word)
        try:
            settle(part, *sizes)
            part.to(self._device)
            with torch.no_grad(), evaluating(part):
                got = part(torch.zeros(2, *sizes, device=self._device))
        except Exception as error:
            raise IFPError(f"need {(2, *wanted)} from {about}, got {_told(error)}") from error
        if not list(part.parameters()):
            raise IFPError(f"need parameters in the own {word}, it has none to train")
        _require_plain(part, word)  # also those that the first pass made
        if not isinstance(got, Tensor):
            joined = ": torch.cat((means, logvars), dim=1) makes one" if word == "encoder" else ": the output alone"
            raise IFPError(f"need one tensor {(2, *wanted)} from {about}, got a {type(got).__name__}{joined}")
        if tuple(got.shape) != (2, *wanted):
            reason = ": means, then as many log-variances" if word == "encoder" else ": one value per pixel"
            raise IFPError(f"need {(2, *wanted)} from {about}{reason}, got {tuple(got.shape)}")
        if got.dtype != torch.float32:
            raise IFPError(f"need float32 from {about}, got {got.dtype}: .float() makes it so")
        self._require_step(part, word, sizes, wanted)
        return part

    def _require_step(self, part: nn.Module, word: str, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        """A pass in training mode and back, on as many inputs as a process has in a step."""
        inputs = torch.zeros(self._images, *sizes, device=self._device)
        if self._channels_last:
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            inputs = inputs.contiguous(memory_format=torch.channels_last) if inputs.dim() == 4 else inputs
        before = {name: each.clone() for name, each in part.named_buffers()}
        try:
            with torch.autocast(self._device.type, torch.bfloat16) if self._lower else nullcontext():
                output = part.train()(inputs)
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            if shape != (self._images, *wanted):
                raise IFPError(
                    f"need {(self._images, *wanted)} from the own {word} in training mode, too, got {shape}: it has to "
                    "give the same in both"
                )
            if output.requires_grad:  # else all its parameters are kept as they are
                output.float().sum().backward()
        except IFPError:
            raise
        except Exception as error:
            shape = tuple(inputs.shape)
            raise IFPError(f"need an own {word} that takes {shape} in training mode, got {_told(error)}") from error
        after = dict(part.named_buffers())
        if set(after) != set(before):
            raise IFPError(
                f"need all buffers of the own {word} before its first step, got others in training mode: register them "
                "as it is built"
            )
        changed = any(not torch.equal(before[name], after[name]) for name in before)
        if changed and self._processes > 1:  # each would go on with statistics of its own share, and judge by them
            raise IFPError(
                f"need one process for an own {word} that keeps statistics of its batches (BatchNorm), got "
                f"{self._processes}: start it without torchrun, or take LayerNorm or GroupNorm"
            )


def _require_plain(part: nn.Module, word: str) -> None:
    """IFPError where parameters are not float32, or not all on one device."""
    devices = {str(each.device) for each in part.parameters()}
    if len(devices) > 1:
        raise IFPError(
            f"need the own {word} on the CPU, which --device is for, got parameters on {', '.join(sorted(devices))}"
        )
    for name, each in part.named_parameters():
        if each.dtype != torch.float32:
            raise IFPError(
                f"need float32 parameters in the own {word}, got {each.dtype} in {name}: .float() makes them so"
            )


@torch.no_grad()
def _stays_within_one(decoder: nn.Module, latents: int) -> bool:
    """Whether a decoder ends in a Sigmoid: as its last layer says, else as its outputs do, of latents near and far."""
    last = decoder
    while isinstance(last, nn.Sequential) and len(last):
        last = last[-1]
    if isinstance(last, nn.Sigmoid):
        return True
    near = torch.randn(16, latents, generator=torch.Generator().manual_seed(0))
    codes = near * torch.logspace(-1, 3, 16)[:, None]  # prior standard deviations: 0.1 to 1000
    with evaluating(decoder):
        low, high = (float(each) for each in decoder(codes.to(device_of(decoder))).aminmax())
    return low >= 0 and high <= 1 and high - low > _SPREAD


def _told(error: Exception) -> str:
    """What somebody's own code raised, in a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
