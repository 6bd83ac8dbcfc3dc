"""Logs of a training by any program: which columns hold step, beta and KL, and the records that they make together.

Loggers spell names in their own ways, fill the rows of one step in part, and write steps again after a resume.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analysis.plain_json import shown
from annealing.errors import DataError
from ifp.files.arrays import in_memory

_KL = re.compile(r"(?:(.*)/)?kl[ _/.-]?0*([0-9]{1,6})")
_STEP, _BETA = ("step", "global_step", "_step"), ("beta", "pressure")  # the first one there is meant
_MOST = 2**27  # values of all records

Series: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]  # steps and values, in the order written


@dataclass(frozen=True, eq=False)
class LogRecords:
    """Step (records,), rising; beta (records,); KL (records, latents), NaN from where a latent diverged; and what was
    left out, in words.
    """

    step: NDArray[Any]
    beta: NDArray[Any]
    kl: NDArray[Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """Names of the columns: of each latent's KL, in their order; ``kl`` alone where one array holds all."""

    step: str
    beta: str
    kl: tuple[str, ...]


def is_asked(name: str) -> bool:
    """Whether a name may be that of a pressure or of a latent's KL.

    >>> [is_asked(name) for name in ("train/KL_0", "kl/07", "Beta", "kl", "loss/kl")]
    [True, True, True, False, False]
    """
    folded = _folded(name)
    return _KL.fullmatch(folded) is not None or folded.rpartition("/")[2] in _BETA


def table_records(table: Mapping[str, Any], where: str) -> LogRecords:
    """Records of a table whose rows may be filled in part: those of one step are one.

    Raises:
        DataError: columns that are missing, ambiguous, of several lengths or no numbers, steps that do not rise, or no
            step with both beta and KL.
    """
    names = find_columns([name for name in table if isinstance(name, str)], where)
    step, beta = (_numbers(table[name], name, where) for name in (names.step, names.beta))
    if names.kl == ("kl",):
        array = _numbers(table["kl"], "kl", where)
        if array.ndim != 2 or not array.shape[1]:
            raise DataError(f"need kl of shape (records, latents) in {where}, got {array.shape}")
        columns = list(array.T)
    else:
        columns = [_numbers(table[name], name, where) for name in names.kl]
    if {each.shape for each in (beta, *columns)} != {step.shape} or step.ndim != 1:
        raise DataError(f"need columns of one length in {where}, got others")
    if not np.isfinite(step).all():
        raise DataError(f"need a step in every row of {where}, got rows without one: fill it in, or drop them")
    return _joined((step, beta), [(step, each) for each in columns], where)


def event_records(events: Mapping[str, Series], where: str) -> LogRecords:
    """Records of scalars that each have steps of their own; DataError as for :func:`table_records`.

    Only those that may be pressures or KL need any: the others are told where these are missing.
    """
    names = find_columns([*filter(is_asked, events), "step"], where, tuple(events))
    return _joined(events[names.beta], [events[name] for name in names.kl], where)


def find_columns(names: Sequence[str], where: str, there: Sequence[str] = ()) -> Columns:
    """The columns of step, beta (or pressure) and each latent's KL, whatever their case and their prefix.

    Names without a prefix go before others; steps and betas of the KL's own prefix before those of another. A refusal
    tells the names, or all that are ``there``.

    >>> find_columns(["Step", "train/beta", "train/KL 0", "train/kl_01", "loss"], "a log")
    Columns(step='Step', beta='train/beta', kl=('train/KL 0', 'train/kl_01'))

    Raises:
        DataError: one is missing, or two are meant by one name.
    """
    groups: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if match := _KL.fullmatch(_folded(name)):
            groups.setdefault(match[1] or "", []).append((int(match[2]), name))
    prefix = _one_of(groups, ("",), "KL", where)
    kl: tuple[str, ...] = ()
    if prefix is not None:
        found = sorted(groups[prefix])
        _require_once(((f"latent {latent}", name) for latent, name in found), where)
        latents = [latent for latent, _ in found]
        if latents != list(range(len(found))):
            raise DataError(
                f"need columns kl_0 to kl_{len(found) - 1}, each once, in {where}, got {latents[:20]}: number the "
                "latents from 0"
            )
        kl = tuple(name for _, name in found)
    elif "kl" in names:
        kl = ("kl",)
    step, beta = (_named(names, words, prefix or "", where) for words in (_STEP, _BETA))
    if step is None or beta is None or not kl:
        raise DataError(
            f"need columns step, beta and kl_0, kl_1, ... (nats of each latent) in {where}, got "
            f"{', '.join(shown(name) for name in (there or names)[:20])}: rename them"
        )
    return Columns(step, beta, kl)


def _folded(name: str) -> str:
    return name.strip().casefold()


