"""Posteriors of every image of a run's data set, in its order."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ifp.datasets.batches import batch_size
from ifp.datasets.dataset import Dataset, is_labelled, to_float
from ifp.machine.progress import Watch
from ifp.machine.threads import use_threads
from ifp.models.networks import Network
from ifp.models.vae import MultiGroupVAE
from ifp.run_directory.opening import run_dataset
from ifp.run_directory.run import RunDirectory
from ifp.training.checkpoint import load_model
from ifp.training.probe import encode_all
from ifp.training.trained import trained_run


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


def encoded_run(
    run: RunDirectory | str | Path, data_dir: Path | None, watch: Watch, network: Network | None
) -> dict[str, NDArray[Any]]:
    """Posteriors of every image of a training run's data set, as arrays by name: see :func:`ifp.encode`."""
    trained = trained_run(run)
    model = load_model(trained.run, network)
    dataset = run_dataset(trained.run, data_dir)
    watch.begun(f"{trained.run.path}: every image")
    with use_threads(trained.config.threads):
        batches = list(watch.follow(encoded(model, dataset), "encoding"))
    found: dict[str, NDArray[Any]] = {
        "codes": torch.cat([batch.mean for batch in batches]).numpy(),
        "logvar": torch.cat([batch.logvar for batch in batches]).numpy(),
    }
    if is_labelled(dataset):
        found["factors"] = dataset.factors_at(np.arange(len(dataset)))
        found["factor_names"] = np.array(dataset.factors.names, dtype=np.str_)
    return found
