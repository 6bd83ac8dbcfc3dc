r"""How sure a plan's groups are: its contexts are resampled with replacement and grouped again by the same rule.

A context is drawn whole, with the points of all factors in it, because factors share contexts. Each resample has as
many contexts as the original; its medians and shares go into :func:`analysis.groups.grouped`, which also groups the
findings themselves. Conditional values are not means over contexts but come from all images at once, so they stay as
they are. If they alone decide, the result says how the factors would be grouped if each were alone in its context.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.distributions import log_differences
from analysis.findings import Findings
from analysis.groups import Group, Separation, grouped, natural_groups, undecided

RESAMPLES = 500  # the standard error of a share is then 2.2% at most
STABLE = 0.8  # share of resamples below which a group or boundary earns a warning: one set of contexts in five differs
MERGED = 0.5  # share below which a boundary is none: most sets of contexts as good as this one do without it
_FEW = 20  # contexts below which order and groups are uncertain
_AT_ONCE = 2**22  # contexts of all resamples that are looked at together: some hundred MB
_SEED = 0  # the same findings give the same plan


@dataclass(frozen=True, eq=False)
class Resamples:
    """The place of each factor in the plans of resampled contexts.

    Attributes:
        findings: that are planned.
        place: number of each factor's group, the first to freeze 0, (resamples,) by factor; empty where the findings
            do not have the points of two contexts or more.
        joined: pairs of factors that the rule joins in one group, of the findings themselves.
    """

    findings: Findings
    place: Mapping[str, NDArray[np.int64]]
    joined: frozenset[frozenset[str]]

    @property
    def of_order(self) -> bool:
        """Whether conditional values, which are not resampled, decide everything."""
        return {each.factor for each in self.findings.factors} <= set(self.findings.conditional)

    def merged(self, groups: Sequence[Group]) -> tuple[list[Group], list[str]]:
        """The groups, those joined whose boundary is kept in fewer than half of the resamples, and a warning for each.

        Two groups stay apart if joining them would put together factors of which one freezes first in 80% or more.
        """
        found, warnings = list(groups), []
        while self.place and not self.of_order:
            kept = [float(self._ordered(a, b).mean()) for a, b in itertools.pairwise(found)]
            weak = [at for at, share in enumerate(kept) if share < MERGED and not self._sure(*found[at : at + 2])]
            if not weak:
                break
            at = min(weak, key=kept.__getitem__)
            warnings.append(
                f"{_boundary(*found[at : at + 2])} is kept in {_share(kept[at])}: one stage for all of them"
            )
            found[at : at + 2] = [[*found[at], *found[at + 1]]]
        return found, warnings

    def evidence(self, groups: Sequence[Group], number: int) -> list[str]:
        """In how many resamples the factors of a group are joined and freeze between those of its neighbours."""
        if not self.place:
            return []
        share = _share(float(self._kept(groups, number).mean()))
        if self.of_order:
            return [
                "conditional values are of all images, not of contexts, and not resampled; by each factor alone in its "
                f"context the stage is kept in {share}"
            ]
        fixed = [each.factor for each in self.findings.factors if each.factor in self.findings.conditional]
        return [f"kept in {share}" + (f", conditional values of {', '.join(fixed)} as they are" if fixed else "")]

    def warnings(self, groups: Sequence[Group]) -> list[str]:
        """What of the groups is kept in fewer than 80% of the resamples; or that there are few contexts."""
        fewest = min(each.planning.n for each in self.findings.factors)
        found = []
        if fewest < _FEW and not self.findings.conditional:
            found.append(f"planned over {fewest} contexts: order and groups are uncertain, {_FEW} or more tell")
        if not self.place or self.of_order:
            return found
        whole = self.share_kept(groups)
        if whole < STABLE:
            found.append(f"these stages in this order are kept in {_share(whole)}: more contexts make them surer")
        for group, after in itertools.pairwise(groups):
            kept = float(self._ordered(group, after).mean())
            if kept < STABLE:
                found.append(f"{_boundary(group, after)} is kept in {_share(kept)}")
        for a, b in (pair for group in groups for pair in self._pairs(group)):
            kept = float((self.place[a] == self.place[b]).mean())
            if kept < STABLE:
                found.append(f"{a} and {b} are joined in one stage in {_share(kept)}")
        return found

    def told(self, groups: Sequence[Group]) -> dict[str, float]:
        """What a plan's source says of it: ``kept``, the share of resamples with these stages in this order."""
        return {"kept": self.share_kept(groups)} if self.place and not self.of_order else {}

    def share_kept(self, groups: Sequence[Group]) -> float:
        """Share of the resamples in which every boundary and every pair that the rule joined is kept."""
        return float(np.all([self._kept(groups, number) for number in range(len(groups))], axis=0).mean())

    def _ordered(self, group: Group, after: Group) -> NDArray[np.bool_]:
        """Whether every factor of a group stands before every one of the next, by resample."""
        last = np.max([self.place[each.factor] for each in group], axis=0)
        return np.asarray(last < np.min([self.place[each.factor] for each in after], axis=0))

    def _sure(self, group: Group, after: Group) -> bool:
        """Whether any factor of a group stands before any of the next in 80% of the resamples or more."""
        return any(float(self._ordered([a], [b]).mean()) >= STABLE for a in group for b in after)

    def _pairs(self, group: Group) -> Iterator[tuple[str, str]]:
        """Pairs within a group that the rule joined."""
        names = (each.factor for each in group)
        return (pair for pair in itertools.combinations(names, 2) if frozenset(pair) in self.joined)

    def _kept(self, groups: Sequence[Group], number: int) -> NDArray[np.bool_]:
        """Whether both boundaries of a group are kept, and the pairs in it that the rule joined, by resample."""
        kept = [self._ordered(groups[at], groups[at + 1]) for at in (number - 1, number) if 0 <= at < len(groups) - 1]
        kept += [self.place[a] == self.place[b] for a, b in self._pairs(groups[number])]
        every = np.ones(len(self.place[groups[number][0].factor]), bool)
        return np.all([every, *kept], axis=0)