def _named(names: Sequence[str], words: Sequence[str], own: str, where: str) -> str | None:
    """The column called by the first of the words that is there."""
    for word in words:
        prefixes: dict[str, list[str]] = {}
        for name in names:
            prefix, _, last = _folded(name).rpartition("/")
            if last == word:
                prefixes.setdefault(prefix, []).append(name)
        chosen = _one_of(prefixes, ("", own), word, where)
        if chosen is not None:
            _require_once(((word, name) for name in prefixes[chosen]), where)
            return prefixes[chosen][0]
    return None


def _one_of(prefixes: Mapping[str, object], first: Sequence[str], what: str, where: str) -> str | None:
    """The prefix meant: one of the first that is there, else the only one; None where there is none."""
    for prefix in first:
        if prefix in prefixes:
            return prefix
    if len(prefixes) > 1:
        told = ", ".join(shown(f"{prefix}/") for prefix in list(prefixes)[:5])
        raise DataError(f"need {what} once in {where}, got it under {told}: keep the columns of one of them")
    return next(iter(prefixes), None)


def _require_once(found: Iterable[tuple[str, str]], where: str) -> None:
    """DataError where two columns mean one thing: nothing tells which is right."""
    columns: dict[str, list[str]] = {}
    for what, name in found:
        columns.setdefault(what, []).append(name)
    for what, names in columns.items():
        if len(names) > 1:
            told = " and ".join(shown(name) for name in names[:5])
            raise DataError(f"need columns each once in {where}, got {told} for {what}: keep one of them")


def require_names_once(names: Sequence[str], where: str) -> None:
    """DataError where two columns have one name."""
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise DataError(f"need columns each once in {where}, got {shown(name)} {times} times")


def _numbers(values: Any, name: str, where: str) -> NDArray[np.float64]:
    try:
        return in_memory(values).astype(np.float64)
    except DataError as error:
        raise DataError(f"need numbers as {name} in {where}: {error}") from error


def _joined(beta: Series, kl: Sequence[Series], where: str) -> LogRecords:
    """One record per step that has beta and every latent's KL."""
    (steps, pressures), again = _latest(*beta, where)
    latents = []
    for series in kl:
        found, more = _latest(*series, where)
        latents.append(found)
        again = max(again, more)
    if len(steps) * len(latents) > _MOST:
        raise DataError(f"need at most {_MOST:,} values of KL in {where}, got more: keep fewer records")
    nats = np.full((len(steps), len(latents)), np.nan)
    alone, apart = np.empty(0), False
    for latent, (own, values) in enumerate(latents):
        there = np.isin(own, steps)
        apart = apart or (len(own) > 0 and not there.any())
        nats[np.searchsorted(steps, own[there]), latent] = values[there]
        if not there.all():
            alone = np.union1d(alone, own[~there])
    whole, diverged = _whole(~np.isnan(nats))
    if apart or not whole.any():
        raise DataError(f"need beta and KL of every latent at the same steps of {where}, got none: log them together")
    notes = []
    if again:
        notes.append(f"rows left out of steps that come again further on, as after a resume: {again:,}")
    left = len(alone) + int((~whole).sum())
    if left:
        notes.append(
            f"steps without beta or without the KL of a latent left out: {left:,} of {len(steps) + len(alone):,}"
        )
    if diverged.any() and not np.isnan(nats).all():
        told = ", ".join(f"z{latent}" for latent in np.flatnonzero(diverged)[:10])
        notes.append(f"KL missing up to the end, read as diverged: {told}")
    return LogRecords(steps[whole], pressures[whole], nats[whole], tuple(notes))


def _latest(steps: NDArray[np.float64], values: NDArray[np.float64], where: str) -> tuple[Series, int]:
    """What counts of a series, by rising step, and how many rows do not: those of steps that come again further on.

    A program that goes on from an earlier step does all later ones anew. Rows that are empty are none.
    """
    there = ~np.isnan(values)
    steps, values = steps[there], values[there]
    later = np.append(np.minimum.accumulate(steps[::-1])[::-1][1:], np.inf)[: len(steps)]
    kept = steps < later
    if int((steps > later).sum()) > int(kept.sum()):  # no resume does so much anew
        raise DataError(
            f"need steps that rise from row to row of {where}, but for a resume, got most of them again: sort the "
            "table by step, count steps through all epochs, or keep the last attempt"
        )
    return (steps[kept], values[kept]), int((~kept).sum())


def _whole(there: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which records (records,) count, and which latents (latents,) diverged, of where a KL is there (records, latents).

    Neither an empty cell nor a nan in a file says what it is. A logger's gaps end again; a network that diverged has
    no KL up to the end, for longer than any gap before.
    """
    number = np.arange(len(there))[:, None]
    seen = np.maximum.accumulate(np.where(there, number, -1), axis=0)  # the last record before that has one
    gap = number - seen
    last = seen[-1:] if len(there) else np.full((1, there.shape[1]), -1)
    longest = np.where(number <= last, gap, 0).max(axis=0, initial=0)
    tail = len(there) - 1 - last[0]
    diverged = tail > longest
    return (there | (diverged & (number > last))).all(axis=1), diverged
