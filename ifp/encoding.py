"""Posteriors of every image of a run's data set, in its order."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ifp.checkpoint import load_model
from ifp.datasets.dataset import Dataset, to_float
from ifp.evaluation import encode_all
from ifp.image_batches import batch_size
from ifp.memory import keep_freed_memory
from ifp.networks import Network
from ifp.resuming import run_dataset
from ifp.runs import Run, open_run
from ifp.threads import use_threads
from ifp.vae import MultiGroupVAE
from ifp.watching import Watch, unwatched


@dataclass(frozen=True, eq=False)
class EncodedBatch:
    """Posteriors of some images, and how far encoding has come."""

    done: int
    total: int
    doing: str
    mean: torch.Tensor  # (images, latents)
    logvar: torch.Tensor


def encoded(model: MultiGroupVAE, dataset: Dataset, index: NDArray[np.int64] | None = None) -> Iterator[EncodedBatch]:
    """Posteriors of the images of the index, in its order, batch by batch; None: of every image, in the data set's."""
    chosen = np.arange(len(dataset)) if index is None else index
    size = batch_size(dataset)
    for start in range(0, len(chosen), size):
        rows = chosen[start : start + size]
        images = torch.from_numpy(to_float(dataset.images(rows))).permute(0, 3, 1, 2)
        yield EncodedBatch(start + len(rows), len(chosen), "images", *encode_all(model, images))


def encode(
    run: Run | str | Path,
    data_dir: Path | None = None,
    watch: Watch = unwatched,
    network: Network | None = None,
) -> dict[str, NDArray[Any]]:
    """Posteriors of every image of a training run's data set, in its order, as arrays by name.

    ``codes`` and ``logvar`` (images, latents), the means and log-variances, float32; where the data have labels
    ``factors`` (images, factors) and ``factor_names`` too: ::

        found = ifp.encode(run)
        ifp.score(found["codes"], found["factors"], logvar=found["logvar"])

    Args:
        run: finished, or its directory.
        data_dir: folder of the data set's public files.
        watch: passes the batches through, to follow them.
        network: of a run that was trained with an own one: the same.

    Raises:
        IFPError: the run is not finished or not of training, or its data set is not at hand.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    model = load_model(run, network)
    dataset = run_dataset(run, data_dir)
    keep_freed_memory()
    use_threads(run.setting("threads", int))
    batches = list(watch(encoded(model, dataset)))
    found: dict[str, NDArray[Any]] = {
        "codes": torch.cat([each.mean for each in batches]).numpy(),
        "logvar": torch.cat([each.logvar for each in batches]).numpy(),
    }
    factors = dataset.factors_at(np.arange(len(dataset)))
    if dataset.factors is not None and factors is not None:
        found |= {"factors": factors, "factor_names": np.array(dataset.factors.names, dtype=np.str_)}
    return found
