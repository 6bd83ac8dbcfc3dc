"""The table of freezing points that anneal and diagnose print."""

from analysis.findings import Findings
from ifp.cli.tables import show_table


def show_findings(findings: Findings, *, json: bool = False) -> None:
    """One row per factor: medians of what was measured beside the closed form, in nats."""
    rows = [
        {
            "factor": each.factor,
            "freezing": each.freezing.median,
            "melting": each.melting.median,
            "ifp": each.ifp.median,
            "spectral": each.spectral.median,
            "n": each.ifp.n,
            "of": each.cases,
            "bracket": each.bracket_width,
            "holds": each.bracketed,
            "planning": each.planning.median,
        }
        for each in findings.factors
    ]
    contexts = findings.factors[0].planning.n
    title = (
        f"{findings.dataset}: median pressures beta in nats (reconstruction summed over pixels); bracket: upper / "
        f"lower end; holds: share of brackets with the closed form; planning: closed form over {contexts} contexts"
    )
    show_table(title, rows, json=json)


def show_pairs(findings: Findings) -> None:
    """One row per pair of factors: over the planning contexts, then measured."""
    for basis in ("planning", "measured"):
        rows = [
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
        ]
        what = "closed form over the planning contexts" if basis == "planning" else "measured cases"
        if rows:
            show_table(f"pairs of factors, {what}; effect: rank-biserial correlation, -1 to 1", rows)


def show_distributions(findings: Findings) -> None:
    """Two rows per factor: of the measured freezing points, then of the closed form over the planning contexts."""
    rows = [
        {
            "factor": each.factor,
            "of": basis,
            "n": summary.n,
            "below": summary.below,
            "above": summary.above,
            "median": summary.median,
            "95% interval": _between(summary.low, summary.high),
            "quartiles": _between(summary.q25, summary.q75),
        }
        for each in findings.factors
        for basis, summary in (("measured", each.ifp), ("closed form", each.planning))
    ]
    show_table(
        "distributions of freezing points, nats; below, above: cases known only to lie beyond the sweep, which keep "
        "their place in the order; interval: of the median, by bootstrap",
        rows,
    )


def _between(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.4g} .. {high:.4g}"
