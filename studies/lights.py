"""A data set that is no sprite: a lit surface whose factors change every pixel, made on the spot.

Two factors are alike but for a quarter turn, so that they freeze at one pressure; one is close to another in what it
does to the image; one is a circle. Nothing has an edge or a place.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

import ifp
from ifp.datasets.dataset import Dataset

NAME = "lights"
SMALL = "lights-16"  # at 16x16, where networks are annealed case by case
_SIDES = {NAME: 32, SMALL: 16}
_VALUES = {
    "light": np.linspace(-1.2, 1.2, 8),  # of the whole image, before the logistic function
    "slope": np.linspace(-1.6, 1.6, 6),  # light from left to right
    "tilt": np.linspace(-1.6, 1.6, 6),  # light from top to bottom
    "glare": np.linspace(0.0, 1.6, 5),  # a bright spot in the middle
    "turn": np.array([0.0, np.pi / 2, np.pi, 3 * np.pi / 2]),  # phase of a wave along the diagonal: a circle
}


def dataset_named(name: str) -> Dataset:
    """A data set of the studies: this one at either size, or one that ``ifp`` knows."""
    return lights(name) if name in _SIDES else ifp.load_dataset(name)


def lights(name: str = NAME) -> Dataset:
    """All 5,760 combinations, 32x32 or 16x16, one channel, grey."""
    rows = np.array(list(itertools.product(*(range(len(values)) for values in _VALUES.values()))), np.int64)
    images = np.concatenate([_images(part, _SIDES[name]) for part in np.array_split(rows, 16)])
    return ifp.from_arrays(images, rows, factor_names=list(_VALUES), name=name)


def _images(rows: NDArray[np.int64], side: int) -> NDArray[np.uint8]:
    light, slope, tilt, glare, turn = (values[rows[:, k]][:, None, None] for k, values in enumerate(_VALUES.values()))
    y, x = np.meshgrid(*[np.linspace(-1, 1, side)] * 2, indexing="ij")
    spot = np.exp(-(x**2 + y**2) / 0.3)
    logits = light + slope * x + tilt * y + glare * spot + 0.5 * np.sin(1.5 * np.pi * (x + y) + turn)
    return np.round(255 / (1 + np.exp(-logits))).astype(np.uint8)[..., None]
