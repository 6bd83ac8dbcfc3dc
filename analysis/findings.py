"""The conclusions from an annealing run, or from a spectrum alone; the planner reads nothing else."""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.distributions import Summary
from analysis.mixing import PairMixing
from analysis.modes import DEGENERATE
from analysis.names import is_name
from analysis.plain_json import shown
from analysis.printed import Shown
from analysis.records import ADDED
from analysis.separability import PairFindings, separability_matrix
from annealing.errors import IFPError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = "ifp-findings/3"
QUANTILES = tuple(round(float(share), 3) for share in np.linspace(0, 1, 41))


@dataclass(frozen=True)
class Brackets:
    """Cases of a factor by whether their network's bracket contains the closed form, without tolerance.

    Attributes:
        within: there is a knee, and the bracket from freezing and melting up to it contains the closed form.
        outside: there is a knee, and the bracket does not contain the closed form.
        no_knee: there is none: its law does not hold, the curve is too coarse, or the case has no point.
        crossings: of all cases, those whose freezing and melting alone hold it, or reach the range from it to beta_rd
            if the transition is of first order. Few do, because a threshold is crossed below the freezing point.
    """

    within: int
    outside: int
    no_knee: int
    crossings: int


@dataclass(frozen=True)
class FactorFindings:
    """Freezing points of one factor, in nats.

    If nothing was measured there are no cases: measured fields are then empty summaries, None or empty, and only
    ``planning`` is known.

    Attributes:
        cases: measured, with a freezing point or without.
        freezing, melting, ifp: measured, and their closed form ``spectral``: all four over the same cases, those that
            did not diverge. A case that did not freeze, or not melt, counts as below or above all others.
        planning: closed form over all planning contexts.
        planning_quantiles: its quantiles at ``QUANTILES``; none where there is no case.
        entropy: nats of the factor's values in a context, as many as it has there, the median; None where unknown.
        slope: median of g in KL = g ln(beta_c / beta) over the planning contexts where that law holds and g is not
            rough, as near first order (:func:`annealing.landau.transition`); None elsewhere.
        statuses: how many cases ended in each status.
        brackets: how many cases' brackets contain the closed form; None if there are no cases.
        bracket_width: median of upper over lower end of the bracket, over the cases that have one.
        nats: median KL on heating at ``relative_beta`` times the case's closed form.
        modes: latents that a code of the factor needs: 2 where the second eigenvalue of its images is near the first in
            most planning contexts (above 0.9 of it, :func:`annealing.landau.transition`), as of a circle, else 1.
        planning_points: closed form in each planning context, the same contexts in one order for all factors; None
            where it has none there. Findings of before have none: how sure a plan is, they do not tell.
    """

    factor: str
    cases: int
    freezing: Summary
    melting: Summary
    ifp: Summary
    spectral: Summary
    planning: Summary
    planning_quantiles: tuple[float, ...]
    entropy: float | None
    slope: float | None
    statuses: Mapping[str, int]
    brackets: Brackets | None
    bracket_width: float | None
    nats: tuple[float, ...]
    planning_points: tuple[float | None, ...] = field(default=(), metadata={ADDED: True})
    modes: int = field(default=1, metadata={ADDED: True})


