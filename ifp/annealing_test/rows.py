"""freezing.csv: one row per factor, context, latent and threshold."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.separability import ABOVE, BELOW
from annealing.choices import PointSource
from annealing.equilibrium import Equilibrium, judge
from annealing.freezing import balance, freezing_point, read_loops
from annealing.knee import fit_knee
from ifp.annealing_test.config import AnnealConfig
from ifp.annealing_test.repeats import Reading, joined
from ifp.closed_form.contexts import SpectralRecord

_BOTH_WAYS = ("heat-cool", "equilibrium")  # protocols that cool and heat; the published ones only cool


def freezing_rows(
    config: AnnealConfig,
    curves: Mapping[str, NDArray[Any]],
    spectral: Mapping[tuple[str, int], SpectralRecord],
    settled: Mapping[str, NDArray[Any]],
) -> Iterator[dict[str, object]]:
    """Rows of freezing.csv from the curves; repeats of a case are joined by their medians.

    Point and bracket are of the curves alone, of networks or, under the protocol ``equilibrium``, of the best decoder:
    where the law KL = g ln(beta_c / beta) holds, the knee, and a bracket from freezing and melting to it: a threshold
    is crossed below the freezing point by its very definition; else freezing and melting. Closed form and, of networks,
    equilibrium stand beside.

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
                    **_row(readings, spectral[key], equilibrium, config),
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
) -> Reading:
    direction, loop, beta = (curves[name][case] for name in ("direction", "loop", "beta"))
    kl = curves["kl"][case]
    loops = read_loops(direction, loop, beta, kl[:, latent], threshold)
    point = freezing_point(loops, config.sweep.pace.slowdown)
    heating = (direction == "heat") & (loop == point.loop)
    swept = int(curves["step"][case][direction != "done"][-1])
    return Reading(
        point,
        fit_knee(beta[heating], kl[heating, latent]),
        balance(beta[heating], kl[heating].sum(axis=1), curves["reconstruction"][case][heating]),
        swept,
    )


def _row(
    readings: Sequence[Reading], spectral: SpectralRecord, equilibrium: Equilibrium | None, config: AnnealConfig
) -> dict[str, object]:
    """What the repeats of one case say together, beside closed form and equilibrium."""
    transition = equilibrium.order if equilibrium is not None else spectral.transition
    both_ways = config.protocol in _BOTH_WAYS
    lawful = both_ways and spectral.transition == transition == "continuous"
    found = joined(readings, lawful=lawful, both_ways=both_ways)
    agreeing = [reading for reading in readings if reading.point.status == found.status]
    gaps = Counter(reading.point.gap for reading in agreeing)
    balances = [reading.balance for reading in agreeing if np.isfinite(reading.balance)]
    steps = max(reading.steps for reading in readings)
    return {
        "freezing_beta": found.freezing,
        "melting_beta": found.melting,
        "ifp_beta": found.point,
        "ifp_low": found.low,
        "ifp_high": found.high,
        "ifp_source": _source(config.protocol, found.by_knee) if found.status == "ok" else "",
        "knee_beta": found.knee,
        "knee_low": found.knee_low,
        "knee_high": found.knee_high,
        "slope": found.slope,
        "spectral_beta": spectral.spectral_beta,
        "beta_rd": spectral.beta_rd,
        "transition": transition,
        "status": found.status,
        "repeats_ok": found.counts["ok"],
        "repeats_below": sum(found.counts[status] for status in BELOW),
        "repeats_above": sum(found.counts[status] for status in ABOVE),
        "ifp_over_spectral": found.point / spectral.spectral_beta,
        "gap": min(gaps, key=lambda gap: (-gaps[gap], gap)),
        "stopped_by": _stopped_by(found.status, steps, config),
        "steps": steps,
        "balance": float(np.median(balances)) if balances else np.nan,
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


def _stopped_by(status: str, steps: int, config: AnnealConfig) -> str:
    """What ended a case's loops: a narrow bracket, its steps, or an end of its range."""
    if config.protocol != "heat-cool":
        return ""
    if steps >= config.sweep.pace.max_steps - config.sweep.record_every:
        return "max_steps"
    return "tolerance" if status == "ok" else "range"
