"""Tables of an annealing run's findings: freezing points, distributions, pairs of factors, predicted diffusion."""

from collections.abc import Sequence

from analysis.findings import Findings
from analysis.separability import PairFindings, separability_matrix
from ifp.tables.table import Table


def freezing_points(findings: Findings) -> Table:
    """One row per factor: medians of what was measured beside the closed form, in nats."""
    rows = tuple({str(name): value for name, value in row.items()} for row in findings.to_frame().to_dict("records"))
    contexts = findings.factors[0].planning.n
    title = (
        f"{findings.dataset}: median freezing points, as pressures beta in nats (reconstruction summed over pixels). "
        f"spectral: closed form of the same cases; planning: closed form over {contexts} contexts. n: cases with a "
        "freezing point, of all. bracket: its upper end over its lower end. knee in, knee out: cases whose bracket, up "
        "to the network's knee, contains the closed form or does not. crossings: cases in which freezing and melting "
        "alone enclose it"
    )
    return Table(title, rows)


def distributions(findings: Findings) -> Table:
    """Two rows per factor: of the measured freezing points, then of the closed form over the planning contexts."""
    rows = tuple(
        {
            "factor": each.factor,
            "of": basis,
            "n": summary.n,
            "below": summary.below,
            "above": summary.above,
            "median": summary.median,
            "interval, 95% or more": _between(summary.low, summary.high),
            "quartiles": _between(summary.q25, summary.q75),
        }
        for each in findings.factors
        for basis, summary in (("measured", each.ifp), ("closed form", each.planning))
    )
    return Table(
        "distributions of freezing points, in nats. below, above: cases known only to lie beyond the sweep; they keep "
        "their place in the order. interval: of the median, from order statistics, if there are six cases or more",
        rows,
    )


def pairs(findings: Findings) -> list[Table]:
    """One row per pair of factors: a table over the planning contexts, and one of measured cases if there are any."""
    found = []
    for basis in ("planning", "measured"):
        rows = tuple(
            {
                "first": pair.first,
                "second": pair.second,
                "first freezes first": pair.comparison.superiority,
                "ratio": pair.comparison.ratio,
                "effect": pair.comparison.effect,
                "overlap": pair.overlap,
                "n": pair.comparison.n,
                "p (Holm)": pair.p_holm,
            }
            for pair in findings.pairs
            if pair.basis == basis
        )
        what = "closed form over the planning contexts"
        if basis == "measured" and rows:
            what = f"measured cases{_floor([pair for pair in findings.pairs if pair.basis == basis])}"
        if rows:
            found.append(Table(f"pairs of factors, {what}. effect: rank-biserial correlation, -1 to 1", rows))
    return found


def _floor(pairs: Sequence[PairFindings]) -> str:
    """The least that a p-value of Wilcoxon's signed-rank test over so few pairs can be, adjusted for so many tests."""
    if not all(pair.comparison.paired for pair in pairs):
        return ""
    contexts = max(pair.comparison.n for pair in pairs)
    least = min(1.0, len(pairs) * 2.0 ** (1 - contexts))
    return f", {contexts} contexts or fewer: p (Holm) cannot fall below {least:.2g}"


def separability(findings: Findings) -> Table:
    """Row by column: how often the row's factor freezes first."""
    names = [each.factor for each in findings.factors]
    matrix = separability_matrix(names, findings.pairs, "planning")
    return Table(
        "separability: share of planning contexts in which the row's factor freezes at a higher pressure than the "
        "column's. 0 or 1: certain; 0.5: pressure cannot tell the two apart",
        tuple(
            {"factor": name, **dict(zip(names, map(float, row), strict=True))}
            for name, row in zip(names, matrix, strict=True)
        ),
    )


def mixing(findings: Findings) -> Table:
    """Predicted diffusion, row by column: what the code of the column's factor tells of the row's by itself."""
    names = [each.factor for each in findings.factors]
    nats = {(pair.factor, pair.other): round(pair.nats, 3) for pair in findings.mixing}
    rows = tuple({"factor": name, **{other: nats.get((name, other)) for other in names}} for name in names)
    return Table(
        "predicted diffusion: nats of the row's factor that the code of the column's factor carries by itself, and "
        "that therefore end up in its latent. For factors that freeze at the same pressure: the mean over mixtures",
        rows,
    )


def _between(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.4g} .. {high:.4g}"
