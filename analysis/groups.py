"""Factors in groups that freeze one after the other, and how sure it is that they do."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.findings import FactorFindings, Findings
from analysis.modes import degenerate_modes
from analysis.separability import PairFindings
from annealing.errors import IFPError

# Two factors count as one group when neither freezes first in clearly more contexts than the other:
# |P(a first) - P(b first)| below Romano's bound of a negligible effect.
NEGLIGIBLE = 0.147
_NEAR = 0.75  # share of the higher of two conditional values from which they earn a warning
_OVERLAPPING = 0.5  # overlap of densities from which neighbouring groups earn a warning

Group = list[FactorFindings]


def freezes(factor: FactorFindings, findings: Findings) -> bool:
    """Whether a factor has a freezing point to plan by; it has none if no image varies with it."""
    return bool(findings.conditional.get(factor.factor, factor.planning.median))


def freezing_value(factor: FactorFindings, findings: Findings) -> float:
    """The pressure that a factor is planned by: given the factors frozen before if known, else the median alone.

    Raises:
        IFPError: the factor has none.
    """
    value = findings.conditional.get(factor.factor, factor.planning.median)
    if not value:
        raise IFPError(f"need a freezing point of every factor to plan with, {factor.factor} has none")
    return value


def undecided(first: ArrayLike) -> NDArray[np.bool_]:
    """Whether neither of two factors freezes first clearly more often, by the share of contexts in which one does."""
    return np.abs(2 * np.asarray(first) - 1) < NEGLIGIBLE


class Separation:
    """How the factors of some findings are told apart, over the planning contexts."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._pairs = {
            frozenset((each.first, each.second)): each for each in findings.pairs if each.basis == "planning"
        }

    def pair(self, a: FactorFindings, b: FactorFindings) -> PairFindings:
        """How the two were compared; IFPError if they were not."""
        pair = self._pairs.get(frozenset((a.factor, b.factor)))
        if pair is None:
            raise IFPError(f"need {a.factor} and {b.factor} compared to plan with, the findings do not")
        return pair

    def first(self, a: FactorFindings, b: FactorFindings) -> float:
        """Share of contexts in which a freezes at a higher pressure than b."""
        pair = self.pair(a, b)
        return pair.comparison.superiority if pair.first == a.factor else 1 - pair.comparison.superiority

    def known(self, a: FactorFindings, b: FactorFindings) -> bool:
        """Whether both have conditional values, which then decide, not the contexts in which each varies alone."""
        return {a.factor, b.factor} <= set(self._findings.conditional)

    def alike(self, a: FactorFindings, b: FactorFindings) -> bool:
        """Whether pressure cannot tell them apart, by their conditional values if known, else by contexts."""
        if self.known(a, b):
            values = {each.factor: self._findings.conditional[each.factor] for each in (a, b)}
            return len(degenerate_modes(values, self._findings.same_within)) == 1
        return bool(undecided(self.first(a, b)))

    def between(self, group: Group, after: Group) -> float:
        """How surely every factor of a group freezes before every one of the next, in 0..1.

        The smallest share of contexts or, if conditional values decide, the smallest relative distance between them.
        """
        pairs = [(a, b) for a in group for b in after]
        if all(self.known(a, b) for a, b in pairs):
            conditional = self._findings.conditional
            return min(1 - conditional[b.factor] / conditional[a.factor] for a, b in pairs)
        return min(self.first(a, b) for a, b in pairs)


def natural_groups(findings: Findings) -> list[Group]:
    """Factors from the highest freezing point down; one that cannot be told apart from a whole group joins it."""
    separation = Separation(findings)
    known = {each.factor: each for each in findings.factors}
    values = {name: freezing_value(each, findings) for name, each in known.items()}
    groups = grouped(values, lambda a, b: separation.alike(known[a], known[b]))
    return [[known[name] for name in group] for group in groups]


def grouped(values: Mapping[str, float], alike: Callable[[str, str], bool]) -> list[list[str]]:
    """Names from the highest value down; each joins the last group if like every member, else begins a new one.

    >>> grouped({"a": 3.0, "b": 2.0, "c": 1.0}, lambda first, second: second == "b")
    [['a', 'b'], ['c']]
    """
    groups: list[list[str]] = []
    for name in sorted(values, key=lambda each: (-values[each], each)):
        if groups and all(alike(member, name) for member in groups[-1]):
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


def regrouped(groups: Sequence[Group], stages: int, findings: Findings) -> list[Group]:
    """The same factors in ``stages`` groups: joined where their order is least sure, split where it is surest.

    Raises:
        IFPError: more stages than factors, or none.
    """
    factors = sum(len(group) for group in groups)
    if not 1 <= stages <= factors:
        raise IFPError(f"need 1 to {factors} stages for {factors} factors, got {stages}")
    separation = Separation(findings)
    found = [list(group) for group in groups]
    while len(found) > stages:
        at = min(range(len(found) - 1), key=lambda i: separation.between(found[i], found[i + 1]))
        found[at : at + 2] = [[*found[at], *found[at + 1]]]
    while len(found) < stages:
        cuts = [(i, j) for i, group in enumerate(found) for j in range(1, len(group))]
        at, cut = max(cuts, key=lambda each: separation.between(found[each[0]][: each[1]], found[each[0]][each[1] :]))
        found[at : at + 1] = [found[at][:cut], found[at][cut:]]
    return found


def separation_warnings(groups: Sequence[Group], findings: Findings) -> list[str]:
    """What makes the order of the groups doubtful."""
    separation = Separation(findings)
    found = []
    for group in groups:
        for a, b in itertools.combinations(group, 2):
            if separation.alike(a, b):
                if separation.known(a, b):
                    why = " and ".join(f"{freezing_value(each, findings):.4g}" for each in (a, b)) + " nats"
                else:
                    why = f"{a.factor} freezes first in {100 * separation.first(a, b):.0f}% of contexts"
                found.append(f"{a.factor} and {b.factor} cannot be told apart by pressure ({why}): one stage for both")
    for group, after in itertools.pairwise(groups):
        for a in group:
            for b in after:
                if separation.known(a, b):
                    higher, lower = (freezing_value(each, findings) for each in (a, b))
                    if lower > _NEAR * higher:
                        found.append(
                            f"{a.factor} and {b.factor} freeze near each other: {higher:.4g} and {lower:.4g} nats"
                        )
                    continue
                shared, first = separation.pair(a, b).overlap or 0, separation.first(a, b)
                if shared > _OVERLAPPING or first < 1 - _OVERLAPPING / 2:
                    found.append(
                        f"{a.factor} and {b.factor} overlap ({shared:.2f}): "
                        f"{b.factor} freezes first in {100 * (1 - first):.0f}% of contexts"
                    )
    return found
