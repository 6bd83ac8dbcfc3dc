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
        tensor = tensor.detach().cpu()
        try:
            tensor = tensor.numpy()
        except TypeError:  # bfloat16 and 8-bit floats, which numpy does not have
            tensor = tensor.float().numpy()
    if np.ma.is_masked(tensor):
        raise DataError("need a number everywhere, got a masked array: leave the masked rows out")
    try:
        array = np.asarray(tensor)
    except ValueError as error:  # rows of several lengths
        raise DataError(f"need an array of numbers, got {type(values).__name__}: {str(error)[:100]}") from error
    if array.dtype.kind not in "iufb":
        raise DataError(f"need an array of numbers, got {array.dtype} of shape {array.shape}")
    return np.ascontiguousarray(array)  # a choice of columns is in Fortran order, which npz readers refuse


def labels_in_memory(labels: Any) -> NDArray[Any]:
    """Labels as a numpy array of numbers or of text; None and NaN among text are empty text. DataError for others.

    >>> labels_in_memory([["red", 1], ["blue", None]]).tolist(), labels_in_memory([0.5, None]).tolist()
    ([['red', '1'], ['blue', '']], ['0.5', ''])
    """
    if hasattr(labels, "detach"):
        return in_memory(labels)
    if isinstance(labels, np.ma.MaskedArray):
        hidden, labels = np.ma.getmaskarray(labels), labels.data.astype(object)
        labels[hidden] = None
    try:
        array = np.asarray(labels)
        if array.dtype.kind in "US":
            array = np.asarray(labels, dtype=object)  # a number beside text in the digits that it was given with
    except ValueError as error:  # rows of several lengths
        raise DataError(f"need labels (rows, factors), got {type(labels).__name__}: {str(error)[:100]}") from error
    if array.dtype.kind == "O":
        array = np.array([_as_text(each) for each in array.ravel().tolist()], dtype=np.str_).reshape(array.shape)
    if array.dtype.kind not in "iufbU":
        raise DataError(f"need labels as numbers or text, got {array.dtype} of shape {array.shape}")
    return np.ascontiguousarray(array)


def _as_text(label: Any) -> str:
    if label is None or type(label).__name__ == "NAType" or label != label:  # None, pandas's NA, NaN
        return ""
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    if not isinstance(label, (str, int, float, np.generic)):
        raise DataError(f"need labels as numbers or text, got {type(label).__name__}")
    return str(label)
