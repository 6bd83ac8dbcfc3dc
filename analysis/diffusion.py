r"""Information diffusion: how much of each factor lies outside the latent that holds most of it.

Let :math:`h_{jk}` be what latent j holds of factor k: its information above chance if that is sure, else 0. With
:math:`T_k = \sum_j h_{jk}`, :math:`m_k = \max_j h_{jk}`, :math:`B_j = \sum_k h_{jk}` and p_k = 1 - m_k / T_k,

.. math::
    J = \max\left(2,\; \sum_j \min\left(1, \frac{B_j}{0.1}\right),\; \max_k \frac{T_k}{m_k}\right), \qquad
    S_k = \frac{p_k}{1 - 1/J}, \qquad D = \sum_k w_k S_k, \quad w_k \propto \frac{T_k}{H_k}.

J counts the latents in use. Because J is at least T_k / m_k, each S_k lies in 0..1, and so does D. D is 0 exactly if
every factor sits in one latent, and 1 if each is spread evenly over all latents in use. D is read at a single record,
the last, so it depends neither on how often a run was recorded nor on what its objective calls a stage, and a factor
that moved as a whole does not count as spread. Along training D is a curve; spreading, gathering and moving on the way
are events.

The part of D that came after freezing is :math:`\sum_k w_k (p_k - \min_{t \ge t_k} p_k(t)) / (1 - 1/J)`, with t_k the
first record at which T_k is 0.1 nat; the rest was born mixed.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.diffusion_events import DiffusionEvent, EventKind, factor_events, freezing_record, owners
from analysis.information_trace import InformationTrace
from analysis.plan_outcome import FactorOutcome, plan_outcome
from analysis.printed import Shown
from analysis.stage_plan import StagePlan
from annealing.thresholds import ACTIVE, INFORMED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = "ifp-diffusion/2"  # what the index, the owners and the events are; figures of two formats do not compare
_MIXED = 0.25  # share of a factor in a second latent from which two factors in two latents are mixed


@dataclass(frozen=True)
class FactorDiffusion:
    """One factor of a run, at the last record unless stated otherwise; None if there is nothing to say.

    Attributes:
        froze_at, pressure: step at which all latents together first held 0.1 nat of it, and the pressure there.
        owner: the latent that last led by 0.1 nat.
        nats, share: T_k, over all latents together, and the share of the latent that holds most.
        effective: number of latents that carry it, the exponential of the entropy of their shares.
        peak, lost: the most that the owner ever held, and what it has lost of that, nats.
        index, since_freezing: S_k, and the part of it that came after freezing.
    """

    factor: str
    froze_at: int | None
    pressure: float | None
    owner: int | None
    nats: float
    share: float | None
    effective: float | None
    peak: float | None
    lost: float | None
    index: float | None
    since_freezing: float | None


@dataclass(frozen=True, repr=False)
class Diffusion(Shown):
    """Conclusions about one training run.

    Attributes:
        index: D at the last record; None if no latent holds anything.
        since_freezing: the part of it that came after the factors froze; the rest was born mixed.
        before_last: D at the start of the last stage, before the fall to the final pressure; None without stages.
        latents: those that hold anything.
        factors: one by one.
        events: by step.
        mixed: pairs of factors in the same latent, or both in the same two latents.
        notes: what to know about the run, for instance latents that carry no information.
        plan: for a run that went through a plan's stages, each factor as planned and as it turned out.
    """

    index: float | None
    since_freezing: float | None
    before_last: float | None
    latents: tuple[int, ...]
    factors: tuple[FactorDiffusion, ...]
    events: tuple[DiffusionEvent, ...]
    mixed: tuple[tuple[str, str], ...]
    format: str = FORMAT
    notes: tuple[str, ...] = ()
    plan: tuple[FactorOutcome, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """A row per factor, with the columns of :class:`FactorDiffusion`; pressures and information in nats."""
        return pd.DataFrame([asdict(factor) for factor in self.factors])

    def plot(self) -> "Figure":
        """Each factor in the latent with most of it, and elsewhere: :func:`analysis.figures.shares.draw_shares`."""
        from analysis.figures.shares import draw_shares

        nats = np.array([factor.nats for factor in self.factors])
        most = nats * [factor.share or 0.0 for factor in self.factors]
        notes = [
            ("no owner" if factor.owner is None else f"z{factor.owner}")
            + ("" if factor.index is None else f", index {factor.index:.2f}")
            for factor in self.factors
        ]
        title = "nothing held" if self.index is None else f"diffusion index {self.index:.2f}"
        return draw_shares([factor.factor for factor in self.factors], nats, most, notes, title)

    def _shown(self) -> tuple[str, pd.DataFrame]:
        index = "nothing held" if self.index is None else f"index {self.index:.3f}"
        return (
            f"Diffusion: {index} over {len(self.latents)} latents that carry information, {len(self.events)} events; "
            "pressures and information in nats",
            self.to_frame()[["factor", "froze_at", "pressure", "owner", "nats", "share", "lost", "index"]],
        )


def diffusion_curve(trace: InformationTrace) -> NDArray[np.float64]:
    """D at every record (records,); NaN if nothing is held."""
    return _spread(trace.held, trace.entropy).index


def diagnose_diffusion(trace: InformationTrace, plan: StagePlan | None = None) -> Diffusion:
    """The index, each factor's owner and what it lost, and when information spread, gathered and moved.

    Args:
        trace: of the run.
        plan: whose stages the run went through; each factor is compared with it.
    """
    held = trace.held
    spread = _spread(held, trace.entropy)
    since = spread.since_freezing(held.sum(axis=1) >= INFORMED)
    factors = tuple(_factor(trace, held, spread, since, k) for k in range(len(trace.names)))
    events = itertools.chain.from_iterable(
        factor_events(name, held[:, :, k], trace.step, trace.pressure) for k, name in enumerate(trace.names)
    )
    return Diffusion(
        index=_known(spread.index[-1]),
        since_freezing=_known(spread.weight[-1] @ since) if np.isfinite(spread.index[-1]) else None,
        before_last=_before_last(trace, spread.index),
        latents=tuple(np.flatnonzero(held[-1].any(axis=1)).tolist()),
        factors=factors,
        events=tuple(sorted(events, key=lambda event: (event.step, event.factor, event.kind))),
        mixed=tuple(_mixed(trace.names, held[-1], last_owners(held))),
        plan=() if plan is None else plan_outcome(plan, trace),
    )


def last_owners(held: NDArray[np.floating]) -> list[int | None]:
    """Each factor's owner at the last record of (records, latents, factors), if it still holds something of it."""
    found = [owners(nats)[-1] for nats in np.moveaxis(held, 2, 0)]
    return [None if owner is None or not held[-1, owner, k] else owner for k, owner in enumerate(found)]


