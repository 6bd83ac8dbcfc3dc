"""Arrays that users hand over: numpy's, torch's, or lists of numbers."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annealing.errors import DataError


def in_memory(values: ArrayLike) -> NDArray[Any]:
    """The values as a numpy array of numbers, wherever a tensor was; DataError for anything else.

    >>> import torch
    >>> in_memory(torch.ones(2, requires_grad=True)).tolist(), in_memory([[1, 2]]).shape
    ([1.0, 1.0], (1, 2))
    """
    tensor: Any = values
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu().numpy()
    try:
        array = np.asarray(tensor)
    except ValueError as error:  # rows of several lengths
        raise DataError(f"need an array of numbers, got {type(values).__name__}: {str(error)[:100]}") from error
    if array.dtype.kind not in "iufb":
        raise DataError(f"need an array of numbers, got {array.dtype} of shape {array.shape}")
    return np.ascontiguousarray(array)  # a choice of columns is in Fortran order, which npz readers refuse
