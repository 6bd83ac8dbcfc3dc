"""``ifp diagnose``."""

import typer

from ifp.cli import options


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("diagnose")(diagnose)


def diagnose(
    run: options.RunPath = None, runs: options.Runs = options.DEFAULT_RUNS, json: options.Json = False
) -> None:
    """Conclude from an annealing run: freezing points per factor, and how well each pair can be told apart.

    Of a run of whole-data annealing: freezing points per latent, whose factor they are about, and owners.
    Writes findings.json into the run.

    Example: ifp diagnose
    """
    from ifp.cli.findings_table import show_findings
    from ifp.cli.tables import show_table
    from ifp.cli.whole_table import show_whole
    from ifp.diagnosis import diagnose as conclude
    from ifp.runs import open_run
    from ifp.whole_results import KIND, diagnose_whole

    if run is not None and open_run(run).kind == KIND:
        show_whole(diagnose_whole(run), json=json)
        return
    found = options.annealing_run(run, runs)
    findings = conclude(found)
    if not json:
        pairs = [
            {
                "first": pair.first,
                "second": pair.second,
                "overlap": pair.overlap,
                "first freezes first": pair.comparison.superiority,
                "ratio": pair.comparison.ratio,
                "p (Holm)": pair.p_holm,
            }
            for pair in findings.pairs
            if pair.basis == "planning"
        ]
        contexts = findings.factors[0].planning.n
        show_table(f"pairs of factors, closed form over the same {contexts} contexts", pairs)
    show_findings(findings, json=json)
    typer.echo("written: " + " ".join(str(path) for path in sorted(found.path.glob("*.*"))), err=True)
