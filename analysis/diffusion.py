r"""Information diffusion measured along training: which latent owns a factor, and what of it spread into others.

Information M_jk(t) of latent j about factor k, above chance, is followed from boundary to boundary of training: where
a stage ends or, without stages, whenever some M_jk has moved by 0.1 nat. G_jk is how far M_jk rose in all, a rise
counting from its lowest point before to its highest point after and only where it is more than three standard
deviations of chance at either end, and 0.02 nats; what falls and rises by less is noise, however often it is looked
at. A factor's owner is the latent that holds most of it at the first boundary after it froze. With J latents that ever
gained anything,

.. math:: D_k = \frac{J}{J - 1} \left(1 - \frac{G_{\mathrm{owner}(k), k}}{\sum_j G_{jk}}\right), \qquad
          D = \sum_k w_k D_k, \quad w_k \propto \sum_j G_{jk} / H(k).

D is 0 where every latent keeps its factor to itself or only one latent learns, 1 where all that is learnt spreads
evenly, and None where nothing was gained. A flow, not a state: what an owner loses again does not count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.information_trace import InformationTrace, Rise, boundaries, rises
from analysis.printed import printed
from annealing.thresholds import CARRIED, INFORMED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SURE = 3.0  # standard deviations of chance by which either end of a rise may be off
_MIXED = 0.25  # share of a factor in a second latent from which two factors in two latents are mixed


@dataclass(frozen=True)
class FactorDiffusion:
    """One factor along training; None where it never froze.

    Attributes:
        froze_at: step at which all latents together first held 0.1 nat of it, and the pressure there.
        owner: the latent that held most of it at the first boundary after.
        nats: at the end, all latents together; the owner's share of it in ``share``.
        effective: number of latents that carry it at the end, the exponential of the entropy of their shares.
        peak, lost: the most that the owner ever held, and what it has lost of that at the end, nats.
        gained: sum of all counted gains, nats.
        index: D_k; None where nothing was gained.
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
    gained: float
    index: float | None


@dataclass(frozen=True)
class DiffusionEvent:
    """Information of a factor that began to spread into another latent once its owner held 0.1 nat of it.

    ``step`` and ``pressure`` are those of the boundary at which that is sure; ``nats`` is the whole rise.
    """

    factor: str
    owner: int
    into: int
    step: int
    pressure: float
    nats: float


@dataclass(frozen=True, repr=False)
class Diffusion:
    """Conclusions about one training run.

    Attributes:
        index: D; None where nothing was gained.
        before_last: D up to where the last stage begins, the fall to the final pressure; None without stages.
        latents: that ever gained information.
        factors: one by one.
        events: by step.
        mixed: pairs of factors that share two latents at the end.
    """

    index: float | None
    before_last: float | None
    latents: tuple[int, ...]
    factors: tuple[FactorDiffusion, ...]
    events: tuple[DiffusionEvent, ...]
    mixed: tuple[tuple[str, str], ...]

    def to_frame(self) -> pd.DataFrame:
        """A row per factor, with the columns of :class:`FactorDiffusion`; pressures and information in nats."""
        return pd.DataFrame([asdict(each) for each in self.factors])

    def plot(self) -> "Figure":
        """What each factor's owner gained, and what went elsewhere: :func:`analysis.figures.gains.draw_gains`."""
        from analysis.figures.gains import draw_gains

        gained = np.array([each.gained for each in self.factors])
        elsewhere = (len(self.latents) - 1) / max(len(self.latents), 1)  # of what is gained evenly
        own = gained * [1 - elsewhere * (each.index or 0.0) for each in self.factors]
        said = [
            ("never froze" if each.owner is None else f"z{each.owner}")
            + ("" if each.index is None else f", index {each.index:.2f}")
            for each in self.factors
        ]
        title = "nothing gained" if self.index is None else f"diffusion index {self.index:.2f}"
        return draw_gains([each.factor for each in self.factors], gained, own, said, title)

    def __repr__(self) -> str:
        index = "nothing gained" if self.index is None else f"index {self.index:.3f}"
        return printed(
            f"Diffusion: {index} over {len(self.latents)} latents that carry information, {len(self.events)} events; "
            "pressures and information in nats",
            self.to_frame()[["factor", "froze_at", "pressure", "owner", "nats", "share", "lost", "index"]],
        )


@dataclass(frozen=True, eq=False)
class _Counted:
    """Gains of a trace: boundaries, each latent's rises of each factor, and their sums (latents, factors)."""

    marks: list[int]
    rises: dict[tuple[int, int], list[Rise]]
    gains: NDArray[np.float64]

    @property
    def carrying(self) -> list[int]:
        """Latents that ever gained anything."""
        return np.flatnonzero(self.gains.any(axis=1)).tolist()


