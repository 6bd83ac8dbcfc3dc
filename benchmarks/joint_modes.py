"""What freezes after positions and scale: the modes of shape and orientation together.

First with scale known: codes of the 120 sprites of a place and a scale (3 shapes, 40 orientations), one code for all
places and scales. Its variance is split into what shape tells alone, what orientation tells alone, and what only both
tell. Then with area known instead, which is what a latent about scale really codes: of the 720 sprites of a place those
of about one area, a tenth of them, and what of their leading mode each factor tells.

Usage: python -m benchmarks.joint_modes [DATASET, dsprites-32 or dsprites]
"""

import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

import ifp
from annealing.conditional import context_gram
from annealing.likelihoods.pixels import Bernoulli
from ifp.datasets.dataset import Dataset

SIZES = (3, 6, 40, 32, 32)  # shape, scale, orientation, posX, posY
CONTEXTS, PLACES, AREAS, SEED, MODES = 200, 20, 10, 0, 8


def sprites(dataset: Dataset, *factors: NDArray[np.int64] | int) -> NDArray[np.float32]:
    """Images (n, pixels) of these values of the five factors."""
    index = np.ravel_multi_index(np.broadcast_arrays(*factors), SIZES)
    return dataset.images(index).reshape(len(index), -1)


def spectrum(images: NDArray[np.float32]) -> torch.Tensor:
    """The matrix whose eigenvalues are the freezing points of codes of these images, nats."""
    counts = torch.ones(1, len(images), dtype=torch.float64)
    return context_gram(torch.from_numpy(images)[None], counts, Bernoulli())


def modes(gram: torch.Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Freezing points, falling, and the codes behind them, (modes, images), of variance 1."""
    values, vectors = torch.linalg.eigh(gram)
    return values.flip(0).numpy(), vectors.T.flip(0).numpy() * len(gram) ** 0.5


def told(code: NDArray[np.float64], label: NDArray[np.int64]) -> float:
    """Share of a code's variance between the values of a label."""
    means = pd.Series(code).groupby(label).transform("mean").to_numpy()
    return float(means.var() / code.var())


def with_scale_known(dataset: Dataset) -> pd.DataFrame:
    """Leading modes of one code for all contexts, and what of each only one factor, or only both, tell."""
    generator = np.random.default_rng(SEED)
    shape, orientation = np.indices((SIZES[0], SIZES[2])).reshape(2, -1)
    contexts = generator.integers(0, (6, 32, 32), size=(CONTEXTS, 3))
    gram = sum(spectrum(sprites(dataset, shape, scale, orientation, x, y)) for scale, x, y in contexts) / CONTEXTS
    values, codes = modes(torch.as_tensor(gram))
    rows = [(value, told(code, shape), told(code, orientation)) for value, code in zip(values, codes, strict=True)]
    table = pd.DataFrame(rows[:MODES], columns=["freezes at", "shape alone", "orientation alone"])
    return table.assign(both=1 - table["shape alone"] - table["orientation alone"])


def with_area_known(dataset: Dataset) -> pd.DataFrame:
    """By area, smallest first: where the leading mode freezes and what each factor tells of it, medians over places."""
    rows = pd.DataFrame(_leading(dataset), columns=["area", "freezes at", "shape", "scale", "orientation"])
    return rows.groupby("area").median()


def _leading(dataset: Dataset) -> Iterator[tuple[float, ...]]:
    shape, scale, orientation = np.indices(SIZES[:3]).reshape(3, -1)
    for x, y in np.random.default_rng(SEED).integers(0, 32, size=(PLACES, 2)):
        images = sprites(dataset, shape, scale, orientation, x, y)
        for area, alike in enumerate(np.array_split(np.argsort(images.sum(axis=1), kind="stable"), AREAS)):
            values, codes = modes(spectrum(images[alike]))
            yield area, values[0], *(told(codes[0], label[alike]) for label in (shape, scale, orientation))


def main(name: str = "dsprites-32") -> None:
    """Print both tables."""
    dataset = ifp.load_dataset(name)
    print(with_scale_known(dataset).round(2).to_string(index=False), end="\n\n")
    print(with_area_known(dataset).round(2).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
