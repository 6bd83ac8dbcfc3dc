"""Images as figures show them: grey, in colour, or the mean of other channels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def picture(image: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """An image (H, W, C) as it is drawn: (H, W) of one channel, (H, W, 3) of three, else their mean (H, W).

    >>> picture(np.zeros((4, 5, 1))).shape, picture(np.zeros((4, 5, 3))).shape, picture(np.zeros((4, 5, 7))).shape
    ((4, 5), (4, 5, 3), (4, 5))
    """
    if image.shape[2] == 3:
        return image
    return image[..., 0] if image.shape[2] == 1 else image.mean(axis=2)


def channels_said(channels: int) -> str:
    """What a title says of images that are not shown as they are; nothing of those that are.

    >>> channels_said(3), channels_said(5)
    ('', 'mean of 5 channels')
    """
    return "" if channels in (1, 3) else f"mean of {channels} channels"
