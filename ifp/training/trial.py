"""How many threads a step is fastest with, here and now: a short trial before a run."""

import copy
import time
from statistics import median

import torch

from ifp.datasets.dataset import Dataset
from ifp.machine.pool import cores_at_hand
from ifp.machine.threads import use_threads
from ifp.training.batches import TrainingBatch
from ifp.training.drawing import drawing_of
from ifp.training.learner import Learner
from ifp.training.loop import take_step
from ifp.training.loop_config import LoopConfig

_STEPS = 5  # with each number of threads, in turn, after one that warms up
_SLOWER = 1.15  # times as long as with one thread: what an idle machine never shows, and one in use shows at once


def tried_threads(learner: Learner, dataset: Dataset, config: LoopConfig, most: int) -> int:
    """``most`` threads, or one if a step takes clearly longer with ``most``.

    Threads wait for one another at every layer. If other work occupies a core, or a container has fewer cores than it
    reports, all of them wait for the one that does not run. The steps are taken on a copy of the learner and on grey
    images, so nothing of them remains, and the process's random state does not move. On an idle machine the result is
    always ``most``. The number is recorded with the run, because its last digits depend on it.

    Args:
        learner: before its first step, on the CPU.
        dataset: the data set whose images the grey ones stand for.
        config: of the training loop.
        most: number of threads wanted, two or more.
    """
    if cores_at_hand() == 1:
        return 1
    try:
        tried = copy.deepcopy(learner)
    except Exception:  # of somebody's own network: what it holds need not be what can be copied
        return most
    height, width, channels = dataset.image_shape
    images = torch.full((config.batch_size, channels, height, width), 0.5)
    if learner.model.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    noise = torch.zeros(config.batch_size, learner.model.latents)
    batch = TrainingBatch(images, noise, torch.Generator().manual_seed(0))
    likelihood = drawing_of(dataset, config)
    seconds: dict[int, list[float]] = {1: [], most: []}
    with torch.random.fork_rng(devices=[]):
        for _ in range(1 + _STEPS):
            for threads, taken in seconds.items():
                with use_threads(threads):
                    started = time.perf_counter()
                    take_step(tried, batch, 0, config, likelihood)
                    taken.append(time.perf_counter() - started)
    alone, together = (median(taken[1:]) for taken in seconds.values())
    return 1 if together > _SLOWER * alone else most
