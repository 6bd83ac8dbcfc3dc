"""Which factors carry information at which pressure, from the curves of an annealing test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import IFPError
from annealing.freezing import Direction

_GRID = 61  # pressures, equally far apart in ln(beta)


@dataclass(frozen=True, eq=False)
class FactorActivity:
    """The cases of each factor on a grid of pressures shared by all factors.

    Attributes:
        beta: rising pressures (records,), nats.
        names: of the factors.
        nats: median KL over a factor's cases (records, factors), on heating, or on cooling if nothing was heated; NaN
            if all cases of the factor diverged.
        heated, cooled: number of cases with a KL of at least the threshold, on the first heating and cooling
            (records, factors).
        swept: number of cases of each factor that were heated, and that were cooled, without diverging (2, factors).
    """

    beta: NDArray[np.float64]
    names: tuple[str, ...]
    nats: NDArray[np.float64]
    heated: NDArray[np.int64]
    cooled: NDArray[np.int64]
    swept: NDArray[np.int64]


def factor_activity(curves: Mapping[str, NDArray[Any]], threshold: float, records: int = _GRID) -> FactorActivity:
    """The cases of every factor on one grid, from the lowest to the highest pressure of any case.

    A case is read from its first heating and its first cooling, which span its whole range, linearly in KL against
    ln(beta); beyond its range it is as at the end of it.

    Args:
        curves: arrays of curves.npz: factor (case,), direction, loop and beta (case, step), kl (case, step, latent).
        threshold: nats of KL from which a case is active.
        records: of the grid.

    Raises:
        IFPError: no case was heated or cooled.
    """
    names = tuple(dict.fromkeys(curves["factor"].tolist()))
    pressures = curves["beta"][np.isin(curves["direction"], ("heat", "cool"))]
    if not len(pressures):
        raise IFPError("need curves that were heated or cooled, got none")
    beta = np.geomspace(pressures.min(), pressures.max(), records)
    both = np.stack([_on_grid(curves, "heat", beta), _on_grid(curves, "cool", beta)])
    nats = np.full((records, len(names)), np.nan)
    awake = np.zeros((2, records, len(names)), np.int64)
    swept = np.zeros((2, len(names)), np.int64)
    for column, name in enumerate(names):
        cases = both[:, curves["factor"] == name]
        whole = np.asarray(np.isfinite(cases).all(axis=2))
        swept[:, column] = whole.sum(axis=1)
        awake[:, :, column] = (np.where(whole[:, :, None], cases, 0.0) >= threshold).sum(axis=1)
        way = 0 if whole[0].any() else 1
        if whole[way].any():
            nats[:, column] = np.median(cases[way][whole[way]], axis=0)
    return FactorActivity(beta, names, nats, awake[0], awake[1], swept)


def _on_grid(curves: Mapping[str, NDArray[Any]], way: Direction, beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """KL of all latents of each case (cases, records) on its first sweep of a direction; NaN where it has none."""
    nats = np.full((len(curves["factor"]), len(beta)), np.nan)
    for case, (ways, loops) in enumerate(zip(curves["direction"], curves["loop"], strict=True)):
        if not (ways == way).any():
            continue
        on = (ways == way) & (loops == loops[ways == way].min())
        rising = np.argsort(curves["beta"][case][on])
        pressures, kl = curves["beta"][case][on][rising], curves["kl"][case][on][rising].sum(axis=1)
        nats[case] = np.interp(np.log(beta), np.log(pressures), kl)
    return nats