@dataclass(frozen=True)
class NuisanceFindings:
    """Everything that varies from image to image and is not a factor.

    Attributes:
        names: as the data set names it; one that is a factor's, too, marked.
        values: its freezing points, the largest eigenvalues of the whitened covariance of images that have the same
            factors, falling, in nats: as many latents could hold something of it.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names) or not all(map(is_name, self.names)):
            raise IFPError(f"need findings of one nuisance or more, each once, got {shown(self.names)}")
        falling = all(low <= high for high, low in itertools.pairwise(self.values))
        if not self.values or not falling or not self.values[-1] > 0:
            raise IFPError(f"need freezing points of nuisances that fall and lie above 0, got {shown(self.values)}")


@dataclass(frozen=True, repr=False)
class Findings(Shown):
    """Conclusions from one annealing run, or from the closed form over some contexts without a measurement.

    Attributes:
        relative_beta: pressures of every factor's ``nats``; empty if nothing was measured.
        threshold_nats: KL from which a latent was active; None if nothing was measured.
        source: what the conclusions are drawn from. A run's table is identified by its content, so that a run gives the
            same findings in any directory.
        mixing: predicted diffusion: what the code of one factor tells about another by itself; empty if not computed.
        conditional: freezing points of the factors given those that freeze before; empty if not computed.
        conditional_are: what these points are, in words.
        same_within: share by which such points may differ and still count as one.
        warnings: what makes the findings themselves doubtful; a plan repeats them.
        nuisances: what varies and is no factor, where the data have it and were looked at; findings of before do not.
    """

    format: str
    dataset: str
    fingerprint: str
    image_shape: tuple[int, int, int]
    likelihood: str
    seed: int
    threshold_nats: float | None
    source: str
    relative_beta: tuple[float, ...]
    factors: tuple[FactorFindings, ...]
    pairs: tuple[PairFindings, ...]
    mixing: tuple[PairMixing, ...]
    conditional: Mapping[str, float]
    conditional_are: str = "closed-form freezing points with the factors known that freeze before"
    same_within: float = DEGENERATE
    warnings: tuple[str, ...] = ()
    nuisances: NuisanceFindings | None = field(default=None, metadata={ADDED: True})

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise IFPError(f"need findings of format {FORMAT}, got {shown(self.format)}: diagnose the run anew")
        names = [each.factor for each in self.factors]
        if not names or len(set(names)) < len(names) or not all(map(is_name, names)):
            raise IFPError(f"need findings of one factor or more, each once, got {shown(names)}")
        if any(not low < high for low, high in itertools.pairwise((0.0, *self.relative_beta))):
            raise IFPError(f"need relative pressures that rise from 0, got {shown(self.relative_beta)}")
        for each in self.factors:
            if self.relative_beta and len(each.nats) not in (0, len(self.relative_beta)):
                raise IFPError(f"need {len(self.relative_beta)} nats of {each.factor}, or none, got {len(each.nats)}")
            if len(each.planning_quantiles) != len(QUANTILES) and (each.planning_quantiles or each.planning.n):
                raise IFPError(
                    f"need {len(QUANTILES)} quantiles of {each.factor} where it has a freezing point, and else none, "
                    f"got {len(each.planning_quantiles)}"
                )
            if each.modes not in (1, 2):
                raise IFPError(f"need 1 or 2 modes of {each.factor}, got {each.modes}")
            placed = [point for point in each.planning_points if point is not None]
            if min((each.planning.median or 0.0, *each.planning_quantiles, *placed)) < 0:
                raise IFPError(f"need pressures from 0 on as freezing points of {each.factor}, got others")
        if len({len(each.planning_points) for each in self.factors}) > 1:
            raise IFPError("need points of all factors in the same planning contexts, got numbers of them that differ")
        told = {name for each in self.pairs for name in (each.first, each.second)}
        told |= {name for pair in self.mixing for name in (pair.factor, pair.other)} | set(self.conditional)
        if not told <= set(names):
            raise IFPError(f"need findings about {', '.join(names)}, got some about {shown(min(told - set(names)))}")
        if not all(0 <= each.comparison.superiority <= 1 for each in self.pairs):
            raise IFPError("need shares in 0..1 of contexts in which a factor freezes first, got others")
        if self.nuisances is not None and {*self.nuisances.names} & {*names}:
            raise IFPError(f"need names of nuisances that are no factor's, got {shown(self.nuisances.names)}")
        points = {each.factor for each in self.factors if each.planning.n}
        if not all(value > 0 and name in points for name, value in self.conditional.items()):
            raise IFPError("need conditional values above 0, of factors that have a freezing point of their own")

    def without(self, names: Collection[str]) -> "Findings":
        """The findings about the other factors; IFPError if there are none."""
        return replace(
            self,
            factors=tuple(each for each in self.factors if each.factor not in names),
            pairs=tuple(each for each in self.pairs if not {each.first, each.second} & {*names}),
            mixing=tuple(pair for pair in self.mixing if not {pair.factor, pair.other} & {*names}),
            conditional={name: value for name, value in self.conditional.items() if name not in names},
        )

    def to_frame(self) -> pd.DataFrame:
        """A row per factor: medians of the measurements and of the closed form, in nats.

        Columns: factor; freezing, melting, ifp (measured); spectral (closed form of the measured cases); n of ``of``
            cases have a point; bracket (upper / lower end, median); knee in, knee out, no knee (cases whose bracket
            up to the network's knee contains the closed form, does not, or has no knee); crossings (cases whose
            freezing and melting alone enclose it); planning (closed form over the planning contexts).
        """
        return pd.DataFrame(
            [
                {
                    "factor": each.factor,
                    "freezing": each.freezing.median,
                    "melting": each.melting.median,
                    "ifp": each.ifp.median,
                    "spectral": each.spectral.median,
                    "n": each.ifp.n,
                    "of": each.cases,
                    "bracket": each.bracket_width,
                    **_counts(each.brackets),
                    "planning": each.planning.median,
                }
                for each in self.factors
            ]
        )

    def plot(self) -> "Figure":
        """Which factor freezes first, for every pair: :func:`analysis.figures.separability.draw_separability`."""
        from analysis.figures.separability import draw_separability

        names = [each.factor for each in self.factors]
        title = f"{self.dataset}: closed form over {self.factors[0].planning.n} shared contexts"
        return draw_separability(names, separability_matrix(names, self.pairs, "planning"), title)

    def _shown(self) -> tuple[str, pd.DataFrame]:
        contexts = self.factors[0].planning.n
        return (
            f"Findings about {self.dataset}: median pressures beta in nats (reconstruction summed over pixels), "
            f"planning over {contexts} contexts",
            self.to_frame(),
        )


def _counts(brackets: Brackets | None) -> dict[str, int | None]:
    """The columns of a factor's brackets."""
    if brackets is None:
        return dict.fromkeys(("knee in", "knee out", "no knee", "crossings"))
    return {
        "knee in": brackets.within,
        "knee out": brackets.outside,
        "no knee": brackets.no_knee,
        "crossings": brackets.crossings,
    }