def resample(findings: Findings, resamples: int = RESAMPLES) -> Resamples:
    """Plan the groups of contexts drawn anew, of findings of which every factor has a freezing point."""
    names = [each.factor for each in findings.factors]
    joined = frozenset(
        frozenset((a.factor, b.factor))
        for group in natural_groups(findings)
        for a, b in itertools.combinations(group, 2)
    )
    found = Resamples(findings, {}, joined)
    points = np.array([each.planning_points for each in findings.factors], np.float64)  # None: NaN
    if points.shape[1] < 2:
        return found
    basis = replace(findings, conditional={}) if found.of_order else findings
    groupings = _groupings(basis, points, resamples)
    place = np.array(
        [[next(at for at, group in enumerate(groups) if name in group) for groups in groupings] for name in names]
    )
    return replace(found, place=dict(zip(names, place, strict=True)))


def _groupings(findings: Findings, points: NDArray[np.float64], resamples: int) -> list[list[list[str]]]:
    """The groups of each resample, from the points (factors, contexts)."""
    names, contexts = [each.factor for each in findings.factors], points.shape[1]
    stream, at, found = np.random.default_rng(_SEED), {name: k for k, name in enumerate(names)}, []
    for begin in range(0, resamples, max(_AT_ONCE // contexts, 1)):
        count = min(max(_AT_ONCE // contexts, 1), resamples - begin)
        drawn = stream.integers(contexts, size=(count, contexts)) + contexts * np.arange(count)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=count * contexts).reshape(count, contexts).astype(np.float64)
        values = np.stack([_values(findings, k, points[k], counts) for k in range(len(names))], axis=1)
        alike = _alike(findings, points, counts)
        for row, matrix in zip(values.tolist(), alike.tolist(), strict=True):
            values_of = dict(zip(names, row, strict=True))
            found.append(grouped(values_of, lambda a, b, like=matrix: like[at[a]][at[b]]))  # type: ignore[misc]
    return found


def _values(
    findings: Findings, k: int, points: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What a factor is planned by in each resample (resamples,): its conditional value, or the median anew.

    Where no drawn context has a point of it, the median of all that have.
    """
    factor = findings.factors[k]
    if factor.factor in findings.conditional:
        return np.full(len(counts), findings.conditional[factor.factor])
    known, whole = np.flatnonzero(np.isfinite(points)), factor.planning.median or 0.0
    if not len(known):
        return np.full(len(counts), whole)
    known = known[np.argsort(points[known], kind="stable")]
    upto = counts[:, known].cumsum(axis=1)
    n = upto[:, -1]
    ends = [np.minimum((upto <= at[:, None]).sum(axis=1), len(known) - 1) for at in ((n - 1) // 2, n // 2)]
    medians = np.mean([points[known[end]] for end in ends], axis=0)
    return np.asarray(np.where(n > 0, medians, whole))


def _alike(findings: Findings, points: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether pressure cannot tell two factors apart (resamples, factors, factors): conditional values where both are
    known, else the share of drawn contexts in which either is first; of all contexts where none has both."""
    separation, factors = Separation(findings), findings.factors
    compared = {frozenset((each.first, each.second)) for each in findings.pairs if each.basis == "planning"}
    placed = np.where(points > 0, points, np.nan)
    found = np.zeros((len(counts), len(factors), len(factors)), bool)
    for i, a in enumerate(factors[:-1]):
        rest = factors[i + 1 :]
        difference = log_differences(placed[i], placed[i + 1 :])
        known = np.isfinite(difference)
        drawn = counts @ known.T.astype(np.float64)
        wins = counts @ np.where(known, (np.sign(difference) + 1) / 2, 0.0).T
        # a pair that was never compared has a factor that never freezes alone: it is told apart
        whole = [separation.first(a, b) if frozenset((a.factor, b.factor)) in compared else 1.0 for b in rest]
        first = np.divide(wins, drawn, out=np.tile(whole, (len(counts), 1)), where=drawn > 0)
        found[:, i, i + 1 :], found[:, i + 1 :, i] = undecided(first), undecided(1 - first)
        for j, b in enumerate(rest, i + 1):
            if separation.known(a, b):
                found[:, i, j] = found[:, j, i] = separation.alike(a, b)
    return found


def _boundary(group: Group, after: Group) -> str:
    before, behind = (", ".join(each.factor for each in one) for one in (group, after))
    return f"the boundary between {before} and {behind}"


def _share(share: float) -> str:
    return f"{share:.0%} of {RESAMPLES} resamples of the contexts"
