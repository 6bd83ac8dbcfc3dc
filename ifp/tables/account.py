"""What a diagnosis finds, told in order: a heading for each step, a few sentences, and the tables behind them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.diffusion import Diffusion
from analysis.diffusion_events import DiffusionEvent
from analysis.findings import Findings
from analysis.groups import undecided
from analysis.watched_findings import WatchedFindings
from analysis.whole_findings import WholeFindings
from annealing.thresholds import INFORMED
from ifp.tables import findings as tables
from ifp.tables.diffusion import events, owners
from ifp.tables.plan_outcome import planned_and_found
from ifp.tables.table import Table
from ifp.tables.watched import watched_latents
from ifp.tables.whole import whole_tables

_MOST = 4  # pairs or latents named in one sentence
_CLEAR = 0.95  # share of contexts in which one of two factors freezes first, from which their order is clear


@dataclass(frozen=True)
class Chapter:
    """One step of a diagnosis.

    Attributes:
        heading: of the step.
        sentences: what was found.
        tables: short ones that belong to the sentences.
        details: long ones, for those who ask.
    """

    heading: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    details: tuple[Table, ...] = ()


def annealing_chapters(findings: Findings) -> list[Chapter]:
    """An annealing test: where factors freeze, which of them pressure tells apart, what is predicted to spread."""
    chapters = [
        Chapter(
            "Where factors freeze",
            tuple(_freezing(findings)),
            details=(tables.freezing_points(findings), tables.distributions(findings)),
        ),
        Chapter(
            "Which factors pressure can tell apart",
            tuple(_order(findings)),
            details=(tables.separability(findings), *tables.pairs(findings)),
        ),
    ]
    if findings.mixing:
        predicted = Chapter(
            "Where information is predicted to spread", (_predicted(findings),), details=(tables.mixing(findings),)
        )
        chapters.append(predicted)
    return [chapter for chapter in chapters if chapter.sentences]


def _freezing(findings: Findings) -> Iterator[str]:
    placed = [(each.planning.median, each.factor) for each in findings.factors]
    known = sorted(((beta, name) for beta, name in placed if beta), reverse=True)
    if known:
        order = ", ".join(f"{name} at {beta:.4g}" for beta, name in known)
        contexts = findings.factors[0].planning.n
        yield f"In the closed form over {contexts} contexts the factors freeze in this order, in nats: {order}."
    cases = sum(each.cases for each in findings.factors)
    if not cases:
        return
    points = sum(each.ifp.n for each in findings.factors)
    away = [
        (abs(each.ifp.median / each.spectral.median - 1), each.factor)
        for each in findings.factors
        if each.ifp.median and each.spectral.median and math.isfinite(each.ifp.median / each.spectral.median)
    ]
    measured = f"{points} of {cases} measured cases have a freezing point"
    if away:
        most, factor = max(away)
        measured += f"; the medians lie within {most:.1%} of the closed form of the same cases ({factor} is farthest)"
    yield f"{measured}."


def _order(findings: Findings) -> Iterator[str]:
    pairs = []
    for each in findings.pairs:
        if each.basis == "planning":
            share, names = each.comparison.superiority, (each.first, each.second)
            pairs.append((share, *names) if share >= 0.5 else (1 - share, *names[::-1]))
    alike = [pair for pair in pairs if undecided(pair[0])]
    partly = [pair for pair in pairs if not undecided(pair[0]) and pair[0] < _CLEAR]
    clear = len(pairs) - len(alike) - len(partly)
    if clear:
        yield f"In {clear} of {len(pairs)} pairs one factor freezes first in {_CLEAR:.0%} of the contexts or more."
    if partly:
        told = [f"{first} before {second} ({share:.0%})" for share, first, second in sorted(partly)]
        yield f"The order is less sure for {_some(told)}."
    if alike:
        told = [f"{first} and {second} ({first} first in {share:.0%})" for share, first, second in sorted(alike)]
        yield f"Pressure cannot tell apart {_some(told)}."


def _predicted(findings: Findings) -> str:
    strong = sorted((pair for pair in findings.mixing if pair.nats >= INFORMED), key=lambda pair: -pair.nats)
    if not strong:
        return f"No factor's code carries {INFORMED:g} nats or more of another factor."
    told = [f"{pair.nats:.2g} nats of {pair.factor} in the latent of {pair.other}" for pair in strong]
    return f"Expect {_some(told)}: the code of the one carries that much of the other."


def training_chapters(label: str, found: Diffusion) -> list[Chapter]:
    """A training run: which latent holds which factor, what spread on the way, and what became of the plan."""
    spread = "What spread, and when"
    chapters = [
        Chapter("Which latent holds which factor", tuple(_holders(found)), (owners(label, found),)),
        Chapter(spread, tuple(_spread(found)), details=(events(found),) if found.events else ()),
    ]
    if found.plan:
        verdicts: dict[str, list[str]] = {}
        for each in found.plan:
            verdicts.setdefault(each.verdict, []).append(each.factor)
        told = tuple(f"{', '.join(names)}: {verdict}." for verdict, names in verdicts.items())
        chapters.append(Chapter("What became of the plan", told, details=(planned_and_found(found),)))
    return chapters


def _holders(found: Diffusion) -> Iterator[str]:
    owned: dict[int, list[str]] = {}
    for each in found.factors:
        if each.owner is not None:
            owned.setdefault(each.owner, []).append(each.factor)
    if owned:
        told = [f"z{latent} owns {_joined(names)}" for latent, names in sorted(owned.items())]
        yield f"{_joined(told)}."
    shared = [each.factor for each in found.factors if each.owner is None and each.nats >= INFORMED]
    absent = [each.factor for each in found.factors if each.owner is None and each.nats < INFORMED]
    if shared:
        yield f"Some information about {_joined(shared)} is there, but in no latent alone."
    if absent:
        yield f"No latent holds {_joined(absent, 'or')}."


def _spread(found: Diffusion) -> Iterator[str]:
    if found.index is None:
        yield "No latent holds any factor, so there is no diffusion index."
        return
    parts = [f"{found.since_freezing:.3f} of it came after the factors froze"]
    if found.before_last is not None:
        parts.append(f"before the last stage it was {found.before_last:.3f}")
    yield (
        f"The diffusion index is {found.index:.3f} (0: each factor in one latent, 1: spread evenly); "
        f"{', and '.join(parts)}."
    )
    if not found.events:
        yield "At no step did information spread, gather or move."
        return
    largest = max(found.events, key=lambda event: event.nats)
    many = "once" if len(found.events) == 1 else f"{len(found.events)} times"
    yield f"Information spread, gathered or moved {many}; the largest event: {_event(largest)}."


def _event(event: DiffusionEvent) -> str:
    verb = {"spread": "spread", "gather": "gathered", "move": "moved"}[event.kind]
    return (
        f"{event.nats:.2g} nats of {event.factor} {verb} from z{event.out_of} into z{event.into} "
        f"at step {event.step}, beta {event.pressure:.4g}"
    )


def whole_chapters(findings: WholeFindings) -> list[Chapter]:
    """Whole-data annealing: where latents melt and freeze; what follows of factors is :func:`training_chapters`."""
    melted = [(each.point, each.latent) for each in findings.latents_melting if each.statuses[0] == "ok"]
    frozen = [(each.freezing[0], each.latent) for each in findings.latents if each.statuses[0] == "ok"]
    told = [
        f"As beta {way}, {len(points)} of {len(findings.latents)} latents {verb}"
        f": {_some([f'z{latent} at {beta:.4g}' for beta, latent in sorted(points, reverse=True)])} nats."
        for way, verb, points in (("rose", "melted", melted), ("fell", "froze", frozen))
        if points
    ]
    return [Chapter("Where latents freeze", tuple(told or ["No latent froze."]), details=tuple(whole_tables(findings)))]


def watched_chapters(label: str, found: WatchedFindings) -> list[Chapter]:
    """A watched training: when latents froze; what follows of factors is :func:`training_chapters`."""
    froze = [f"z{each.latent} at step {each.froze_at}" for each in found.latents if each.froze_at is not None]
    told = f"{len(froze)} of {len(found.latents)} latents froze while they were watched"
    told += f": {_some(froze)}." if froze else "."
    return [Chapter("When latents froze", (told,), (watched_latents(label, found),))]


def _joined(words: Sequence[str], last: str = "and") -> str:
    """Words as a sentence lists them.

    >>> _joined(["a"]), _joined(["a", "b"]), _joined(["a", "b", "c"], "or")
    ('a', 'a and b', 'a, b or c')
    """
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _some(words: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    return _joined(words) if len(words) <= _MOST else _joined([*words[:_MOST], f"{len(words) - _MOST} more"])
