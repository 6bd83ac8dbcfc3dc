"""What freezes after positions and scale: the modes of shape and orientation together, one code for all contexts.

Each mode is a code of the 120 sprites of a place and a scale (3 shapes, 40 orientations), the same wherever the sprite
stands and however large it is. Its variance is split into what shape tells alone, what orientation tells alone, and
what only both tell. Usage: python -m benchmarks.joint_modes [DATASET, dsprites-32 or dsprites]
"""

import sys

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

import ifp
from annealing.conditional import context_gram
from annealing.likelihoods.pixels import Bernoulli
from ifp.datasets.dataset import Dataset

SIZES = (3, 6, 40, 32, 32)  # shape, scale, orientation, posX, posY
SHAPES, ORIENTATIONS = 3, 40
CONTEXTS, SEED, MODES = 200, 0, 8


def modes(dataset: Dataset, contexts: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Freezing points in nats, falling, and the codes behind them, (modes, shapes, orientations), of variance 1."""
    generator = np.random.default_rng(SEED)
    shape, orientation = np.indices((SHAPES, ORIENTATIONS)).reshape(2, -1)
    counts = torch.ones(1, len(shape), dtype=torch.float64)
    gram = torch.zeros(len(shape), len(shape), dtype=torch.float64)
    for scale, x, y in generator.integers(0, (6, 32, 32), size=(contexts, 3)):
        index = np.ravel_multi_index(np.broadcast_arrays(shape, scale, orientation, x, y), SIZES)
        images = torch.from_numpy(dataset.images(index)).reshape(1, len(index), -1)
        gram += context_gram(images, counts, Bernoulli()) / contexts
    values, vectors = torch.linalg.eigh(gram)
    codes = vectors.T.flip(0).reshape(-1, SHAPES, ORIENTATIONS) * len(shape) ** 0.5
    return values.flip(0).numpy(), codes.numpy()


def shares(code: NDArray[np.float64]) -> tuple[float, float, float]:
    """Of a code's variance: what the mean over orientations has, that over shapes, and the rest."""
    total, of_shape, of_orientation = code.var(), code.mean(axis=1).var(), code.mean(axis=0).var()
    return of_shape / total, of_orientation / total, 1 - (of_shape + of_orientation) / total


def main(name: str = "dsprites-32") -> None:
    """Print a table: freezing point of each mode, and what of its code is shape, orientation, or both."""
    values, codes = modes(ifp.load_dataset(name), CONTEXTS)
    rows = [(round(value, 2), *np.round(shares(code), 2)) for value, code in zip(values, codes, strict=True)]
    columns = ["freezes at", "shape alone", "orientation alone", "both only"]
    print(pd.DataFrame(rows[:MODES], columns=columns).to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
