"""Tables of (step, beta, KL per latent) from anyone's training, read to freezing points."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.freezing_points import FreezingPoints, find_freezing_points
from analysis.plain_json import shown
from annealing.errors import DataError
from annealing.thresholds import ACTIVE
from ifp.files.arrays import in_memory
from ifp.files.plain import read_file
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.trained import trained_run
from ifp.whole_annealing.results import annealed_whole

_LARGEST = 256 * 2**20  # bytes of a table
_HEADER = 2**22  # bytes that its names may take
_LATENT = re.compile(r"kl_(0|[1-9][0-9]{0,5})")  # as numbers are written: kl_00 is another name

Table: TypeAlias = pd.DataFrame | Mapping[str, ArrayLike]


def freezing_points(table: RunDirectory | Table | str | Path, *, threshold: float = ACTIVE) -> FreezingPoints:
    r"""Where each latent of a model freezes and melts, from records of its KL as the pressure moved.

    The model may be anyone's: the loss it was trained with must be reconstruction + beta KL, with beta changed along
    training. Freezing is read off the last branch of falling beta, melting and the knee off the last of rising beta,
    each at the ``threshold``; cooling alone gives lower bounds, as it lags, and so does the knee of a fast heating give
    an upper one. ::

        points = ifp.freezing_points({"step": step, "beta": beta, "kl": kl})  # kl (records, latents)
        points = ifp.freezing_points("log.csv")

    Args:
        table: a DataFrame, a mapping or the path of a CSV file with ``step``, ``beta`` (or ``pressure``) and ``kl_0``,
            ``kl_1``, ...; in a mapping also ``kl`` of shape (records, latents); other columns are not looked at. Or a
            finished run of training or of whole-data annealing, or its directory. Pressures in nats, for a
            reconstruction in nats summed over pixels: of another loss :func:`ifp.beta_in_nats` gives them. KL in nats,
            each a mean over images.
        threshold: nats of KL from which a latent is active.

    Raises:
        DataError: columns that are missing or hold no numbers.
        IFPError: records that do not fit (:func:`analysis.freezing_points.find_freezing_points`).
        RunError: no such file, or a run of another kind.
    """
    return find_freezing_points(*_records(table), threshold=threshold)


def is_table(source: object) -> bool:
    """Whether a source is a table rather than a run: a DataFrame, a mapping, or the path of a CSV file."""
    if isinstance(source, (str, Path)):
        return Path(source).suffix.lower() == ".csv"
    return isinstance(source, (pd.DataFrame, Mapping))


def _records(table: RunDirectory | Table | str | Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Step (records,), beta (records,) and KL (records, latents)."""
    if isinstance(table, (str, Path)) and is_table(table):
        return _columns(_read(Path(table)), f"{table}")
    if isinstance(table, (RunDirectory, str, Path)):
        return _of_run(table if isinstance(table, RunDirectory) else open_run(Path(table)))
    if isinstance(table, pd.DataFrame):
        _require_once([str(name) for name in table.columns], "the table")
        return _columns({str(name): table[name] for name in table}, "the table")
    if isinstance(table, Mapping):
        return _columns(table, "the table")
    raise DataError(f"need a DataFrame, a mapping, the path of a CSV file or a run, got {type(table).__name__}")


def _of_run(run: RunDirectory) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    if run.kind == Kind.WHOLE_ANNEALING:
        curves = annealed_whole(run).curves
        return curves["step"], curves["beta"][0], curves["kl"][0]
    trace = trained_run(run, "a finished run of training or of whole-data annealing").trace
    return trace.step, trace.pressure, trace.kl


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
    _require_once(first, f"{path}")  # pandas would give the second one another name
    return {str(name): table[name] for name in table}


def _require_once(columns: Sequence[str], where: str) -> None:
    """DataError where two columns have one name: nothing tells which is meant."""
    name, times = Counter(columns).most_common(1)[0] if columns else ("", 0)
    if times > 1:
        raise DataError(f"need columns each once in {where}, got {shown(name)} {times} times")


def _columns(table: Mapping[str, Any], where: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    latents = sorted(int(match[1]) for name in table if (match := _LATENT.fullmatch(name)))
    pressure = "beta" if "beta" in table else "pressure"
    if "step" not in table or pressure not in table or not (latents or "kl" in table):
        raise DataError(
            f"need columns step, beta and kl_0, kl_1, ... (nats of each latent) in {where}, got "
            f"{', '.join(shown(name) for name in list(table)[:20])}"
        )
    if latents and latents != list(range(len(latents))):
        raise DataError(f"need columns kl_0 to kl_{len(latents) - 1}, each once, in {where}, got {latents[:20]}")
    step, beta = (_numbers(table[name], name, where) for name in ("step", pressure))
    if latents:
        columns = [_numbers(table[f"kl_{latent}"], f"kl_{latent}", where) for latent in latents]
        if {len(each) for each in columns} != {len(step)}:
            raise DataError(f"need columns of one length in {where}, got others")
        return step, beta, np.stack(columns, axis=1)
    return step, beta, _numbers(table["kl"], "kl", where)


def _numbers(values: Any, name: str, where: str) -> NDArray[np.float64]:
    try:
        return in_memory(values).astype(np.float64)
    except DataError as error:
        raise DataError(f"need numbers as {name} in {where}: {error}") from error
