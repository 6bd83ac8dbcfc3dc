"""freezing.csv: one row per factor, context, latent and threshold."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.equilibrium import Equilibrium, judge
from annealing.freezing import FreezingPoint, balance, freezing_point, read_loops
from annealing.knee import Knee, fit_knee, knee_interval
from ifp.annealing_test.config import AnnealConfig
from ifp.closed_form.contexts import SpectralRecord


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

    Where the law KL = g ln(beta_c / beta) holds, the knee is the networks'; else it is the onset at equilibrium, if
    that was computed. ``ifp_low`` and ``ifp_high`` reach from freezing and melting to the knee: a threshold
    is crossed below the freezing point by its very definition.

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
    """What the repeats of one case say together."""
    status = Counter(each.point.status for each in readings).most_common(1)[0][0]
    agreeing = [each for each in readings if each.point.status == status]
    freezing = _median([each.point.freezing for each in agreeing])
    melting = _median([each.point.melting for each in agreeing])
    transition = equilibrium.order if equilibrium is not None else spectral.transition
    knees = [each.knee for each in agreeing if np.isfinite(each.knee.beta)]
    knee = slope = low = high = np.nan
    source = ""
    if status == "ok" and spectral.transition == "continuous" and transition == "continuous" and knees:
        knee, slope, source = (
            _median([each.beta for each in knees]),
            _median([each.slope for each in knees]),
            "networks",
        )
        low, high = knee_interval(np.array([each.beta for each in knees]), seed=config.seed)
    elif status == "ok" and equilibrium is not None and np.isfinite(equilibrium.onset):
        knee, source = equilibrium.onset, "equilibrium"
    ends = [end for end in (freezing, melting, knee, low, high) if np.isfinite(end)]
    point = knee if np.isfinite(knee) else _median([each.point.middle for each in agreeing])
    if config.protocol not in ("heat-cool", "equilibrium"):  # cools only: the reading is all there is
        point, ends = freezing, []
    bracketed = status == "ok" and bool(ends)
    steps = max(each.steps for each in readings)
    return {
        "freezing_beta": freezing,
        "melting_beta": melting,
        "ifp_beta": point,
        "ifp_low": min(ends) if bracketed else np.nan,
        "ifp_high": max(ends) if bracketed else np.nan,
        "knee_beta": knee,
        "knee_low": low,
        "knee_high": high,
        "slope": slope,
        "spectral_beta": spectral.spectral_beta,
        "beta_rd": spectral.beta_rd,
        "transition": transition,
        "status": status,
        "knee_source": source,
        "ifp_over_spectral": point / spectral.spectral_beta,
        "gap": Counter(each.point.gap for each in agreeing).most_common(1)[0][0],
        "stopped_by": _stopped_by(status, steps, config),
        "steps": steps,
        "balance": _median([each.balance for each in agreeing]),
        "equilibrium_freezing": equilibrium.freezing if equilibrium is not None else np.nan,
        "equilibrium_melting": equilibrium.melting if equilibrium is not None else np.nan,
    }


def _stopped_by(status: str, steps: int, config: AnnealConfig) -> str:
    """What ended a case's loops: a narrow bracket, its steps, or an end of its range."""
    if config.protocol != "heat-cool":
        return ""
    if steps >= config.sweep.pace.max_steps - config.sweep.record_every:
        return "max_steps"
    return "tolerance" if status == "ok" else "range"


def _median(values: Sequence[float]) -> float:
    """Of the finite values; NaN where there is none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.median(finite)) if finite else np.nan
