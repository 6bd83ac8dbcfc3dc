"""Data-parallel training: under ``torchrun`` each process has its share of every batch; gradients are averaged."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from annealing.errors import IFPError


@dataclass(frozen=True)
class Workers:
    """How many processes train together, and which of them this one is; files are written by the first."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """This process's rows of a global batch: one in ``count``."""
        return rows[self.rank :: self.count]


def first_process() -> bool:
    """Whether this process is the only one or, under ``torchrun``, the first: stdin is read once."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device: torch.device) -> Iterator[Workers]:
    """The processes that ``torchrun`` started, together while this lasts; alone where it started none.

    Raises:
        IFPError: a GPU is named by its number, which several processes cannot share.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Workers()
        return
    if device.type == "cuda" and device.index is not None:
        raise IFPError(f"need --device cuda for processes that each take a GPU of their own, got {device}")
    own = torch.cuda.device(int(os.environ["LOCAL_RANK"])) if device.type == "cuda" else nullcontext()
    with own:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        try:
            yield Workers(distributed.get_rank(), distributed.get_world_size())
            distributed.barrier()  # a process that ends while another still writes may take it down
        finally:
            distributed.destroy_process_group()


def together() -> bool:
    """Whether several processes train one model."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def average_gradients(module: nn.Module) -> None:
    """Replace every gradient by its mean over the processes; nothing where there is one."""
    if together():
        grads = [each.grad for each in module.parameters() if each.grad is not None]
        _average(grads)


def averaged(value: Tensor) -> Tensor:
    """The mean of a tensor over the processes, without gradient."""
    value = value.detach().clone()
    if together():
        _average([value])
    return value


def _average(tensors: Iterable[Tensor]) -> None:
    """One exchange for all: many small ones wait for one another."""
    listed = list(tensors)
    flat = torch.cat([each.flatten() for each in listed])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for each, part in zip(listed, flat.split([each.numel() for each in listed]), strict=True):
        each.copy_(part.view_as(each))


def from_first(text: str, device: torch.device) -> str:
    """A text of the first process, in every process."""
    if not together():
        return text
    size = torch.tensor(len(text.encode()), device=device)
    distributed.broadcast(size, 0)
    data = torch.zeros(int(size), dtype=torch.uint8, device=device)
    if distributed.get_rank() == 0:
        data.copy_(torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8))
    distributed.broadcast(data, 0)
    return bytes(data.cpu().tolist()).decode()
