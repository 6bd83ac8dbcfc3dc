"""Codes with the classes of their factors: of a trained run, of arrays with labels of any kind, of a file."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.scores.codes import LabelledCodes
from annealing.errors import DataError, IFPError, RunError
from ifp.datasets import require_bins
from ifp.datasets.dataset import DataWarning
from ifp.datasets.labels import factor_classes, label_columns
from ifp.evaluation.encoding import encoded_run
from ifp.files.npz import has_array, open_npz, read_whole
from ifp.machine.progress import UNWATCHED, Watch
from ifp.models.networks import Network
from ifp.run_directory.run import RunDirectory
from ifp.training.trained import trained_run


def codes_of_run(
    run: RunDirectory | str | Path,
    data_dir: Path | None = None,
    watch: Watch = UNWATCHED,
    network: Network | None = None,
    index: NDArray[np.int64] | None = None,
) -> LabelledCodes:
    """Codes of every image of the data set that a training run was made with.

    Args:
        run, data_dir, watch, network: as :func:`ifp.score` has them.
        index: images (n,) that are needed: the codes of all others may be 0.

    Raises:
        IFPError: the run is not finished or not of training, its data set is not at hand or has no labels.
    """
    trained = trained_run(run)
    if not trained.trace.names:
        raise RunError(f"need a run on data with labelled factors for scores, {trained.run.path} has none")
    found = encoded_run(trained.run, data_dir, watch, network, index)
    return LabelledCodes(found["codes"], found["factors"], found["logvar"])


def labelled_codes(
    codes: NDArray[Any],
    labels: NDArray[Any],
    logvar: NDArray[Any] | None,
    *,
    bins: int | None = None,
    missing: str | int | float | None = None,
    where: str = "factors",
) -> LabelledCodes:
    """Codes with the classes of their labels; rows that lack a label are left out, which is warned of.

    Args:
        codes, logvar: (rows, latents).
        labels: (rows, factors) or (rows,), as :func:`ifp.datasets.labels.factor_classes` takes them.
        bins, missing, where: as there.

    Raises:
        IFPError: labels that are no classes, or as :class:`analysis.scores.codes.LabelledCodes` has it.
    """
    require_bins(bins)
    if codes.ndim != 2 or labels.ndim not in (1, 2) or len(labels) != len(codes) or not codes.size:
        raise IFPError(f"need codes (rows, latents) and {where} (rows, factors), got {codes.shape}, {labels.shape}")
    columns = label_columns(labels, len(codes), where)
    found = factor_classes(columns, bins=bins, missing=None if missing is None else str(missing), where=where)
    if not found.left_out:
        return LabelledCodes(codes, found.classes, logvar)
    warnings.warn(f"{found.left_out:,} of {len(codes):,} rows lack a label and are left out", DataWarning, stacklevel=3)
    kept = logvar[found.kept] if logvar is not None and len(logvar) == len(codes) else logvar
    return LabelledCodes(codes[found.kept], found.classes, kept)


def codes_of_file(path: Path, *, bins: int | None = None, missing: str | int | float | None = None) -> LabelledCodes:
    """Codes of an npz: ``codes`` (rows, latents), ``factors`` (rows, factors) and, if there, ``logvar`` as codes.

    Args:
        path: of the npz.
        bins, missing: as :func:`labelled_codes` has them.

    Raises:
        IFPError: a file or an array that is not as described.
    """
    if not path.is_file():
        raise DataError(f"need an npz of codes, there is no file {path}: `ifp encode --out {path}` makes one of a run")
    with open_npz(path) as archive:
        codes, factors = (read_whole(archive, name, path) for name in ("codes", "factors"))
        logvar = read_whole(archive, "logvar", path) if has_array(archive, "logvar") else None
    for name, array in (("codes", codes), ("logvar", logvar)):
        if array is not None and not np.issubdtype(array.dtype, np.floating):
            raise DataError(f"need {name} of floats in {path}, got {array.dtype}")
    return labelled_codes(codes, factors, logvar, bins=bins, missing=missing, where=f"factors in {path}")
