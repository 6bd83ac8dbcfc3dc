"""Tables of (step, beta, KL per latent) from anyone's training, read to freezing points."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
from numpy.typing import ArrayLike

from analysis.freezing_points import FreezingPoints, find_freezing_points
from annealing.errors import DataError
from annealing.thresholds import ACTIVE
from ifp.files.event_files import is_log, read_scalars
from ifp.files.log import LogRecords, event_records, is_asked, require_names_once, table_records
from ifp.files.plain import read_file
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory, open_run

_LARGEST = 256 * 2**20  # bytes of a table
_HEADER = 2**22  # bytes that its names may take

Table: TypeAlias = pd.DataFrame | Mapping[str, ArrayLike]


def freezing_points(table: RunDirectory | Table | str | Path, *, threshold: float = ACTIVE) -> FreezingPoints:
    r"""Where each latent of a model freezes and melts, from records of its KL as the pressure moved.

    The model may be trained anywhere, if its loss is reconstruction + beta KL and beta changed during training.
    Freezing is read from the last branch of falling beta, at the ``threshold``. Melting (at the same threshold) and the
    knee are read from the last branch of rising beta. Cooling lags, so cooling alone gives lower bounds. The knee of a
    fast heating is an upper bound. ::

        points = ifp.freezing_points({"step": step, "beta": beta, "kl": kl})  # kl (records, latents)
        points = ifp.freezing_points("log.csv")
        points = ifp.freezing_points("lightning_logs/version_0")  # TensorBoard's events

    Rows of the same step are one record, so a logger may fill them in part. If a step comes again, as after a resume,
    the later rows count. Beta may begin at 0, and may rise and fall any number of times;
    :meth:`ifp.FreezingPoints.by_branch` reads every branch by itself. ``notes`` say what was left out.

    Args:
        table: a DataFrame, a mapping, the path of a CSV file, or that of a file or folder of TensorBoard's events, with
            ``step``, ``beta`` (or ``pressure``) and ``kl_0``, ``kl_1``, ... (or ``kl_00``, ``kl/0``, ``KL 0``; any
            prefix before a slash); in a mapping also ``kl`` of shape (records, latents); other columns are not looked
            at. Or a finished run of training or of whole-data annealing, a watched one, or its directory. Pressures in
            nats, for a reconstruction in nats summed over pixels: of another loss :func:`ifp.beta_in_nats` gives them.
            KL in nats, each a mean over images.
        threshold: nats of KL from which a latent is active.

    Raises:
        DataError: columns that are missing or hold no numbers.
        IFPError: records that do not fit (:func:`analysis.freezing_points.find_freezing_points`).
        RunError: no such file, or a run of another kind.
    """
    records = _records(table)
    found = find_freezing_points(records.step, records.beta, records.kl, threshold)
    return replace(found, notes=(*records.notes, *found.notes))


def is_table(source: object) -> bool:
    """Whether a source is a table rather than a run: a DataFrame, a mapping, or the path of a CSV file or of events."""
    if isinstance(source, (str, Path)):
        return is_log(Path(source))
    return isinstance(source, (pd.DataFrame, Mapping))


def _records(table: RunDirectory | Table | str | Path) -> LogRecords:
    if isinstance(table, (str, Path)) and is_table(table):
        path = Path(table)
        if path.suffix.lower() == ".csv":
            return table_records(_read(path), f"{path}")
        return event_records(read_scalars(path, is_asked), f"{path}")
    if isinstance(table, (RunDirectory, str, Path)):
        return _of_run(table if isinstance(table, RunDirectory) else open_run(Path(table)))
    if isinstance(table, pd.DataFrame):
        require_names_once([str(name) for name in table.columns], "the table")
        return table_records({str(name): table[name] for name in table}, "the table")
    if isinstance(table, Mapping):
        return table_records(table, "the table")
    raise DataError(f"need a DataFrame, a mapping, the path of a CSV file or a run, got {type(table).__name__}")


def _of_run(run: RunDirectory) -> LogRecords:
    from ifp.training.trained import trained_run  # here: they import torch, which a log does without
    from ifp.watching.watched import watched_run
    from ifp.whole_annealing.results import annealed_whole

    if run.kind == Kind.WHOLE_ANNEALING:
        curves = annealed_whole(run).curves
        return LogRecords(curves["step"], curves["beta"][0], curves["kl"][0])
    if run.kind == Kind.WATCHED:
        readings = watched_run(run).readings
        return LogRecords(readings.step, readings.pressure, readings.kl)
    trace = trained_run(run, "a finished run of training or of whole-data annealing").trace
    return LogRecords(trace.step, trace.pressure, trace.kl)


def _read(path: Path) -> dict[str, Any]:
    data = read_file(path, "a table", _LARGEST)
    try:
        table = pd.read_csv(io.BytesIO(data))
    except ValueError as error:  # of pandas: a parser's, or of text that is no UTF-8
        raise DataError(f"need a table of comma-separated values in {path}, got: {str(error)[:200]}") from error
    try:
        first = next(csv.reader(io.StringIO(data[:_HEADER].decode(errors="replace"), newline="")), [])
    except csv.Error as error:
        raise DataError(f"need a table of comma-separated values in {path}, got: {error}") from error
    require_names_once(first, f"{path}")  # pandas would give the second one another name
    return {str(name): table[name] for name in table}
