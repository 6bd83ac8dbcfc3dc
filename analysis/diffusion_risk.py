r"""Information diffusion predicted from the distributions of freezing points, before anything is trained.

While pressure falls, a latent that holds a factor a has room to itself until another factor b freezes. If that happens
before a's latent holds 1 nat, b's freezing finds a half told, and information about a still to come may go into either
latent. In a context with freezing points beta_a and beta_b that is so where

.. math:: \beta_b > r_a \beta_a,

with r_a the share of its freezing point at which a holds 1 nat: where the measured heating curves say so, else
:math:`r_a = \exp(-1 / g_a)` by the law :math:`\mathrm{KL} = g \ln(\beta_a / \beta)` with each context's own slope g, or
the factor's median slope where a context has none. The law holds near the freezing point and is stretched here: slopes
differ so much between factors that the order of risks is what to read. A factor that has fewer than 1 nat in it never
gets there: its risk is that b freezes at all before the lowest pressure measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annealing.thresholds import HELD


@dataclass(frozen=True)
class PairRisk:
    """Chance over contexts that ``other`` freezes before ``factor`` holds 1 nat; None where it cannot be said."""

    factor: str
    other: str
    chance: float | None


@dataclass(frozen=True)
class FactorRisk:
    """A factor's predicted diffusion.

    Attributes:
        held_at: share of its freezing point at which it holds 1 nat (median over contexts); None where unknown.
        basis: what ``held_at`` is from: curves, slopes or nothing.
        chance: that at least one other factor freezes before it holds 1 nat.
        others: expected number of such factors.
    """

    factor: str
    held_at: float | None
    basis: str
    chance: float | None
    others: float | None


def held_at_by_curve(relative_beta: Sequence[float], nats: Sequence[float]) -> float | None:
    """Share of the freezing point at which a heating curve passes 1 nat, interpolated in ln beta; None without curve.

    The lowest share measured where it does not reach 1 nat there.

    >>> held_at_by_curve((0.25, 0.5, 1.0), (2.0, 1.5, 0.5))
    0.7071067811865476
    """
    if not len(nats):
        return None
    falling = np.minimum.accumulate(np.asarray(nats, np.float64))  # a curve measured in one direction may wobble
    if falling[0] <= HELD:
        return float(relative_beta[0])
    return float(np.exp(np.interp(-HELD, -falling, np.log(relative_beta))))


def predict_risks(
    planning: pd.DataFrame, slopes: pd.DataFrame, held_at: Mapping[str, float | None]
) -> tuple[tuple[PairRisk, ...], tuple[FactorRisk, ...]]:
    """Chances for every ordered pair of factors, and each factor's own.

    Args:
        planning: closed-form freezing points, contexts by factors, nats; contexts that lack one are left out per pair.
        slopes: g of each case, contexts by factors; NaN where the law does not hold.
        held_at: each factor's share by its measured curve, None where nothing was measured.
    """
    names = list(planning.columns)
    share = {name: _shares(slopes[name], held_at.get(name)) for name in names}
    pairs, factors = [], []
    for a in names:
        known = planning[a].to_numpy(np.float64)
        threshold = share[a][0] * known
        others = [b for b in names if b != a]
        before = {b: _before(planning[b].to_numpy(np.float64), threshold, known > 0) for b in others}
        pairs += [PairRisk(a, b, _mean(before[b])) for b in others]
        told: NDArray[np.float64] = np.array(list(before.values())).reshape(len(others), len(known))
        told = told[:, np.isfinite(told).any(axis=0)]
        median = float(np.nanmedian(share[a][0])) if np.isfinite(share[a][0]).any() else None
        factors.append(
            FactorRisk(
                a,
                median,
                share[a][1],
                _mean(np.asarray(np.any(told > 0, axis=0), np.float64)),
                _mean(np.asarray(np.nansum(told, axis=0))),
            )
        )
    return tuple(pairs), tuple(factors)


def _shares(slopes: pd.Series, measured: float | None) -> tuple[NDArray[np.float64], str]:
    """r of each context, and what it is from."""
    if measured is not None:
        return np.full(len(slopes), measured), "curves"
    found = slopes.to_numpy(np.float64)
    found = np.where(found > 0, found, np.nan)
    if not np.isfinite(found).any():
        return found, "nothing"
    return np.exp(-HELD / np.where(np.isfinite(found), found, np.nanmedian(found))), "slopes"


def _before(
    other: NDArray[np.float64], threshold: NDArray[np.float64], varies: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """1 where the other factor freezes above the threshold, 0 where not, NaN where either is not known."""
    told = varies & (other > 0) & np.isfinite(threshold)
    return np.where(told, (other > threshold).astype(np.float64), np.nan)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None
