"""freezing.csv: one row per factor, context, latent and threshold."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.separability import ABOVE, BELOW
from annealing.choices import PointSource, Status
from annealing.equilibrium import Equilibrium, judge
from annealing.freezing import FreezingPoint, balance, freezing_point, read_loops
from annealing.intervals import median_interval
from annealing.knee import Knee, fit_knee
from ifp.annealing_test.config import AnnealConfig
from ifp.closed_form.contexts import SpectralRecord

_BOTH_WAYS = ("heat-cool", "equilibrium")  # protocols that cool and heat; the published ones only cool


@dataclass(frozen=True)
class _Reading:
    """One repeat of a case, read at one threshold for one latent."""

    point: FreezingPoint
    knee: Knee
    balance: float
    steps: int


def freezing_rows(
    config: AnnealConfig,
    curves: Mapping[str, NDArray[Any]],
    spectral: Mapping[tuple[str, int], SpectralRecord],
    settled: Mapping[str, NDArray[Any]],
) -> Iterator[dict[str, object]]:
    """Rows of freezing.csv from the curves; repeats of a case are joined by their medians.

    The point and its bracket are of what networks measured alone: where the law KL = g ln(beta_c / beta) holds, their
    knee, and a bracket from freezing and melting to it, as a threshold is crossed below the freezing point by its very
    definition; else freezing and melting. Closed form and equilibrium stand beside.

    Args:
        curves: arrays of curves.npz.
        spectral: closed form by factor and context.
        settled: arrays of equilibrium.npz, the same cases or some of them with an unlimited network; may be empty.
    """
    keys, settled_keys = _keys(curves), _keys(settled)
    for key in dict.fromkeys(keys):
        repeats = [case for case, each in enumerate(keys) if each == key]
        for latent in range(curves["kl"].shape[2]):
            for threshold in config.thresholds:
                equilibrium = (
                    _equilibrium(settled, settled_keys.index(key), latent, threshold) if key in settled_keys else None
                )
                readings = [_read(curves, case, latent, threshold, config) for case in repeats]
                yield {
                    "dataset": spectral[key].dataset,
                    "factor": key[0],
                    "context": key[1],
                    "latent": latent,
                    "threshold_nats": threshold,
                    **_joined(readings, spectral[key], equilibrium, config),
                    "attributed_factor": key[0],  # alone in its case
                    "attributed_share": 1.0,
                    "protocol": config.protocol,
                    "seed": config.seed,
                }


def _keys(curves: Mapping[str, NDArray[Any]]) -> list[tuple[str, int]]:
    return list(zip(curves["factor"].tolist(), curves["context"].tolist(), strict=True)) if curves else []


def _equilibrium(settled: Mapping[str, NDArray[Any]], case: int, latent: int, threshold: float) -> Equilibrium:
    return judge(settled["direction"][case], settled["beta"][case], settled["kl"][case][:, latent], threshold)


def _read(
    curves: Mapping[str, NDArray[Any]], case: int, latent: int, threshold: float, config: AnnealConfig
) -> _Reading:
    direction, loop, beta = (curves[name][case] for name in ("direction", "loop", "beta"))
    kl = curves["kl"][case]
    loops = read_loops(direction, loop, beta, kl[:, latent], threshold)
    point = freezing_point(loops, config.sweep.pace.slowdown)
    heating = (direction == "heat") & (loop == point.loop)
    swept = int(curves["step"][case][direction != "done"][-1])
    return _Reading(
        point,
        fit_knee(beta[heating], kl[heating, latent]),
        balance(beta[heating], kl[heating].sum(axis=1), curves["reconstruction"][case][heating]),
        swept,
    )


def _joined(
    readings: Sequence[_Reading], spectral: SpectralRecord, equilibrium: Equilibrium | None, config: AnnealConfig
) -> dict[str, object]:
    """What the repeats of one case say together, in whatever order they come.

    Medians count a repeat that never froze below all others, and one that stayed active above them. Diverged ones say
    nothing. The point is the networks' knee, where the law of the knee holds and most repeats that have a point have
    one, else the middle of freezing and melting.
    """
    told = [reading for reading in readings if reading.point.status != "diverged"]
    ok = [reading for reading in told if reading.point.status == "ok"]
    statuses = Counter(reading.point.status for reading in readings)
    freezing = _censored([(reading.point.freezing, reading.point.status) for reading in told])
    melting = _censored([(reading.point.melting, reading.point.status) for reading in told])
    transition = equilibrium.order if equilibrium is not None else spectral.transition
    lawful = spectral.transition == "continuous" and transition == "continuous" and config.protocol in _BOTH_WAYS
    kneed = [reading for reading in ok if lawful and np.isfinite(reading.knee.beta)]
    by_knee = 2 * len(kneed) > len(ok)
    knees = [
        (reading.knee.beta if reading in kneed else np.nan, reading.point.status)
        for reading in told
        if reading in kneed or reading not in ok
    ]
    knee = _censored(knees) if by_knee else np.nan
    low, high = median_interval(list(map(_placed, *zip(*knees, strict=True)))) if by_knee else (np.nan, np.nan)
    if by_knee:
        point = knee
    else:  # where a protocol only cools, its reading is all there is
        both_ways = config.protocol in _BOTH_WAYS
        read = [(each.point.middle if both_ways else each.point.freezing) if each in ok else np.nan for each in told]
        point = _censored([(value, each.point.status) for value, each in zip(read, told, strict=True)])
    status = _status(point, statuses)
    ends = [end for end in (freezing, melting, knee, low, high) if np.isfinite(end)]
    bracketed = status == "ok" and bool(ends) and config.protocol in _BOTH_WAYS
    agreeing = [reading for reading in readings if reading.point.status == status]
    steps = max(reading.steps for reading in readings)
    return {
        "freezing_beta": _finite(freezing),
        "melting_beta": _finite(melting),
        "ifp_beta": _finite(point),
        "ifp_low": min(ends) if bracketed else np.nan,
        "ifp_high": max(ends) if bracketed else np.nan,
        "ifp_source": _source(config.protocol, by_knee) if status == "ok" else "",
        "knee_beta": _finite(knee),
        "knee_low": _finite(low),
        "knee_high": _finite(high),
        "slope": _median([reading.knee.slope for reading in kneed]) if by_knee else np.nan,
        "spectral_beta": spectral.spectral_beta,
        "beta_rd": spectral.beta_rd,
        "transition": transition,
        "status": status,
        "repeats_ok": statuses["ok"],
        "repeats_below": sum(statuses[name] for name in BELOW),
        "repeats_above": sum(statuses[name] for name in ABOVE),
        "ifp_over_spectral": _finite(point) / spectral.spectral_beta,
        "gap": min(Counter(reading.point.gap for reading in agreeing).items(), key=lambda pair: (-pair[1], pair[0]))[0],
        "stopped_by": _stopped_by(status, steps, config),
        "steps": steps,
        "balance": _median([reading.balance for reading in agreeing]),
        "equilibrium_onset": equilibrium.onset if equilibrium is not None else np.nan,
        "equilibrium_freezing": equilibrium.freezing if equilibrium is not None else np.nan,
        "equilibrium_melting": equilibrium.melting if equilibrium is not None else np.nan,
    }


def _source(protocol: str, by_knee: bool) -> PointSource:
    if protocol == "equilibrium":
        return "equilibrium"
    if protocol not in _BOTH_WAYS:
        return "freezing"
    return "knee" if by_knee else "crossings"


def _placed(value: float, status: Status) -> float:
    """A repeat's pressure; where it has none, -inf or inf if its status says that it lies beyond the sweep."""
    if np.isfinite(value):
        return value
    return -np.inf if status in BELOW else np.inf if status in ABOVE else np.nan