def diffusion_measures(found: Diffusion) -> dict[str, float | None]:
    """The measures that compare methods: ``diffusion``, D at the end; nats that ``spread`` and ``gathered``; ``moves``.

    Runs to be compared are thinned first, :meth:`analysis.information_trace.InformationTrace.evenly`: one that recorded
    more, at ends of stages for instance, would show more events for that alone.
    """
    nats = {kind: [event.nats for event in found.events if event.kind == kind] for kind in get_args(EventKind)}
    return {
        "diffusion": found.index,
        "spread": float(sum(nats["spread"])),
        "gathered": float(sum(nats["gather"])),
        "moves": len(nats["move"]),
    }


@dataclass(frozen=True, eq=False)
class _Spread:
    """p_k, S_k and weights w_k (records, factors), D and J (records,); p, S and D are NaN where nothing is held."""

    outside: NDArray[np.float64]
    by_factor: NDArray[np.float64]
    weight: NDArray[np.float64]
    index: NDArray[np.float64]
    used: NDArray[np.float64]

    def since_freezing(self, frozen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The part of the last S_k that came after freezing (factors,); 0 of a factor that never froze."""
        found = np.zeros(frozen.shape[1])
        for k in range(len(found)):
            after = self.outside[int(frozen[:, k].argmax()) :, k]
            if frozen[:, k].any() and np.isfinite(after[-1]):
                found[k] = (after[-1] - np.nanmin(after)) / (1 - 1 / self.used[-1])
        return found


def _spread(held: NDArray[np.float64], entropy: NDArray[np.floating]) -> _Spread:
    total = held.sum(axis=1)
    most = held.max(axis=1)
    known = total > 0
    evenly = np.divide(total, most, out=np.ones_like(total), where=known)
    in_use = np.minimum(1.0, held.sum(axis=2) / ACTIVE).sum(axis=1)
    used = np.maximum(np.maximum(2.0, in_use), evenly.max(axis=1))
    outside = np.where(known, 1 - 1 / evenly, np.nan)
    by_factor = outside / (1 - 1 / used)[:, None]
    parts = np.divide(total, entropy, out=np.zeros_like(total), where=entropy > 0)
    whole = parts.sum(axis=1, keepdims=True)
    weight = np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0)
    index = np.where(whole[:, 0] > 0, (weight * np.nan_to_num(by_factor)).sum(axis=1), np.nan)
    return _Spread(outside, by_factor, weight, index, used)


def _factor(
    trace: InformationTrace, held: NDArray[np.float64], spread: _Spread, since: NDArray[np.float64], k: int
) -> FactorDiffusion:
    nats = held[:, :, k]
    total = nats.sum(axis=1)
    first = freezing_record(nats)
    owner = owners(nats)[-1]
    shares = nats[-1] / total[-1] if total[-1] > 0 else None
    return FactorDiffusion(
        factor=trace.names[k],
        froze_at=None if first is None else int(trace.step[first]),
        pressure=None if first is None else float(trace.pressure[first]),
        owner=owner,
        nats=float(total[-1]),
        share=None if shares is None else float(shares.max()),
        effective=None if shares is None else float(np.exp(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())),
        peak=None if owner is None else float(nats[:, owner].max()),
        lost=None if owner is None else float(nats[:, owner].max() - nats[-1, owner]),
        index=_known(spread.by_factor[-1, k]),
        since_freezing=None if shares is None else float(since[k]),
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _before_last(trace: InformationTrace, index: NDArray[np.float64]) -> float | None:
    """D where the last stage begins; None without stages, or with no record before it."""
    if len(trace.ends) < 2:
        return None
    record = int(np.searchsorted(trace.step, trace.ends[-2], side="right")) - 1
    return _known(index[record]) if record >= 0 else None


def _mixed(names: Sequence[str], held: NDArray[np.float64], owner: Sequence[int | None]) -> Iterator[tuple[str, str]]:
    """Pairs of factors with one owner, or whose two leading latents are the same two, with much of either in both."""
    order = np.argsort(held, axis=0, kind="stable")[::-1]
    total = held.sum(axis=0)
    second = np.take_along_axis(held, order[1:2], axis=0)[0] if len(held) > 1 else np.zeros(len(names))
    spread = (total >= INFORMED) & (second >= _MIXED * total)
    for a, b in itertools.combinations(range(len(names)), 2):
        together = owner[a] is not None and owner[a] == owner[b]
        alike = spread[a] and spread[b] and set(order[:2, a].tolist()) == set(order[:2, b].tolist())
        if together or alike:
            yield names[a], names[b]
