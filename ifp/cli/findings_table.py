"""The table of freezing points that anneal and diagnose print."""

from analysis.distributions import Summary
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
            "95%": _interval(each.ifp),
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


def _interval(summary: Summary) -> str:
    """Bootstrap interval of the median, and how many cases are known only to lie beyond the sweep."""
    ends = "-" if summary.low is None or summary.high is None else f"{summary.low:.4g}..{summary.high:.4g}"
    beyond = [f"{count} {word}" for count, word in ((summary.below, "below"), (summary.above, "above")) if count]
    return " ".join([ends, *beyond])