def _censored(repeats: Sequence[tuple[float, Status]]) -> float:
    """Median of pressures, each with its repeat's status; infinite where it is known only to lie beyond the sweep."""
    placed = np.sort([value for value in (_placed(*repeat) for repeat in repeats) if not np.isnan(value)])
    if not len(placed):
        return np.nan
    lower, upper = placed[(len(placed) - 1) // 2], placed[len(placed) // 2]
    if np.isinf([lower, upper]).any():  # halfway to a point that is not known: as far as is known
        return float(lower if np.isinf(lower) else upper)
    return float((lower + upper) / 2)


def _status(point: float, statuses: Counter[Status]) -> Status:
    """Of a case whose repeats have this median: one of those that it is the median of."""
    if np.isfinite(point):
        return "ok"
    beyond: tuple[Status, ...] = BELOW if point == -np.inf else ABOVE if point == np.inf else ("diverged",)
    return max(beyond, key=lambda name: statuses[name])


def _stopped_by(status: str, steps: int, config: AnnealConfig) -> str:
    """What ended a case's loops: a narrow bracket, its steps, or an end of its range."""
    if config.protocol != "heat-cool":
        return ""
    if steps >= config.sweep.pace.max_steps - config.sweep.record_every:
        return "max_steps"
    return "tolerance" if status == "ok" else "range"


def _finite(value: float) -> float:
    return value if np.isfinite(value) else np.nan


def _median(values: Sequence[float]) -> float:
    """Of the finite values; NaN where there is none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.median(finite)) if finite else np.nan
