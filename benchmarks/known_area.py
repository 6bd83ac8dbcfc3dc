"""What is left of shape once positions and area are known: a latent about scale really codes the area of the sprite.

Of the 720 sprites of a place those of about one area, a tenth of them: where their leading mode freezes, and how much
of its code each factor tells. Medians over 20 places. `ifp spectrum --pair shape,orientation` has the modes with scale
known instead.

Usage: python -m benchmarks.known_area [DATASET, dsprites-32 or dsprites]
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
PLACES, AREAS, SEED = 20, 10, 0


def leading_mode(images: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]]:
    """Where the leading code of images (n, pixels) freezes, nats, and the code (n,)."""
    counts = torch.ones(1, len(images), dtype=torch.float64)
    values, vectors = torch.linalg.eigh(context_gram(torch.from_numpy(images)[None], counts, Bernoulli()))
    return float(values[-1]), vectors[:, -1].numpy()


def told(code: NDArray[np.float64], label: NDArray[np.int64]) -> float:
    """Share of a code's variance between the values of a label."""
    means = pd.Series(code).groupby(label).transform("mean").to_numpy()
    return float(means.var() / code.var())


def by_area(dataset: Dataset) -> Iterator[tuple[float, ...]]:
    """Of each place and tenth of the sprites by area, smallest first: the mode's value and what each factor tells."""
    shape, scale, orientation = np.indices(SIZES[:3]).reshape(3, -1)
    for x, y in np.random.default_rng(SEED).integers(0, 32, size=(PLACES, 2)):
        index = np.ravel_multi_index(np.broadcast_arrays(shape, scale, orientation, x, y), SIZES)
        images = dataset.images(index).reshape(len(index), -1)
        for area, alike in enumerate(np.array_split(np.argsort(images.sum(axis=1), kind="stable"), AREAS)):
            value, code = leading_mode(images[alike])
            yield area, value, *(told(code, label[alike]) for label in (shape, scale, orientation))


def main(name: str = "dsprites-32") -> None:
    """Print the medians, by area."""
    rows = pd.DataFrame(
        by_area(ifp.load_dataset(name)), columns=["area", "freezes at", "shape", "scale", "orientation"]
    )
    print(rows.groupby("area").median().round(2).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
