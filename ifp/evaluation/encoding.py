"""Posteriors of every image of a run's data set, in its order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from annealing.errors import RunError
from ifp.datasets.batches import batch_size
from ifp.datasets.dataset import Dataset, is_labelled, to_float
from ifp.files.npz import load_arrays, npz_bytes
from ifp.machine.progress import Watch
from ifp.machine.threads import use_threads
from ifp.models.networks import Network
from ifp.models.vae import MultiGroupVAE
from ifp.run_directory.checksums import file_digest
from ifp.run_directory.opening import run_dataset
from ifp.run_directory.run import RunDirectory
from ifp.training.checkpoint import MODEL_FILE, load_model
from ifp.training.probe import encode_all
from ifp.training.trained import trained_run

Rows: TypeAlias = NDArray[np.int64]
Chooser: TypeAlias = Callable[[Rows], Rows]  # rows by the factors (rows, factors) of all
CODES_FILE = "posteriors.npz"
_TOGETHER = 256  # images: encoded with as many others, an image has the same code whichever they are
_CODES = {"codes": "floats: images latents", "logvar": "floats: images latents", "checkpoint": "names: 1"}


@dataclass(frozen=True, eq=False)
class EncodedBatch:
    """Posteriors of some images, and how far encoding has come."""

    done: int
    total: int
    doing: str
    mean: torch.Tensor  # (images, latents)
    logvar: torch.Tensor


def encoded(model: MultiGroupVAE, dataset: Dataset, index: Rows | None = None) -> Iterator[EncodedBatch]:
    """Posteriors of the images of the index, in its order, batch by batch; None: of every image, in the data set's."""
    chosen = np.arange(len(dataset)) if index is None else index
    size = max(batch_size(dataset) // _TOGETHER, 1) * _TOGETHER
    for start in range(0, len(chosen), size):
        rows = chosen[start : start + size]
        filled = np.pad(rows, (0, -len(rows) % _TOGETHER), mode="edge")
        images = torch.from_numpy(to_float(dataset.images(filled))).permute(0, 3, 1, 2)
        mean, logvar = (each[: len(rows)] for each in encode_all(model, images))
        yield EncodedBatch(start + len(rows), len(chosen), "images", mean, logvar)


def encoded_run(
    run: RunDirectory | str | Path,
    data_dir: Path | None,
    watch: Watch,
    network: Network | None,
    index: Rows | Chooser | None = None,
    *,
    labelled: bool = False,
) -> dict[str, NDArray[Any]]:
    """Posteriors of a training run's data set, as arrays by name: see :func:`ifp.encode`.

    Taken from the run's posteriors.npz where it holds them for its checkpoint.

    Args:
        run, data_dir, watch, network: as :func:`ifp.encode` has them.
        index: images (n,) that are needed, or what chooses them, of data with labels; the codes of all others are 0.
            None: every image.
        labelled: refuse data without labels before anything is encoded.
    """
    trained = trained_run(run)
    dataset = run_dataset(trained.run, data_dir)
    shape = len(dataset), sum(map(len, trained.checkpoint.groups))
    if labelled and not is_labelled(dataset):
        raise RunError(
            f"need a run on data with labelled factors for scores, {trained.run.path} has none: `ifp score --udr RUN "
            "RUN` ranks runs without labels, `ifp encode` writes codes, to be scored with labels of your own"
        )
    factors = dataset.factors_at(np.arange(len(dataset))) if is_labelled(dataset) else None
    found = _kept_codes(trained.run, shape)
    if found is None:
        rows = index if not callable(index) else None if factors is None else index(factors)
        model = load_model(trained.run, network)
        watch.begun(f"{trained.run.path}: {'every image' if rows is None else f'{len(rows):,} images'}")
        with use_threads(trained.config.threads):
            batches = list(watch.follow(encoded(model, dataset, rows), "encoding"))
        found = {
            "codes": torch.cat([batch.mean for batch in batches]).numpy(),
            "logvar": torch.cat([batch.logvar for batch in batches]).numpy(),
        }
        if rows is not None:
            found = {name: _among_all(values, rows, len(dataset)) for name, values in found.items()}
    if is_labelled(dataset) and factors is not None:
        found["factors"] = factors
        found["factor_names"] = np.array(dataset.factors.names, dtype=np.str_)
    return found


def _among_all(values: NDArray[np.float32], index: NDArray[np.int64], rows: int) -> NDArray[np.float32]:
    whole = np.zeros((rows, values.shape[1]), values.dtype)
    whole[index] = values
    return whole


def keep_codes(run: RunDirectory, codes: NDArray[np.floating], logvar: NDArray[np.floating]) -> None:
    """Keep the posteriors of every image beside the run's checkpoint, to be encoded no more."""
    if _kept_codes(run, codes.shape) is None:
        made_with = np.array([file_digest(run.path / MODEL_FILE)])
        run.add(CODES_FILE, npz_bytes({"codes": codes, "logvar": logvar, "checkpoint": made_with}, packed=False))


def _kept_codes(run: RunDirectory, shape: tuple[int, ...]) -> dict[str, NDArray[Any]] | None:
    """The posteriors (images, latents) that are kept; None where there are none of this checkpoint and shape."""
    path = run.path / CODES_FILE
    if not path.is_file():
        return None
    try:
        found = load_arrays(path, _CODES)
    except RunError:  # damaged, which `ifp verify` tells
        return None
    if found["checkpoint"].tolist() != [file_digest(run.path / MODEL_FILE)]:
        return None
    posteriors = {name: found[name] for name in ("codes", "logvar")}
    whole = all(each.shape == shape and np.isfinite(each).all() for each in posteriors.values())
    return posteriors if whole else None
