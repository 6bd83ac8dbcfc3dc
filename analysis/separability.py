"""Whether the freezing points of two factors can be told apart: all pairs compared over their shared contexts."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.distributions import Comparison, compare_paired, compare_unpaired, holm, overlap
from annealing.choices import Status

BELOW: tuple[Status, ...] = ("never_froze",)  # statuses of cases known to lie beyond the sweep
ABOVE: tuple[Status, ...] = ("above_range", "never_melted")


@dataclass(frozen=True)
class PairFindings:
    """Two factors compared: over the planning contexts (``basis`` planning) or the measured cases (measured).

    ``overlap`` is that of the kernel densities of known pressures; ``p_holm`` is adjusted for all pairs of the basis.
    A measured case that never froze, or never melted, is tied with the lowest, or highest, pressure that was measured
    of either factor. Diverged cases, and images that never vary with the factor, are left out.
    """

    first: str
    second: str
    basis: str
    overlap: float | None
    comparison: Comparison
    p_holm: float


def measured_pressures(rows: pd.DataFrame) -> pd.DataFrame:
    """Freezing points of measured cases, contexts by factors; -inf or inf if known only to lie beyond the sweep.

    Args:
        rows: of freezing.csv, one per factor and context: ``factor``, ``context``, ``status``, ``ifp_beta``.
    """
    placed = rows["ifp_beta"].where(rows["status"] == "ok")
    placed = placed.mask(rows["status"].isin(BELOW), -np.inf).mask(rows["status"].isin(ABOVE), np.inf)
    return rows.assign(placed=placed).pivot(index="context", columns="factor", values="placed")


def compare_pairs(names: Sequence[str], table: pd.DataFrame, basis: str) -> list[PairFindings]:
    """All pairs of factors that have cases, over shared contexts if there are any, else as two samples.

    Args:
        table: pressures, contexts by factors; NaN where there is none, 0 where nothing varies, infinite if censored.
    """
    found = {}
    for first, second in itertools.combinations(names, 2):
        both = table[[first, second]].mask(table[[first, second]] == 0)
        finite = both.where(np.isfinite(both))
        if not finite.notna().to_numpy().any():  # nothing but censored cases: neither is known to lie above the other
            continue
        tied = both.clip(float(finite.min().min()), float(finite.max().max()))
        shared = tied.dropna()
        a, b = (finite[name].dropna() for name in (first, second))
        alike = overlap(a, b) if min(len(a), len(b)) > 1 else None
        if len(shared):
            found[first, second] = alike, compare_paired(shared[first], shared[second])
        elif tied.notna().any().all():
            found[first, second] = alike, compare_unpaired(tied[first], tied[second])
    adjusted = holm([comparison.p_value for _, comparison in found.values()])
    return [
        PairFindings(first, second, basis, alike, comparison, p_holm)
        for ((first, second), (alike, comparison)), p_holm in zip(found.items(), adjusted, strict=True)
    ]


def separability_matrix(names: Sequence[str], pairs: Sequence[PairFindings], basis: str) -> NDArray[np.float64]:
    """Share of contexts in which the row's factor freezes at a higher pressure than the column's; NaN if unknown."""
    place: Mapping[str, int] = {name: number for number, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for pair in pairs:
        if pair.basis == basis:
            matrix[place[pair.first], place[pair.second]] = pair.comparison.superiority
            matrix[place[pair.second], place[pair.first]] = 1 - pair.comparison.superiority
    return matrix
