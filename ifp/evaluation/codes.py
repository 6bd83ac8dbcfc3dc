"""Codes with the classes of their factors: of a trained run, of arrays with labels of any kind, of a file."""

import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.names import is_name
from analysis.plain_json import shown
from analysis.scores.all_scores import VARIANTS, of_values_alone
from analysis.scores.codes import LabelledCodes
from analysis.scores.protocol import varying_columns
from annealing.errors import DataError, IFPError
from ifp.datasets import require_bins
from ifp.datasets.dataset import DataWarning
from ifp.datasets.labels import label_columns, partial_labels
from ifp.evaluation.encoding import Chooser, Rows, encoded_run
from ifp.files.npz import has_array, open_npz, read_header, read_whole
from ifp.machine.progress import UNWATCHED, Watch
from ifp.models.networks import Network
from ifp.run_directory.run import RunDirectory

VALUE_SCORES = tuple(name for name in VARIANTS if of_values_alone([name]))  # that a continuous factor needs no bins for
_BINS = 20
_NAMED = 8  # factors, in a warning


def codes_of_run(
    run: RunDirectory | str | Path,
    data_dir: Path | None = None,
    watch: Watch = UNWATCHED,
    network: Network | None = None,
    index: Rows | Chooser | None = None,
) -> LabelledCodes:
    """Codes of every image of the data set that a training run was made with.

    Args:
        run, data_dir, watch, network: as :func:`ifp.score` has them.
        index: images (n,) that are needed, or what chooses them by their factors: the codes of all others may be 0.

    Raises:
        IFPError: the run is not finished or not of training, its data set is not at hand or has no labels.
    """
    found = encoded_run(run, data_dir, watch, network, index, labelled=True)
    return LabelledCodes(found["codes"], found["factors"], found["logvar"])


def labelled_codes(
    codes: NDArray[Any],
    labels: NDArray[Any],
    logvar: NDArray[Any] | None,
    *,
    bins: int | None = None,
    missing: str | int | float | None = None,
    only: Collection[str] | None = None,
    where: str = "factors",
) -> LabelledCodes:
    """Codes with the classes of their labels, and the labels as numbers where they are some.

    A row that lacks labels counts for the factors that it has one of, and a row without any is left out: both are
    warned of. Where no score is asked for that needs classes, a continuous factor may go without ``bins``: it is
    cut into 20, which tell no more than whether it varies and by which protocol rows are drawn.

    Args:
        codes, logvar: (rows, latents).
        labels: (rows, factors) or (rows,), as :func:`ifp.datasets.labels.factor_classes` takes them.
        bins, missing, where: as there.
        only: names of the scores that are asked for; None: the usual ones.

    Raises:
        IFPError: labels that are no classes, or as :class:`analysis.scores.codes.LabelledCodes` has it.
    """
    require_bins(bins)
    if codes.ndim != 2 or labels.ndim not in (1, 2) or len(labels) != len(codes) or not codes.size:
        raise IFPError(f"need codes (rows, latents) and {where} (rows, factors), got {codes.shape}, {labels.shape}")
    classes, values = partial_labels(
        label_columns(labels, len(codes), where),
        bins=bins,
        missing=None if missing is None else str(missing),
        where=where,
        else_bins=_BINS if only is not None and of_values_alone(only) else None,
        way_on=f", and regressions on its values need none: --only {','.join(VALUE_SCORES)} (from Python only=)",
    )
    kept = np.any(classes[:, varying_columns(classes)] >= 0, axis=1)
    if kept.any() and (classes < 0).any():
        warnings.warn(_told(classes, kept), DataWarning, stacklevel=3)
    if kept.all() or not kept.any():  # none: no factor varies, which is refused
        return LabelledCodes(codes, classes, logvar, values)
    if logvar is not None and len(logvar) == len(codes):
        logvar = logvar[kept]
    return LabelledCodes(codes[kept], classes[kept], logvar, values[kept])


def _told(classes: NDArray[np.int64], kept: NDArray[np.bool_]) -> str:
    """What is said of classes (rows, factors) of which some are missing, -1, and of rows that are left out."""
    labelled, left_out = (classes >= 0).sum(axis=0), int((~kept).sum())
    counts = [f"{count:,} of factor{k}" for k, count in enumerate(labelled) if count < len(classes)]
    more = ", ..." if len(counts) > _NAMED else ""
    rest = f", and {left_out:,} rows with no label of a factor that varies are left out" if left_out else ""
    return (
        f"labels are missing, of {len(classes):,} rows there are {', '.join(counts[:_NAMED])}{more}: each factor is "
        f"scored on the rows that have its label{rest}"
    )


def codes_of_file(
    path: Path,
    *,
    bins: int | None = None,
    missing: str | int | float | None = None,
    only: Collection[str] | None = None,
) -> LabelledCodes:
    """Codes of an npz: ``codes`` (rows, latents), ``factors`` (rows, factors) and, if there, ``logvar`` as codes.

    Args:
        path: of the npz.
        bins, missing, only: as :func:`labelled_codes` has them.

    Raises:
        IFPError: a file or an array that is not as described.
    """
    if not path.is_file():
        raise DataError(f"need an npz of codes, there is no file {path}: `ifp encode --out {path}` makes one of a run")
    with open_npz(path) as archive:
        codes, factors = (read_whole(archive, name, path) for name in ("codes", "factors"))
        logvar = read_whole(archive, "logvar", path) if has_array(archive, "logvar") else None
    for name, array in (("codes", codes), ("logvar", logvar)):
        kinds = "fiu" if name == "codes" else "f"
        if array is not None and array.dtype.kind not in kinds:
            numbers = "numbers" if name == "codes" else "floats"
            raise DataError(f"need {name} of {numbers} in {path}, got {array.dtype}")
    return labelled_codes(codes, factors, logvar, bins=bins, missing=missing, only=only, where=f"factors in {path}")


def factor_names_of_file(path: Path) -> tuple[str, ...] | None:
    """``factor_names`` of an npz of codes, one per column of its ``factors``; None where it has none.

    Raises:
        DataError: names that are no text, not different or not printable, or not as many as columns.
    """
    if not path.is_file():
        return None  # of which the reader of the codes tells
    with open_npz(path) as archive:
        if not has_array(archive, "factor_names"):
            return None
        header, shape = read_header(archive, "factor_names", path), read_header(archive, "factors", path).shape
        columns = shape[1] if len(shape) == 2 else 1
        if header.dtype.kind != "U" or header.shape != (columns,):
            raise DataError(
                f"need factor_names of shape ({columns},) as text in {path}, got {header.shape} of {header.dtype}: "
                "leave them out or name every column"
            )
        names = tuple(read_whole(archive, "factor_names", path).tolist())
    if len(set(names)) < len(names) or not all(map(is_name, names)):
        raise DataError(f"need different, printable factor_names in {path}, got {', '.join(map(shown, names))}")
    return names
