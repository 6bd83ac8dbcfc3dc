"""Batches of images and noise for training, on the device: each a pure function of seed and step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from ifp.datasets.dataset import Dataset, to_float
from ifp.machine.data_parallel import Workers

_ROOM = 0.5  # of a GPU's free memory that the images may take
_CHUNK = 4096  # images moved at a time


@dataclass(frozen=True)
class TrainingBatch:
    """Images and noise of one step, this process's share of both."""

    images: Tensor  # (batch, C, H, W), float32 in 0..1
    noise: Tensor  # (batch, latents)
    stream: Generator  # goes on where the noise ended; on the CPU, the same in every process
    seed: int = 0  # of what the networks draw for themselves (dropout), in this process

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Random numbers in the networks follow from seed and step; afterwards the process's state is restored."""
        device = self.images.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.default_generator.manual_seed(self.seed)
            if device.type == "cuda":
                torch.cuda.default_generators[device.index].manual_seed(self.seed)
            yield


class Batches:
    """The batches of a run. On a GPU the images are kept there as bytes if they fit into half of the free memory."""

    def __init__(
        self,
        dataset: Dataset,
        *,
        batch_size: int,
        latents: int,
        seed: int,
        device: torch.device,
        workers: Workers | None = None,
        channels_last: bool = False,
    ) -> None:
        self._dataset, self._size, self._latents, self._seed = dataset, batch_size, latents, seed
        self._device, self._workers = device, workers or Workers()
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._held = _held_on(device, dataset) if device.type == "cuda" else None

    def at(self, step: int) -> TrainingBatch:
        """The batch of a step: images drawn with replacement, and unit Gaussian noise."""
        index = np.random.default_rng([self._seed, 2, step]).integers(0, len(self._dataset), self._size)
        stream = Generator().manual_seed(int(np.random.SeedSequence([self._seed, 3, step]).generate_state(1)[0]))
        noise = torch.randn(self._size, self._latents, generator=stream)
        mine = self._workers.share(torch.arange(self._size))
        drawn = int(np.random.SeedSequence([self._seed, 6, step, self._workers.rank]).generate_state(1)[0])
        return TrainingBatch(self._images(index[mine.numpy()]), noise[mine].to(self._device), stream, drawn)

    def _images(self, index: NDArray[np.int64]) -> Tensor:
        if self._held is not None:
            images = self._held[torch.from_numpy(index).to(self._device)].float() / 255
        elif self._device.type == "cuda":  # divided there, as those held there are: processors round it otherwise
            found = torch.from_numpy(self._dataset.images(index)).to(self._device)
            images = found.float() / 255 if found.dtype == torch.uint8 else found
        else:
            images = torch.from_numpy(to_float(self._dataset.images(index)))
        # a view of (N, H, W, C) is in the memory format of channels last already
        return images.permute(0, 3, 1, 2).contiguous(memory_format=self._format)


def _held_on(device: torch.device, dataset: Dataset) -> Tensor | None:
    """All images (N, H, W, C) as bytes on a GPU; None where they are not bytes or take too much room."""
    shape = (len(dataset), *dataset.image_shape)
    free, _ = torch.cuda.mem_get_info(device)
    if dataset.images([0]).dtype != np.uint8 or np.prod(shape, dtype=float) > _ROOM * free:
        return None
    held = torch.empty(shape, dtype=torch.uint8, device=device)
    for rows in _spans(len(dataset)):
        held[rows] = torch.from_numpy(np.asarray(dataset.images(np.arange(rows.start, rows.stop)))).to(device)
    return held


def _spans(length: int) -> Iterator[slice]:
    for start in range(0, length, _CHUNK):
        yield slice(start, min(start + _CHUNK, length))
