"""A data set that is no sprite: two travelling waves whose factors have freezing points of their own, made on the spot.

Every pixel is grey, in 0..1, and changes with every factor; nothing has an edge or a place.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

import ifp
from ifp.datasets.dataset import Dataset

NAME = "waves"
_SIDE = 32
_VALUES = {
    "light": np.linspace(-1.2, 1.2, 8),  # of the whole image, before the logistic function
    "slope": np.linspace(-1.6, 1.6, 6),  # light from left to right
    "coarse": np.linspace(-1.0, 1.0, 6),  # amplitude of the wave along y, one period
    "fine": np.linspace(0.2, 1.0, 4),  # amplitude of the wave along the diagonal, three periods
    "turn": np.array([0.0, np.pi / 2, np.pi, 3 * np.pi / 2]),  # phase of the fine wave: a circle
}


def waves() -> Dataset:
    """All 4,608 combinations, 32x32, one channel: logistic(light + slope x + coarse sin(pi y) + fine sin(...))."""
    rows = np.array(list(itertools.product(*(range(len(values)) for values in _VALUES.values()))), np.int64)
    images = np.concatenate([_images(part) for part in np.array_split(rows, 16)])
    return ifp.from_arrays(images, rows, factor_names=list(_VALUES), name=NAME)


def _images(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    light, slope, coarse, fine, turn = (values[rows[:, k]][:, None, None] for k, values in enumerate(_VALUES.values()))
    y, x = np.meshgrid(*[np.linspace(-1, 1, _SIDE)] * 2, indexing="ij")
    logits = light + slope * x + coarse * np.sin(np.pi * y) + fine * np.sin(1.5 * np.pi * (x + y) + turn)
    return np.round(255 / (1 + np.exp(-logits))).astype(np.uint8)[..., None]
