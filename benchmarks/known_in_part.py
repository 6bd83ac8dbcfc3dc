"""Where scale of dsprites-32 freezes while positions are known in part, as latents under pressure know them.

What the freezing order takes to be known, it takes to be known exactly. Here a code of each position is its value with
Gaussian noise. Usage: python -m benchmarks.known_in_part
"""

import math

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

import ifp
from annealing.conditional import context_gram, shared_code_value
from annealing.likelihoods.pixels import Bernoulli

SIZES = (3, 6, 40, 32, 32)
WIDTHS = (0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, math.inf)  # of the noise, in steps of a position
EVERY = 4  # so many values of a position one is a context; all of them are behind it


def noise(values: int, width: float) -> NDArray[np.float64]:
    """P(value | code), (codes, values), a code per value: the value itself with no noise, nothing with infinite."""
    if width in (0, math.inf):
        return np.eye(values) if width == 0 else np.full((values, values), 1 / values)
    weights = np.exp(-(((np.arange(values)[:, None] - np.arange(values)) / width) ** 2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)


def nats_known(likely: NDArray[np.float64]) -> float:
    """I(code; value), of codes as frequent as each other."""
    told = np.where(likely > 0, likely, 1) / likely.mean(axis=0)
    return float((likely * np.log(told)).sum(axis=1).mean())


def mean_images() -> Tensor:
    """Of each scale and place over shapes and orientations, (scale, posX, posY, pixels)."""
    dataset = ifp.load_dataset("dsprites-32")
    scale, x, y = np.indices((6, 32, 32)).reshape(3, -1)
    others = [(shape, orientation) for shape in range(3) for orientation in range(40)]
    total = np.zeros((len(scale), 32 * 32))
    for shape, orientation in others:
        index = np.ravel_multi_index(np.broadcast_arrays(shape, scale, orientation, x, y), SIZES)
        total += dataset.images(index).reshape(len(index), -1)
    return torch.from_numpy(total / len(others)).reshape(6, 32, 32, -1)


def value(means: Tensor, width: float) -> float:
    """The freezing point of scale, nats, with noise of this width on both positions."""
    place = torch.from_numpy(noise(32, width)[::EVERY])
    seen = torch.einsum("ax,by,sxyp->absp", place, place, means).clamp(0, 1)  # of rounding
    counts = torch.ones(seen.shape[:-1], dtype=torch.float64).flatten(0, 1)
    return shared_code_value(context_gram(seen.flatten(0, 1), counts, Bernoulli()), counts.sum(dim=0))


def main() -> None:
    """Print a table: what is known of each position, and where scale freezes then."""
    means = mean_images()
    rows = [(round(nats_known(noise(32, width)), 2), round(value(means, width), 2)) for width in WIDTHS]
    print(pd.DataFrame(rows, columns=["nats of each position", "scale freezes at"]).to_string(index=False))


if __name__ == "__main__":
    main()