def diagnose_diffusion(trace: InformationTrace) -> Diffusion:
    """The index, each factor's owner and what it lost, and when information began to spread."""
    counted = _count(trace)
    factors = _factors(trace, counted)
    return Diffusion(
        index=_index(trace, counted, factors),
        before_last=_before_last(trace),
        latents=tuple(counted.carrying),
        factors=factors,
        events=tuple(sorted(_events(trace, counted, factors), key=lambda each: (each.step, each.factor, each.into))),
        mixed=tuple(_mixed(trace)),
    )


def _count(trace: InformationTrace) -> _Counted:
    marks = boundaries(trace)
    above, noise = trace.above[marks], np.maximum(2 * _SURE * trace.deviation[marks], CARRIED)
    pairs = np.ndindex(above.shape[1:])
    found = {(j, k): rises(above[:, j, k].tolist(), noise[:, j, k].tolist()) for j, k in pairs}
    gains = np.zeros(above.shape[1:])
    for pair, each in found.items():
        gains[pair] = sum(rise.nats for rise in each)
    return _Counted(marks, found, gains)


def _factors(trace: InformationTrace, counted: _Counted) -> tuple[FactorDiffusion, ...]:
    return tuple(_factor(trace, counted, k) for k in range(len(trace.names)))


def _index(trace: InformationTrace, counted: _Counted, factors: Sequence[FactorDiffusion]) -> float | None:
    weights = counted.gains.sum(axis=0) / np.where(trace.entropy > 0, trace.entropy, np.inf)
    indices = np.array([0.0 if each.index is None else each.index for each in factors])
    return float(weights @ indices / weights.sum()) if weights.sum() > 0 else None


def _before_last(trace: InformationTrace) -> float | None:
    """The index up to where the last stage begins; None without stages, or with a single record by then."""
    if len(trace.ends) < 2 or (trace.step <= trace.ends[-2]).sum() < 2:
        return None
    before = trace.until(trace.ends[-2])
    counted = _count(before)
    return _index(before, counted, _factors(before, counted))


def _events(trace: InformationTrace, counted: _Counted, factors: Sequence[FactorDiffusion]) -> Iterator[DiffusionEvent]:
    """Rises outside a factor's owner, from when the owner held 0.1 nat of it."""
    for (j, k), found in counted.rises.items():
        owner = factors[k].owner
        if owner is None or j == owner:
            continue
        held = trace.above[counted.marks, owner, k] >= INFORMED
        for rise in found:
            if held[: rise.seen + 1].any():
                at = counted.marks[rise.seen]
                yield DiffusionEvent(
                    trace.names[k], owner, j, int(trace.step[at]), float(trace.pressure[at]), rise.nats
                )


def _factor(trace: InformationTrace, counted: _Counted, k: int) -> FactorDiffusion:
    gains, carrying, marks = counted.gains, len(counted.carrying), counted.marks
    held = np.maximum(trace.above[:, :, k], 0.0)
    total, gained = held.sum(axis=1), float(gains[:, k].sum())
    frozen = np.flatnonzero(total >= INFORMED)
    if not len(frozen):
        index = None if not gained else _spread(float(gains[:, k].max()), gained, carrying)
        return FactorDiffusion(
            trace.names[k], None, None, None, float(total[-1]), None, None, None, None, gained, index
        )
    first = int(frozen[0])
    after = next((record for record in marks if record > first), marks[-1])
    owner = int(held[after].argmax())
    shares = held[-1] / total[-1] if total[-1] > 0 else None
    peak = float(held[:, owner].max())
    return FactorDiffusion(
        factor=trace.names[k],
        froze_at=int(trace.step[first]),
        pressure=float(trace.pressure[first]),
        owner=owner,
        nats=float(total[-1]),
        share=None if shares is None else float(shares[owner]),
        effective=None if shares is None else float(np.exp(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())),
        peak=peak,
        lost=peak - float(held[-1, owner]),
        gained=gained,
        index=_spread(float(gains[owner, k]), gained, carrying) if gained else None,
    )


def _spread(own: float, gained: float, carrying: int) -> float:
    """D_k of a factor whose owner gained ``own`` of all that was gained."""
    return 0.0 if carrying < 2 else carrying / (carrying - 1) * (1 - own / gained)


def _mixed(trace: InformationTrace) -> Iterator[tuple[str, str]]:
    """Pairs of factors whose two leading latents are the same two, with much of either in both."""
    held = np.maximum(trace.above[-1], 0.0)
    if len(held) < 2:
        return
    order = np.argsort(held, axis=0, kind="stable")[::-1]
    total = held.sum(axis=0)
    second = np.take_along_axis(held, order[1:2], axis=0)[0]
    spread = np.flatnonzero((total >= INFORMED) & (second >= _MIXED * total))
    for number, a in enumerate(spread.tolist()):
        for b in spread[number + 1 :].tolist():
            if set(order[:2, a].tolist()) == set(order[:2, b].tolist()):
                yield trace.names[a], trace.names[b]
