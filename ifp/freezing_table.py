"""freezing.csv: one row per factor, context, latent and threshold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from annealing.freezing import crossing, freezing_point
from ifp.contexts import SpectralRecord

PROTOCOL = "heat-cool"
FREEZING_COLUMNS = (
    "dataset", "factor", "context", "latent", "threshold_nats", "freezing_beta", "melting_beta", "ifp_beta",
    "ifp_low", "ifp_high", "knee_beta", "knee_low", "knee_high", "slope", "spectral_beta", "beta_rd", "transition",
    "attributed_factor", "attributed_share", "protocol", "seed", "status",
)  # fmt: skip


def freezing_rows(
    dataset: str,
    seed: int,
    thresholds: Sequence[float],
    curves: Mapping[str, NDArray[Any]],
    spectral: Mapping[tuple[str, int], SpectralRecord],
) -> Iterator[dict[str, object]]:
    """Rows of freezing.csv, one per case, latent and threshold, from the curves.

    Args:
        dataset, seed: of the run, for the rows.
        thresholds: nats of KL from which a latent is active.
        curves: arrays of curves.npz.
        spectral: closed form by factor and context.
    """
    heat, cool = (curves["direction"] == direction for direction in ("heat", "cool"))
    for case, (factor, context) in enumerate(zip(curves["factor"].tolist(), curves["context"].tolist(), strict=True)):
        beta, kl = curves["beta"][case], curves["kl"][case]
        for latent in range(kl.shape[1]):
            for threshold in thresholds:
                heating = crossing(beta[heat], kl[heat, latent], threshold)
                cooling = crossing(beta[cool], kl[cool, latent], threshold)
                point = freezing_point(heating, cooling)
                yield {
                    "dataset": dataset,
                    "factor": factor,
                    "context": context,
                    "latent": latent,
                    "threshold_nats": threshold,
                    "freezing_beta": point.freezing,
                    "melting_beta": point.melting,
                    "ifp_beta": point.ifp,
                    "ifp_low": point.low,
                    "ifp_high": point.high,
                    "spectral_beta": spectral[factor, context].spectral_beta,
                    "attributed_factor": factor,  # alone in its case
                    "attributed_share": 1.0,
                    "protocol": PROTOCOL,
                    "seed": seed,
                    "status": point.status,
                }
