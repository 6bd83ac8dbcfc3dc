"""What anneal and diagnose print of whole-data annealing."""

import typer

from analysis.whole_findings import WholeFindings
from ifp.cli.tables import show
from ifp.tables.whole import whole_remarks, whole_tables


def show_whole(findings: WholeFindings, *, json: bool = False) -> None:
    """Tables on stderr or, with ``json``, all findings as one object on stdout."""
    if json:
        from analysis.plain_json import json_bytes

        typer.echo(json_bytes(findings).decode(), nl=False)
        return
    for table in whole_tables(findings):
        show(table)
    for remark in whole_remarks(findings):
        typer.echo(remark, err=True)
