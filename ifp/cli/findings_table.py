"""What anneal prints of findings."""

import typer

from analysis.findings import Findings
from analysis.plain_json import json_bytes
from analysis.whole_findings import WholeFindings
from ifp.api.kinds import RunFindings
from ifp.cli.tables import show
from ifp.tables.findings import freezing_points
from ifp.tables.whole import whole_remarks, whole_tables


def show_freezing_points(findings: RunFindings, *, json: bool = False) -> None:
    """Freezing points alone, of either kind of annealing; with ``json`` on stdout."""
    if isinstance(findings, WholeFindings):
        show_whole(findings, json=json)
    elif isinstance(findings, Findings):
        show(freezing_points(findings), json=json)


def show_whole(findings: WholeFindings, *, json: bool = False) -> None:
    """Tables on stderr or, with ``json``, all findings as one object on stdout."""
    if json:
        typer.echo(json_bytes(findings).decode(), nl=False)
        return
    for table in whole_tables(findings):
        show(table)
    for remark in whole_remarks(findings):
        typer.echo(remark, err=True)
