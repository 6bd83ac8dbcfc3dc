"""What the analysis of an annealing run concludes; the only thing the planner reads."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.distributions import PairedComparison, Summary, compare_paired, holm, overlap, summarise
from analysis.records import read_record
from annealing.errors import IFPError

FORMAT = "ifp-findings/1"
_RELATIVE_BETA = tuple(round(float(ratio), 3) for ratio in np.geomspace(0.3, 1.0, 13))


@dataclass(frozen=True)
class FactorFindings:
    """Freezing points of one factor, in nats.

    Attributes:
        freezing, melting, ifp: measured, over the cases whose status is ok.
        spectral: closed form of the measured cases. planning: closed form over all planning contexts.
        statuses: how many cases ended in each status.
        bracketed: share of all cases whose bracket, with 5% slack at both ends, holds the closed form; a case
            without a bracket counts as a miss.
        nats: median KL on heating at ``relative_beta`` times the case's closed form.
    """

    factor: str
    cases: int
    freezing: Summary
    melting: Summary
    ifp: Summary
    spectral: Summary
    planning: Summary
    statuses: Mapping[str, int]
    bracketed: float
    bracket_width: float | None
    nats: tuple[float, ...]


@dataclass(frozen=True)
class PairFindings:
    """Two factors compared: over the planning contexts (``basis`` planning) or the measured cases (measured)."""

    first: str
    second: str
    basis: str
    overlap: float | None
    comparison: PairedComparison
    p_holm: float


@dataclass(frozen=True)
class Findings:
    """Conclusions of one annealing run.

    ``relative_beta`` are the pressures of every factor's ``nats``; ``source`` names the table concluded from by its
    content, so that the same run gives the same findings in whatever directory.
    """

    format: str
    dataset: str
    fingerprint: str
    image_shape: tuple[int, int, int]
    likelihood: str
    seed: int
    threshold_nats: float
    source: str
    relative_beta: tuple[float, ...]
    factors: tuple[FactorFindings, ...]
    pairs: tuple[PairFindings, ...]

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise IFPError(f"need findings of format {FORMAT}, got {self.format!r}")

    @classmethod
    def from_plain(cls, value: object) -> "Findings":
        """Findings from the content of findings.json; IFPError where it is not just that."""
        return read_record(cls, value, "findings")


def conclude(
    freezing: pd.DataFrame,
    spectral: pd.DataFrame,
    curves: Mapping[str, NDArray],
    *,
    fingerprint: str,
    image_shape: Sequence[int],
    likelihood: str,
    source: str,
) -> Findings:
    """Findings of an annealing run.

    Args:
        freezing: the run's freezing.csv; the first threshold in it is the main one.
        spectral: its spectral.csv, every factor over the planning contexts.
        curves: its curves.npz.
        fingerprint, image_shape, likelihood, source: of the data and the run, kept for the plan.
    """
    threshold = float(freezing["threshold_nats"].iloc[0])
    main = freezing[(freezing["threshold_nats"] == threshold) & (freezing["latent"] == 0)]
    names = list(dict.fromkeys(main["factor"]))
    planning = spectral.pivot(index="context", columns="factor", values="spectral_beta")
    measured = main.pivot(index="context", columns="factor", values="ifp_beta")
    height, width, channels = (int(side) for side in image_shape)
    return Findings(
        format=FORMAT,
        dataset=str(main["dataset"].iloc[0]),
        fingerprint=fingerprint,
        image_shape=(height, width, channels),
        likelihood=likelihood,
        seed=int(main["seed"].iloc[0]),
        threshold_nats=threshold,
        source=source,
        relative_beta=_RELATIVE_BETA,
        factors=tuple(_factor_findings(name, main, planning[name], curves) for name in names),
        pairs=(*_pairs(names, planning, "planning"), *_pairs(names, measured, "measured")),
    )


def _factor_findings(
    name: str, main: pd.DataFrame, planning: pd.Series, curves: Mapping[str, NDArray]
) -> FactorFindings:
    rows = main[main["factor"] == name]
    ok = rows[rows["status"] == "ok"]
    holds = (ok["ifp_low"] <= 1.05 * ok["spectral_beta"]) & (ok["spectral_beta"] <= 1.05 * ok["ifp_high"])
    width = (ok["ifp_high"] / ok["ifp_low"]).median()
    heat = curves["direction"] == "heat"
    of_factor = np.flatnonzero(curves["factor"] == name)
    closed_form = rows.set_index("context")["spectral_beta"]
    relative = [
        np.interp(
            np.log(_RELATIVE_BETA),
            np.log(curves["beta"][case][heat] / closed_form[int(curves["context"][case])]),
            curves["kl"][case][heat][:, 0],
        )
        for case in of_factor
    ]
    return FactorFindings(
        factor=name,
        cases=len(rows),
        freezing=summarise(ok["freezing_beta"]),
        melting=summarise(ok["melting_beta"]),
        ifp=summarise(ok["ifp_beta"]),
        spectral=summarise(rows["spectral_beta"]),
        planning=summarise(planning),
        statuses={str(status): int(count) for status, count in rows["status"].value_counts().sort_index().items()},
        bracketed=float(holds.sum() / len(rows)),
        bracket_width=None if np.isnan(width) else float(width),
        nats=tuple(float(nats) for nats in np.median(relative, axis=0)),
    )


def _pairs(names: Sequence[str], table: pd.DataFrame, basis: str) -> list[PairFindings]:
    """Every pair of factors that share a context with a freezing point of both."""
    comparisons = {}
    for first, second in itertools.combinations(names, 2):
        both = table[[first, second]].where(table > 0).dropna()  # 0: a case whose images never vary
        if len(both):
            shared = overlap(both[first], both[second]) if len(both) > 1 else None
            comparisons[first, second] = shared, compare_paired(both[first], both[second])
    adjusted = holm([comparison.p_value for _, comparison in comparisons.values()])
    return [
        PairFindings(first, second, basis, shared, comparison, p_holm)
        for ((first, second), (shared, comparison)), p_holm in zip(comparisons.items(), adjusted, strict=True)
    ]
