"""Arrays of a run's npz, by what each must be: its kind, and its axes, of one length throughout the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.names import is_name
from annealing.errors import RunError
from ifp.run_files import load_npz

_KINDS = {"numbers": "fiu", "floats": "f", "whole numbers": "iu", "names": "U"}
_MAY_BE_EMPTY = "factors"  # of unlabelled data

# what is read of the curves.npz of an annealing test, of whole-data annealing, and of the trace.npz of training
CURVES = {
    "factor": "names: cases", "context": "whole numbers: cases", "direction": "names: cases records",
    "loop": "whole numbers: cases records", "beta": "floats: cases records", "kl": "floats: cases records latents",
}  # fmt: skip
WHOLE_CURVES = {
    "step": "whole numbers: records", "direction": "names: records", "beta": "floats: 1 records",
    "kl": "floats: 1 records latents", "reconstruction": "floats: 1 records", "silent_reconstruction": "floats: 1",
    "mi": "floats: records latents factors", "mi_null": "floats: records latents factors", "factors": "names: factors",
}  # fmt: skip
TRACE = {
    "stage": "numbers: records", "pressure": "numbers: records", "kl": "floats: records latents",
    "mi": "floats: records latents factors", "mi_null": "floats: records latents factors",
}  # fmt: skip
LABELLED = {"step": "numbers: records", "factors": "names: factors", "entropy": "floats: factors"}


def load_arrays(path: Path, wanted: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """All arrays of an npz, those ``wanted`` as their ``KIND: AXES`` say; the others as they are.

    Raises:
        RunError: the file is damaged, or an array is missing, of another kind or of other axes.
    """
    arrays = load_npz(path)
    lengths: dict[str, int] = {}
    for name, said in wanted.items():
        kind, _, axes = said.partition(": ")
        if name not in arrays:
            raise RunError(f"need an array {name} in {path}, it is missing")
        array, names = arrays[name], axes.split()
        fits = array.dtype.kind in _KINDS[kind] and (kind == "names" or array.dtype.itemsize <= 8)
        if not fits or array.ndim != len(names):
            raise RunError(f"need {name} in {path} as {kind} ({axes}), got {array.dtype} of shape {array.shape}")
        for axis, length in zip(names, array.shape, strict=True):
            known = lengths.setdefault(axis, int(axis) if axis.isdigit() else length)
            if length != known or (length == 0 and axis != _MAY_BE_EMPTY):
                raise RunError(f"need {known or 'one or more'} {axis} in {name} of {path}, got {length}")
        if kind == "names":
            _require_names(array, name, path)
    return arrays


def _require_names(array: NDArray[np.str_], name: str, path: Path) -> None:
    if not all(is_name(each) for each in np.unique(array).tolist()):
        raise RunError(f"need names in one line as {name} in {path}, got others")
