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
